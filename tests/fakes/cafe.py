"""The cafe's services in memory, by the HTTP contract that the operator relies on.

`FakeHttp.mount` takes `handle` for order, menu and inventory alike; the integration tests serve it
over a real socket.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

Answer = tuple[int, Any]
STORE_ID, MOST_STORES = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}\Z"), 100
BAD_ID: Answer = (422, {"title": "A value is not acceptable", "detail": "store id"})
GONE: Answer = (404, {"title": "Not found", "detail": "unknown store", "remedy": "create it"})


@dataclass
class FakeCafe:
    """All three services. `ending` is what becomes of orders: confirmed, rejected or placed."""

    token: str = "token"
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ending: str = "confirmed"
    stores: dict[str, dict[str, Any]] = field(default_factory=dict)
    menus: dict[str, dict[str, Any]] = field(default_factory=dict)
    stocks: dict[str, dict[str, int]] = field(default_factory=dict)
    under_way: dict[str, int] = field(default_factory=dict)  # guests' orders, by store
    held: dict[str, str] = field(default_factory=dict)  # an item that orders hold, by store
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[tuple[str, str], str] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    busy: dict[str, tuple[float, int | None]] = field(default_factory=dict)  # orders/min, p95 ms
    old: bool = False  # of a release in which stores are read one by one
    unread: set[str] = field(default_factory=set)  # what a read of many leaves open
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def handle(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Answer:
        """Answer one request."""
        lower = {name.lower(): value for name, value in headers.items()}
        if lower.get("authorization") != f"Bearer {self.token}":
            return 401, {"title": "Unauthorized", "detail": "who are you?"}
        if method != "GET":
            self.writes.append(f"{method} {path}")
        answer: Answer = (404, {"title": "Not found"})
        path, _, query = path.partition("?")
        match path.strip("/").split("/"):
            case [("stores:batch" | "menus:batch" | "stocks:batch") as many] if not self.old:
                stores = parse_qs(query).get("id", [])
                answer = self._many(many.removesuffix("s:batch"), stores)
            case ["orders"]:
                answer = self._order(body, lower.get("idempotency-key", ""))
            case ["orders", number] if number in self.orders:
                answer = 200, self._with_ending(number)
            case ["activity"]:
                answer = 200, self._activity()
            case ["stores", store, *_] if not STORE_ID.match(store):
                answer = BAD_ID
            case ["stores", store]:
                answer = self._of_store(method, store, "store", body)
            case ["stores", store, ("menu" | "stock") as part]:
                answer = self._of_store(method, store, part, body)
        return answer

    def _many(self, part: str, stores: list[str]) -> Answer:
        """Tell of many stores what each is told alone."""
        if not 0 < len(stores) <= MOST_STORES or not all(map(STORE_ID.match, stores)):
            return BAD_ID
        answers = {
            store: self._of_store("GET", store, part, None)
            for store in stores
            if store not in self.unread
        }
        found = {store: told for store, (status, told) in answers.items() if status != GONE[0]}
        return 200, {"found": found, "unread": [one for one in stores if one in self.unread]}

    def _of_store(self, method: str, store: str, part: str, body: Any) -> Answer:
        match part:
            case "menu":
                return self._part(self.menus, method, store, body, lambda b: {**b, "version": 1})
            case "stock":
                return self._stock(method, store, body)
        return self._part(self.stores, method, store, body, lambda b: {"id": store, **b})

    def _activity(self) -> dict[str, Any]:
        busiest = sorted(self.busy.items(), key=lambda item: -item[1][0])
        waits = [wait for _, wait in self.busy.values() if wait is not None]
        stores = [
            {"storeId": store, "ordersPerMinute": rate, "p95Milliseconds": wait}
            for store, (rate, wait) in busiest
        ]
        rate = sum(one for one, _ in self.busy.values())
        fleet = {"ordersPerMinute": rate, "p95Milliseconds": max(waits, default=None)}
        return {"fleet": fleet, "stores": stores}

    def _part(
        self,
        kept: dict[str, dict[str, Any]],
        method: str,
        store: str,
        body: Any,
        view: Callable[[dict[str, Any]], dict[str, Any]],
    ) -> Answer:
        if method == "PUT":
            kept[store] = view(body)
        elif method == "DELETE" and kept is self.stores and self.under_way.get(store):
            told = f"{self.under_way[store]} orders are under way at store {store!r}."
            return 409, {"title": "Conflict", "detail": told}
        elif method == "DELETE":
            kept.pop(store, None)
            return 204, None
        return (200, kept[store]) if store in kept else GONE

    def _stock(self, method: str, store: str, body: Any) -> Answer:
        if method == "PUT":
            par = {item["sku"]: item["quantity"] for item in body["items"]}
            self.stocks[store] = par | self.stocks.get(store, {})
        elif method == "DELETE" and store in self.held:
            return 409, {"title": "Conflict", "detail": f"Orders hold 2 of {self.held[store]!r}"}
        elif method == "DELETE":
            self.stocks.pop(store, None)
            return 204, None
        if store not in self.stocks:
            return GONE
        rows = self.stocks[store].items()
        return 200, {"items": [{"sku": s, "onHand": n, "reserved": 0} for s, n in rows]}

    def _order(self, body: Any, key: str) -> Answer:
        store = self.stores.get(body["storeId"])
        if store is None:
            return GONE
        if not store["acceptingOrders"] and not body.get("synthetic"):
            return 409, {"title": "Store closed"}
        known = self.keys.get((body["storeId"], key))
        if known:
            return 201, self.orders[known] | {"status": "placed", "history": []}
        number = f"order-{next(self._numbers)}"
        placed = self.now().isoformat()
        self.orders[number] = {
            "id": number,
            "storeId": body["storeId"],
            "status": "placed",
            "placedAt": placed,
            "synthetic": body.get("synthetic", False),
            "history": [{"status": "placed", "at": placed}],
        }
        self.keys[body["storeId"], key] = number
        return 201, self.orders[number]

    def _with_ending(self, number: str) -> dict[str, Any]:
        order = self.orders[number]
        if order["status"] == "placed" and self.ending != "placed":
            entry = {"status": self.ending, "at": self.now().isoformat()}
            if self.ending == "rejected":
                entry["reason"] = "out of stock: espresso"
            order |= {"status": self.ending, "history": [*order["history"], entry]}
        return dict(order)
