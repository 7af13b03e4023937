"""An order repository and price lists in memory, for tests: the ports' obligations, kept."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from cafe_kit.errors import UnavailableError

from cafe_order.models import (
    HistoryEntry,
    Item,
    KnownStore,
    OrderView,
    Placed,
    Placement,
    PriceList,
    Replay,
    StoreInput,
    StoreView,
)

_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class FakeOrders:
    """Set `away` to fail every call; clear `may_commit` to hold placements in flight."""

    def __init__(self) -> None:
        self.stores: dict[str, StoreView] = {}
        self.placements: dict[str, Placement] = {}
        self.in_flight: set[str] = set()
        self.ended: set[UUID] = set()
        self.away = False
        self.may_commit = asyncio.Event()
        self.may_commit.set()
        self.committing = asyncio.Event()
        """Set as soon as a placement is in flight."""

    def under_way(self, store_id: str) -> int:
        """How many orders of a store are not at their end."""
        orders = [one.order for one in self.placements.values()]
        return sum(
            one.store_id == store_id and one.id not in self.ended and not one.synthetic
            for one in orders
        )

    async def known_store(self, store_id: str) -> KnownStore | None:
        """The store as placing needs it."""
        self._check()
        store = self.stores.get(store_id)
        if store is None:
            return None
        return KnownStore(
            id=store.id,
            currency=store.currency,
            accepting_orders=store.accepting_orders,
            closed_reason=store.closed_reason,
            till_key_sha256=store.till_key_sha256,
            changed_at=_EPOCH,
            queue_limit=store.queue_limit,
            under_way=self.under_way(store_id),
            measured=store.measured,
            orders_table=store.orders_table,
        )

    async def look(self, store_id: str, key: str) -> tuple[KnownStore | None, Replay | None]:
        """The store, and what was answered to the key."""
        placement = self.placements.get(key)
        replay = Replay(placement.request_hash, 201, placement.response) if placement else None
        store = await self.known_store(store_id)
        return store and replace(store, under_way=None), replay

    async def place(self, placement: Placement) -> Placed:
        """Write an accepted order whole, or nothing."""
        store = await self.known_store(placement.order.store_id)
        if store is None or not (store.accepting_orders or placement.order.synthetic):
            return Placed.STORE_CHANGED
        if placement.key in self.placements or placement.key in self.in_flight:
            return Placed.KEY_TAKEN
        self.in_flight.add(placement.key)
        self.committing.set()
        try:
            await self.may_commit.wait()
            self.placements[placement.key] = placement
        finally:
            self.in_flight.discard(placement.key)
        return Placed.ACCEPTED

    async def order(self, order_id: UUID) -> OrderView | None:
        """An order with its history."""
        self._check()
        for placement in self.placements.values():
            order = placement.order
            if order.id == order_id:
                first = HistoryEntry(status="placed", at=order.placed_at)
                return OrderView(
                    **msgspec.to_builtins(order), customer_id=placement.customer_id, history=[first]
                )
        return None

    async def store(self, store_id: str) -> StoreView | None:
        """One store."""
        self._check()
        return self.stores.get(store_id)

    async def put_store(self, store_id: str, store: StoreInput) -> None:
        """Create or change."""
        self._check()
        self.stores[store_id] = StoreView(id=store_id, **store.model_dump())

    async def delete_store(self, store_id: str) -> int:
        """Forget, or return how many orders are under way."""
        self._check()
        under_way = self.under_way(store_id) or 0
        if not under_way:
            self.stores.pop(store_id, None)
        return under_way

    def _check(self) -> None:
        if self.away:
            raise UnavailableError("The database is not available (fake).")


class FakePrices:
    """One price list for all stores."""

    def __init__(self, currency: str = "EUR", **prices_minor: int) -> None:
        items = {
            sku: Item(sku=sku, name=sku.title(), priceMinor=price)
            for sku, price in prices_minor.items()
        }
        self.list = PriceList(currency, items)

    async def of(
        self,
        store_id: str,  # noqa: ARG002 - the port wants it
        max_age_seconds: float | None = None,  # noqa: ARG002
    ) -> PriceList:
        """The price list."""
        return self.list
