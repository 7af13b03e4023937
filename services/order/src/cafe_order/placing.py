"""The rules of placing an order. Called by the hot route and by the endpoint; talks through ports.

First by memory: the store as it was a moment ago, prices a few seconds old, and the write itself
finds out whether the key is new and the store unchanged. Only when that does not end in an accepted
order do we look at everything afresh, so a refusal is never founded on what we merely remembered.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cafe_kit.auth import Caller
from cafe_kit.context import current_trace
from cafe_kit.errors import (
    CafeError,
    ConflictError,
    ForbiddenError,
    UnavailableError,
    UnprocessableError,
)

from cafe_order.events import placed_records
from cafe_order.intake import AskedOrder, NewOrder, SoldLine, encoded, hash_of, key_in_store
from cafe_order.models import (
    KnownStore,
    Placed,
    Placement,
    PriceList,
    Replay,
    new_order_id,
)
from cafe_order.refusals import no_store, not_sold, price_changed, queue_full
from cafe_order.shedding import Backlog
from cafe_order.store_memory import StoreMemory

AFRESH_SECONDS = 0.2
"""Prices this old still found a refusal; it bounds what refused orders cost the menu service."""


class Known(Protocol):
    """What the store of record knows; bounded in time, 503 when it is away."""

    async def known_store(self, store_id: str) -> KnownStore | None:
        """The store now."""
        ...

    async def look(self, store_id: str, key: str) -> tuple[KnownStore | None, Replay | None]:
        """The store now, and what was answered to the key (as `key_in_store` makes it)."""
        ...


class Orders(Protocol):
    """Where orders are written; bounded in time, 503 when it is away."""

    async def place(self, placement: Placement) -> Placed:
        """Write an accepted order whole, or nothing."""
        ...


class Prices(Protocol):
    """Today's prices of a store."""

    async def of(self, store_id: str, max_age_seconds: float | None = None) -> PriceList:
        """The price list, at most a bounded time old; while the menu is away, an older one."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """The bytes of an answer, and whether they were given before."""

    status: int
    body: bytes
    replayed: bool


@dataclass(frozen=True, slots=True)
class _Wish:
    """One request; `key` is the store's own, `named` is how its sender calls it."""

    asked: AskedOrder
    key: str
    named: str
    request_hash: bytes
    caller: Caller


class Placing:
    """Accepts an order exactly once per store and key."""

    def __init__(
        self,
        known: Known,
        orders: Orders,
        prices: Prices,
        *,
        backlog: Backlog,
        clock: Callable[[], datetime],
    ) -> None:
        self._known = known
        self.stores = StoreMemory(known.known_store)
        self._orders = orders
        self._prices = prices
        self._backlog = backlog
        self._clock = clock

    async def place(self, asked: AskedOrder, key: str, caller: Caller) -> Answer:
        """Accept an order, or give the first answer to its key at this store once more.

        Raises:
            ConflictError: the store is closed, the price has changed, or the key is in flight.
            ForbiddenError: not this caller's store, or synthetic without the service token.
            NotFoundError: no such store.
            UnprocessableError: unknown item, wrong currency, or the key had another body.
            UnavailableError: too much waits already, at all or at this store; or database or menu
                are away, the outcome may be unknown, and a retry with the same key resolves it.
        """
        self._backlog.check()
        wish = _Wish(asked, key_in_store(asked.store_id, key), key, hash_of(asked), caller)
        store = await self.stores.of(asked.store_id)
        try:
            _check_caller(wish, store)
            prices = await self._prices.of(asked.store_id)
            store = _check_open(asked, store)
            placement = self._draft(wish, store, prices)
        except CafeError as refusal:
            return await self._place_afresh(wish, refusal)
        if store.queue_limit is not None and not self._has_room(wish, store):
            return await self._place_afresh(wish, queue_full(store))
        if await self._orders.place(placement) is Placed.ACCEPTED:
            return Answer(201, placement.response, replayed=False)
        return await self._place_afresh(wish)

    def _has_room(self, wish: _Wish, store: KnownStore) -> bool:
        """A synthetic order waits in no queue."""
        return wish.asked.synthetic or self.stores.admits(store)

    async def _place_afresh(self, wish: _Wish, refusal: CafeError | None = None) -> Answer:
        """The whole way: an older answer comes first, then the rules on what is true now."""
        store_id = wish.asked.store_id
        store, replay = await self._known.look(store_id, wish.key)
        if store is not None:
            self.stores.learn(store)
        _check_caller(wish, store)
        if replay is not None:
            return _replayed(replay, wish.request_hash)
        open_store = _check_open(wish.asked, store)
        if isinstance(refusal, UnavailableError):  # the menu is away for us as well, the queue full
            raise refusal
        prices = await self._prices.of(store_id, AFRESH_SECONDS)
        placement = self._draft(wish, open_store, prices)
        if refusal is not None and not self._has_room(wish, open_store):
            raise queue_full(open_store)
        outcome = await self._orders.place(placement)
        if outcome is Placed.ACCEPTED:
            return Answer(201, placement.response, replayed=False)
        return await self._explain(outcome, wish)

    async def _explain(self, outcome: Placed, wish: _Wish) -> Answer:
        """Why the placement wrote nothing: an older answer, or the reason as an error."""
        store, replay = await self._known.look(wish.asked.store_id, wish.key)
        if replay is not None:
            return _replayed(replay, wish.request_hash)
        if outcome is Placed.STORE_CHANGED:
            _check_open(wish.asked, store)
            raise UnavailableError(f"Store {wish.asked.store_id} is just being changed.")
        raise ConflictError(
            f"A request with Idempotency-Key {wish.named!r} is being handled.",
            slug="request-in-flight",
            field="Idempotency-Key",
            remedy="Wait a second and retry with the same key.",
        )

    def _draft(self, wish: _Wish, store: KnownStore, prices: PriceList) -> Placement:
        """All that the order would write."""
        asked = wish.asked
        order = self._price(asked, store, prices)
        trace = current_trace()
        trace_id = trace.trace_id if trace else ""
        return Placement(
            key=wish.key,
            request_hash=wish.request_hash,
            response=encoded(order),
            order=order,
            store_changed_at=store.changed_at,
            customer_id=asked.customer_id,
            trace_id=trace_id,
            records=placed_records(order, asked.customer_id, trace_id, store.orders_table),
        )

    def _price(self, asked: AskedOrder, store: KnownStore, prices: PriceList) -> NewOrder:
        _check_currency(asked, store, prices)
        lines = []
        total_minor = 0
        for index, line in enumerate(asked.lines):
            item = prices.items.get(line.sku)
            if item is None:
                raise not_sold(store.id, line.sku, index)
            lines.append(SoldLine(item.sku, item.name, line.quantity, item.price_minor))
            total_minor += line.quantity * item.price_minor
        if asked.expected_total_minor not in {None, total_minor}:
            raise price_changed(store, total_minor, lines)
        return NewOrder(
            id=new_order_id(),
            store_id=store.id,
            status="placed",
            currency=store.currency,
            total_minor=total_minor,
            lines=lines,
            placed_at=self._clock(),
            synthetic=asked.synthetic,
        )


def _replayed(replay: Replay, request_hash: bytes) -> Answer:
    if replay.request_hash != request_hash:
        raise UnprocessableError(
            "This Idempotency-Key was used with another body.",
            slug="idempotency-key-reused",
            field="Idempotency-Key",
            remedy="Use a new key for a new order, and the first body for a retry.",
        )
    return Answer(replay.status, replay.response, replayed=True)


def _check_caller(wish: _Wish, store: KnownStore | None) -> None:
    caller, store_id = wish.caller, wish.asked.store_id
    if caller.is_service:
        return
    if store is None:
        raise no_store(store_id)
    if not caller.may_act_for(store.till_key_sha256):
        raise ForbiddenError(
            f"This is not the till key of store {store_id}.",
            field="Authorization",
            remedy="Use the key of that store's till Secret.",
        )
    if wish.asked.synthetic:
        raise ForbiddenError(
            "Only the platform may place synthetic orders.",
            field="synthetic",
            remedy="Leave the field out.",
        )


def _check_open(asked: AskedOrder, store: KnownStore | None) -> KnownStore:
    """A synthetic order is taken by a closed store too: its way is proved before it opens."""
    store_id = asked.store_id
    if store is None:
        raise no_store(store_id)
    if not store.accepting_orders and not asked.synthetic:
        reason = f": {store.closed_reason}" if store.closed_reason else ""
        raise ConflictError(
            f"Store {store_id} is closed{reason}.",
            slug="store-closed",
            remedy="Order at another store, or when this one accepts orders again.",
        )
    return store


def _check_currency(asked: AskedOrder, store: KnownStore, prices: PriceList) -> None:
    if asked.currency not in {None, store.currency}:
        raise UnprocessableError(
            f"Store {store.id} sells in {store.currency}, not in {asked.currency}.",
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
