"""A stock table in memory, for tests: the same obligations as `DynamoStock`."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from cafe_kit.errors import ThrottledError

from cafe_inventory.models import (
    Exists,
    Held,
    Outcome,
    OutOfStock,
    ParItem,
    Reservation,
    ReservationStatus,
    StockItem,
)


class FakeStock:
    """Set `throttled` to make every call fail as DynamoDB without capacity does."""

    def __init__(self) -> None:
        self._available: dict[tuple[str, str], int] = {}
        self._reserved: dict[tuple[str, str], int] = {}
        self._reservations: dict[str, Reservation] = {}
        self.throttled = False

    async def stock(self, store_id: str) -> list[StockItem]:
        """All items of a store."""
        self._check()
        return [
            StockItem(
                sku=sku,
                on_hand=available + self._reserved[store, sku],
                reserved=self._reserved[store, sku],
            )
            for (store, sku), available in sorted(self._available.items())
            if store == store_id
        ]

    async def put_par(self, store_id: str, par: Sequence[ParItem]) -> None:
        """Create what is missing."""
        self._check()
        for item in par:
            self._available.setdefault((store_id, item.sku), item.quantity)
            self._reserved.setdefault((store_id, item.sku), 0)

    async def delete_stock(self, store_id: str) -> None:
        """Forget a store's stock."""
        self._check()
        for key in [key for key in self._available if key[0] == store_id]:
            del self._available[key], self._reserved[key]

    async def reservation(self, order_id: str) -> Reservation | None:
        """An order's reservation."""
        self._check()
        return self._reservations.get(order_id)

    async def reserve(self, wanted: Reservation, now: datetime) -> Outcome:  # noqa: ARG002 - port
        """Keep all or nothing."""
        self._check()
        known = self._reservations.get(wanted.order_id)
        if known is not None and not (known.status == "released" and known.expired):
            return Exists()
        for line in wanted.lines:
            available = self._available.get((wanted.store_id, line.sku), 0)
            if available < line.quantity:
                return OutOfStock(line.sku, available)
        self._move(wanted, available=-1, reserved=1)
        self._reservations[wanted.order_id] = wanted
        return Held()

    async def settle(
        self,
        held: Reservation,
        status: ReservationStatus,
        now: datetime,  # noqa: ARG002 - the port wants it
        *,
        expired: bool = False,
    ) -> bool:
        """Commit or release; False when it is not held any more."""
        self._check()
        if self._reservations.get(held.order_id) != held:
            return False
        self._move(held, available=1 if status == "released" else 0, reserved=-1)
        self._reservations[held.order_id] = replace(held, status=status, expired=expired)
        return True

    async def lapsed(self, now: datetime) -> list[str]:
        """Order ids of holds whose time is over."""
        self._check()
        return [
            r.order_id
            for r in self._reservations.values()
            if r.status == "reserved" and not r.synthetic and r.held_until < now
        ]

    def _move(self, reservation: Reservation, *, available: int, reserved: int) -> None:
        if reservation.synthetic:
            return
        for line in reservation.lines:
            key = (reservation.store_id, line.sku)
            if key in self._available:
                self._available[key] += available * line.quantity
                self._reserved[key] += reserved * line.quantity

    def _check(self) -> None:
        if self.throttled:
            raise ThrottledError("DynamoDB", "DynamoDB throttles this service (fake).")
