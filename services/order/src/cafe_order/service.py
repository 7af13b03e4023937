"""The rules of orders once they are placed, and of stores. Called by the endpoints."""

from collections.abc import Callable, Sequence
from typing import Protocol
from uuid import UUID

from cafe_kit.auth import Caller
from cafe_kit.errors import NotFoundError

from cafe_order.models import OrderView, StoreInput, StoreView
from cafe_order.refusals import no_store, orders_under_way
from cafe_order.saga import Step, cancel
from cafe_order.transitions import Saga, Wish


class Orders(Protocol):
    """What the rules need of the store of record; bounded in time, 503 when it is away."""

    async def order(self, order_id: UUID) -> OrderView | None:
        """An order with its history."""
        ...

    async def store(self, store_id: str) -> StoreView | None:
        """One store."""
        ...

    async def stores(self, store_ids: Sequence[str]) -> list[StoreView]:
        """Those of these stores that exist."""
        ...

    async def put_store(self, store_id: str, store: StoreInput) -> None:
        """Create or change; idempotent."""
        ...

    async def delete_store(self, store_id: str) -> int:
        """Forget, or return how many orders are under way; idempotent."""
        ...


class OrderService:
    """Reading and cancelling orders, and the stores they belong to."""

    def __init__(self, orders: Orders, saga: Saga, *, wake_relay: Callable[[], None]) -> None:
        self._orders = orders
        self._saga = saga
        self._wake_relay = wake_relay

    async def order(self, order_id: UUID, caller: Caller) -> OrderView:
        """An order, for the platform or its own store's till.

        Raises:
            NotFoundError: no such order, or it is another store's.
        """
        order = await self._orders.order(order_id)
        if order is not None and not caller.is_service:
            store = await self._orders.store(order.store_id)
            if store is None or not caller.may_act_for(store.till_key_sha256):
                order = None
        if order is None:
            raise NotFoundError(
                f"There is no order {order_id} that these credentials may see.",
                remedy="Check the id, and use the key of the order's own store.",
            )
        return order

    async def cancel(self, order_id: UUID, caller: Caller) -> OrderView:
        """Cancel an order that is not paid yet; fine when it is cancelled already.

        Stock and payment follow: what was reserved is released, what was charged is given back.

        Raises:
            ConflictError: it is paid or rejected.
            NotFoundError: no such order, or it is another store's.
        """
        await self.order(order_id, caller)
        [outcome] = await self._saga.advance([Wish(order_id, cancel)])
        if isinstance(outcome, Step):
            self._wake_relay()
        return await self.order(order_id, caller)

    async def put_store(self, store_id: str, store: StoreInput) -> StoreView:
        """Create or change a store."""
        await self._orders.put_store(store_id, store)
        return StoreView(id=store_id, **store.model_dump())

    async def store(self, store_id: str) -> StoreView:
        """One store.

        Raises:
            NotFoundError: it does not exist.
        """
        store = await self._orders.store(store_id)
        if store is None:
            raise no_store(store_id)
        return store

    async def stores(self, store_ids: Sequence[str]) -> dict[str, StoreView]:
        """Those of these stores that exist, by id."""
        return {store.id: store for store in await self._orders.stores(store_ids)}

    async def own_store(self, store_id: str, caller: Caller) -> StoreView:
        """One store, for the platform or its own till.

        Raises:
            NotFoundError: it does not exist, or it is another one's.
        """
        store = await self._orders.store(store_id)
        if store is None or not caller.may_act_for(store.till_key_sha256):
            raise no_store(store_id)
        return store

    async def delete_store(self, store_id: str) -> None:
        """Forget a store; its orders stay. Fine when it is gone already.

        Raises:
            ConflictError: orders are under way. Paid without their store, they would bring no
                ticket: nobody knew where it is made.
        """
        under_way = await self._orders.delete_store(store_id)
        if under_way:
            raise orders_under_way(store_id, under_way)
