"""The cafe's services in memory, by the HTTP contract that the operator relies on.

`FakeHttp.mount` takes `handle` for order, menu and inventory alike; the integration tests serve it
over a real socket.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Answer = tuple[int, Any]
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
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[tuple[str, str], str] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    busy: dict[str, tuple[float, int | None]] = field(default_factory=dict)  # orders/min, p95 ms
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def handle(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Answer:
        """Answer one request."""
        lower = {name.lower(): value for name, value in headers.items()}
        if lower.get("authorization") != f"Bearer {self.token}":
            return 401, {"title": "Unauthorized", "detail": "who are you?"}
        if method != "GET":
            self.writes.append(f"{method} {path}")
        answer: Answer = (404, {"title": "Not found"})
        match path.strip("/").split("/"):
            case ["orders"]:
                answer = self._order(body, lower.get("idempotency-key", ""))
            case ["orders", number] if number in self.orders:
                answer = 200, self._with_ending(number)
            case ["activity"]:
                answer = 200, self._activity()
            case ["stores", store]:
                answer = self._part(self.stores, method, store, body, lambda b: {"id": store, **b})
            case ["stores", store, "menu"]:
                answer = self._part(self.menus, method, store, body, lambda b: {**b, "version": 1})
            case ["stores", store, "stock"]:
                answer = self._stock(method, store, body)
        return answer

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
        elif method == "DELETE":
            kept.pop(store, None)
            return 204, None
        return (200, kept[store]) if store in kept else GONE

    def _stock(self, method: str, store: str, body: Any) -> Answer:
        if method == "PUT":
            par = {item["sku"]: item["quantity"] for item in body["items"]}
            self.stocks[store] = par | self.stocks.get(store, {})
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
