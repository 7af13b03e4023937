"""The rules of ordering. Called by the endpoints; talks to repository and prices through ports."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from cafe_kit.auth import Caller
from cafe_kit.context import current_trace
from cafe_kit.errors import (
    ConflictError,
    ForbiddenError,
    NotFoundError,
    UnprocessableError,
)

from cafe_order.events import placed_records
from cafe_order.models import (
    LineView,
    OrderInput,
    OrderPlaced,
    OrderView,
    Placed,
    Placement,
    PriceList,
    Replay,
    StoreInput,
    StoreView,
    new_order_id,
)


class Orders(Protocol):
    """What the rules need of the store of record; bounded in time, 503 when it is away."""

    async def look(self, store_id: str, key: str) -> tuple[StoreView | None, Replay | None]:
        """The store, and what was answered to the key."""
        ...

    async def place(self, placement: Placement, keep_hours: int) -> Placed:
        """Write an accepted order whole, or nothing."""
        ...

    async def order(self, order_id: UUID) -> OrderView | None:
        """An order with its history."""
        ...

    async def store(self, store_id: str) -> StoreView | None:
        """One store."""
        ...

    async def put_store(self, store_id: str, store: StoreInput) -> None:
        """Create or change; idempotent."""
        ...

    async def delete_store(self, store_id: str) -> None:
        """Forget; idempotent."""
        ...


class Prices(Protocol):
    """Today's prices of a store."""

    async def of(self, store_id: str) -> PriceList:
        """The price list, at most a bounded time old."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """The bytes of an answer, and whether they were given before."""

    status: int
    body: bytes
    replayed: bool


class OrderService:
    """Placing and reading orders, and the stores they belong to."""

    def __init__(
        self,
        orders: Orders,
        prices: Prices,
        *,
        clock: Callable[[], datetime],
        wake_relay: Callable[[], None],
        keep_key_hours: int,
    ) -> None:
        self._orders = orders
        self._prices = prices
        self._clock = clock
        self._wake_relay = wake_relay
        self._keep_key_hours = keep_key_hours

    async def place(self, request: OrderInput, key: str, caller: Caller) -> Answer:
        """Accept an order exactly once per key.

        Raises:
            ConflictError: the store is closed, or the same key is in flight.
            ForbiddenError: not this caller's store, or synthetic without the service token.
            NotFoundError: no such store.
            UnprocessableError: unknown item, wrong currency, or the key had another body.
            UnavailableError: database or menu away; the outcome may be unknown, and a repetition
                with the same key resolves it.
        """
        request_hash = hash_of(request)
        store, replay = await self._orders.look(request.store_id, key)
        _check_caller(request, store, caller)
        if replay is not None:
            return _replayed(replay, request_hash)
        open_store = _check_open(request.store_id, store)
        prices = await self._prices.of(request.store_id)
        order = self._price(request, open_store, prices)
        trace = current_trace()
        trace_id = trace.trace_id if trace else ""
        body = order.model_dump_json(by_alias=True).encode()
        placement = Placement(
            key=key,
            request_hash=request_hash,
            response=body,
            order=order,
            customer_id=request.customer_id,
            trace_id=trace_id,
            records=placed_records(order, request.customer_id, trace_id),
        )
        outcome = await self._orders.place(placement, self._keep_key_hours)
        if outcome is not Placed.ACCEPTED:
            return await self._explain(outcome, request, key, request_hash)
        self._wake_relay()
        return Answer(201, body, replayed=False)

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
            raise _no_store(store_id)
        return store

    async def delete_store(self, store_id: str) -> None:
        """Forget a store; its orders stay. Fine when it is gone already."""
        await self._orders.delete_store(store_id)

    async def _explain(
        self, outcome: Placed, request: OrderInput, key: str, request_hash: bytes
    ) -> Answer:
        """Why the placement wrote nothing: an older answer, or the reason as an error."""
        store, replay = await self._orders.look(request.store_id, key)
        if replay is not None:
            return _replayed(replay, request_hash)
        if outcome is Placed.STORE_CLOSED:
            _check_open(request.store_id, store)
        raise ConflictError(
            f"A request with Idempotency-Key {key!r} is being handled.",
            slug="request-in-flight",
            field="Idempotency-Key",
            remedy="Wait a second and retry with the same key.",
        )

    def _price(self, request: OrderInput, store: StoreView, prices: PriceList) -> OrderPlaced:
        _check_currency(request, store, prices)
        lines = []
        for index, line in enumerate(request.lines):
            item = prices.items.get(line.sku)
            if item is None:
                raise UnprocessableError(
                    f"Store {store.id} does not sell {line.sku!r}.",
                    slug="unknown-item",
                    field=f"lines[{index}].sku",
                    remedy=f"Choose from GET /stores/{store.id}/menu on the menu service.",
                )
            lines.append(
                LineView(
                    sku=item.sku,
                    name=item.name,
                    quantity=line.quantity,
                    unit_price_minor=item.price_minor,
                )
            )
        return OrderPlaced(
            id=new_order_id(),
            store_id=store.id,
            status="placed",
            currency=store.currency,
            total_minor=sum(line.quantity * line.unit_price_minor for line in lines),
            lines=lines,
            placed_at=self._clock(),
            synthetic=request.synthetic,
        )


def hash_of(request: OrderInput) -> bytes:
    """Equal for bodies that mean the same, whatever their spelling."""
    canonical = json.dumps(request.model_dump(), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).digest()


def _replayed(replay: Replay, request_hash: bytes) -> Answer:
    if replay.request_hash != request_hash:
        raise UnprocessableError(
            "This Idempotency-Key was used with another body.",
            slug="idempotency-key-reused",
            field="Idempotency-Key",
            remedy="Use a new key for a new order, and the first body for a retry.",
        )
    return Answer(replay.status, replay.response, replayed=True)


def _check_caller(request: OrderInput, store: StoreView | None, caller: Caller) -> None:
    if caller.is_service:
        return
    if store is None:
        raise _no_store(request.store_id)
    if not caller.may_act_for(store.till_key_sha256):
        raise ForbiddenError(
            f"This is not the till key of store {request.store_id}.",
            field="Authorization",
            remedy="Use the key of that store's till Secret.",
        )
    if request.synthetic:
        raise ForbiddenError(
            "Only the platform may place synthetic orders.",
            field="synthetic",
            remedy="Leave the field out.",
        )


def _check_open(store_id: str, store: StoreView | None) -> StoreView:
    if store is None:
        raise _no_store(store_id)
    if not store.accepting_orders:
        raise ConflictError(
            f"Store {store_id} is closed.",
            slug="store-closed",
            remedy="Order at another store, or when this one accepts orders again.",
        )
    return store


def _check_currency(request: OrderInput, store: StoreView, prices: PriceList) -> None:
    if request.currency not in {None, store.currency}:
        raise UnprocessableError(
            f"Store {store.id} sells in {store.currency}, not in {request.currency}.",
            slug="wrong-currency",
            field="currency",
            remedy=f"Send {store.currency}, or leave the field out.",
        )
    if prices.currency != store.currency:
        raise ConflictError(
            f"The menu of store {store.id} is in {prices.currency}, the store in {store.currency}.",
            slug="menu-currency-differs",
            remedy="PUT a menu in the store's currency.",
        )


def _no_store(store_id: str) -> NotFoundError:
    return NotFoundError(
        f"There is no store {store_id!r}.",
        slug="unknown-store",
        field="storeId",
        remedy="Create it with PUT /stores/{id}, or check the id.",
    )
