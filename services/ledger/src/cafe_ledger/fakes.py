"""Books in memory, for tests of the audit, of cafectl and of the operator.

`FakeBooks` keeps entries as the JSON that services answer with and pages through them as they do.
`sell` and its like write an order into every book as the cafe would; a test then damages one.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cafe_ledger.collect import HOLDS, LEDGER, LEVELS, Book, BookError

Json = dict[str, Any]
BOOKS: tuple[Book, ...] = (
    "order",
    "inventory",
    "payment-processor",
    "payment-provider",
    "loyalty",
    "analytics-worker",
)
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ESPRESSO: tuple[tuple[str, int, int], ...] = (("espresso", 1, 250),)


class FakeBooks:
    """Implements BookReader. `books` are the entries by service, `levels` the stock.

    `holds` are what is reserved of it, order by order.
    """

    def __init__(self) -> None:
        self.books: dict[Book, list[Json]] = {book: [] for book in BOOKS}
        self.levels: list[Json] = []
        self.holds: list[Json] = []
        self.away: set[Book] = set()
        self.kept_from: datetime | None = None
        self.points_kept_from: datetime | None = None
        self.asked: list[tuple[Book, Mapping[str, str]]] = []
        self._numbers = itertools.count(1)

    async def get(self, book: Book, path: str, params: Mapping[str, str]) -> Json:
        """Answer one page."""
        if book in self.away:
            raise BookError(book, "cannot be reached")
        self.asked.append((book, params))
        return self.answer(book, path, params)

    def answer(self, book: Book, path: str, params: Mapping[str, str]) -> Json:
        """Return the page that a service answers with."""
        stock = {LEVELS: self.levels, HOLDS: self.holds}
        entries = stock[path] if path in stock else self._window(book, params)
        store = params.get("storeId")
        found = [one for one in entries if store in (None, one["storeId"])]
        begin, limit = int(params.get("cursor", 0)), int(params["limit"])
        end = begin + limit
        page = {"entries": found[begin:end], "next": str(end) if end < len(found) else None}
        if (book, path) == ("inventory", LEDGER) and self.kept_from:
            page["keptFrom"] = self.kept_from.isoformat()
        if (book, path) == ("loyalty", LEDGER) and self.points_kept_from:
            page["keptFrom"] = self.points_kept_from.isoformat()
        return page

    def order(
        self,
        status: str,
        *,
        at: datetime = NOON,
        store: str = "cloudcafe.soho",
        customer: str | None = "ada",
        lines: Sequence[tuple[str, int, int]] = ESPRESSO,
    ) -> str:
        """Write an order into the order book only; lines are sku, quantity, price."""
        order_id = f"order-{next(self._numbers)}"
        self.books["order"].append(
            self._entry(order_id, store, at)
            | {
                "customerId": customer,
                "status": status,
                "currency": "EUR",
                "totalMinor": sum(quantity * price for _, quantity, price in lines),
                "lines": [
                    {"sku": sku, "quantity": quantity, "unitPriceMinor": price}
                    for sku, quantity, price in lines
                ],
                "updatedAt": at.isoformat(),
            }
        )
        self._write_row(order_id)
        return order_id

    def sell(self, **order: Any) -> str:
        """Write a completed order into every book; arguments are those of `order`."""
        order_id = self.order("completed", **order)
        self.pay(order_id, "captured")
        self.move(order_id, "committed")
        found = self.entry("order", order_id)
        if found["customerId"] and found["totalMinor"] >= 100:  # noqa: PLR2004 - a point's worth
            self.grant(order_id)
        return order_id

    def pay(self, order_id: str, state: str) -> None:
        """Write an order's payment and its charge."""
        order = self.entry("order", order_id)
        amount = {"currency": order["currency"], "amountMinor": order["totalMinor"]}
        written = self._same(order) | amount | {"state": state, "chargeId": f"charge-{order_id}"}
        self.books["payment-processor"].append(dict(written))
        self.books["payment-provider"].append(dict(written))

    def move(self, order_id: str, status: str) -> None:
        """Write an order's movement of stock."""
        order = self.entry("order", order_id)
        lines = [{"sku": one["sku"], "quantity": one["quantity"]} for one in order["lines"]]
        self.books["inventory"].append(self._same(order) | {"status": status, "lines": lines})

    def grant(self, order_id: str, multiplier: int = 1) -> None:
        """Write the points of an order."""
        order = self.entry("order", order_id)
        points = order["totalMinor"] // 100 * multiplier
        told = {"customerId": order["customerId"], "points": points, "multiplier": multiplier}
        self.books["loyalty"].append(self._same(order) | told)

    def level(self, sku: str = "", *, sold: int = 3, available: int = 7, reserved: int = 0) -> Json:
        """Write the stock of one more item, and the order that holds what is reserved of it."""
        store, sku = "cloudcafe.soho", sku or f"item-{len(self.levels) + 1}"
        if reserved:
            lines = [{"sku": sku, "quantity": reserved}]
            held = {"orderId": f"holds-{sku}", "storeId": store, "lines": lines}
            self.holds.append(held)
        level = {
            "storeId": store,
            "sku": sku,
            "received": sold + available + reserved,
            "available": available,
            "reserved": reserved,
            "sold": sold,
            "moves": 0,
            "countedFrom": (NOON - timedelta(days=99)).isoformat(),
        }
        self.levels.append(level)
        return level

    def taken(self, store: str, sku: str) -> int:
        """Return how much of an item orders took for good."""
        return sum(
            line["quantity"]
            for one in self.books["inventory"]
            for line in one["lines"]
            if (one["storeId"], one["status"], line["sku"]) == (store, "committed", sku)
        )

    def entry(self, book: Book, order_id: str) -> Json:
        """Return the first entry of an order in a book: what a test damages."""
        return next(one for one in self.books[book] if one["orderId"] == order_id)

    def remove(self, book: Book, order_id: str) -> None:
        """Tear an order out of one book."""
        self.books[book] = [one for one in self.books[book] if one["orderId"] != order_id]

    def repeat(self, book: Book, order_id: str, **changes: Any) -> None:
        """Write an order's entry a second time."""
        self.books[book].append(self.entry(book, order_id) | changes)

    def _window(self, book: Book, params: Mapping[str, str]) -> list[Json]:
        since = datetime.fromisoformat(params["from"])
        until = datetime.fromisoformat(params["until"])
        entries = self.books[book]
        return [one for one in entries if since <= _placed(one) < until]

    def _entry(self, order_id: str, store: str, at: datetime) -> Json:
        return {"orderId": order_id, "storeId": store, "placedAt": at.isoformat()}

    def _same(self, order: Json) -> Json:
        return {name: order[name] for name in ("orderId", "storeId", "placedAt")}

    def _write_row(self, order_id: str) -> None:
        order = self.entry("order", order_id)
        told = {name: order[name] for name in ("status", "currency", "totalMinor")}
        self.books["analytics-worker"].append(self._same(order) | told | {"rows": 1})


def _placed(entry: Json) -> datetime:
    return datetime.fromisoformat(entry["placedAt"])
