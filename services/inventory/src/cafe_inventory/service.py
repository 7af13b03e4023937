"""The rules of stock. Called by the endpoints; talks to the table through a port."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from cafe_kit.paging import decode_cursor, encode_cursor

from cafe_inventory import refusals
from cafe_inventory.changes import (
    Change,
    Level,
    Reservation,
    Reserve,
    Restock,
    Settle,
)
from cafe_inventory.desk import Counting, Desk, Reservations, Touched
from cafe_inventory.judging import Outcome
from cafe_inventory.models import (
    BatchItem,
    BatchResult,
    ParInput,
    ParItem,
    ReservationInput,
    ReservationStatus,
    ReservationView,
    RestockedItem,
    RestockInput,
    RestockView,
    StockItem,
    StockView,
)

PAGE = 1000
"""A page of stock: more than one par may name, so that most stores fit on one."""
ENDS: dict[str, ReservationStatus] = {"commit": "committed", "release": "released"}


class Stock(Reservations, Protocol):
    """What the rules need of the table; every change is atomic, conditional and bounded in time."""

    async def stock(
        self, store_id: str, *, after: str = "", limit: int
    ) -> tuple[list[Level], str | None]:
        """Items of a store after one of them, and the last one's name when there may be more."""
        ...

    async def put_par(self, store_id: str, par: Sequence[ParItem], now: datetime) -> None:
        """Create what is missing; of what is there, set when it is low if `par` says so."""
        ...

    async def delete_stock(self, store_id: str) -> Level | None:
        """Forget a store's stock, or return an item that is reserved; fine when it is gone."""
        ...

    async def restock(self, restock: Restock) -> Restock | str:
        """Book a delivery, or find it booked; or the name of an item that the store lacks."""
        ...


class InventoryService:
    """Stock and reservations."""

    def __init__(
        self,
        table: Stock,
        desk: Desk,
        clock: Callable[[], datetime],
        *,
        hold: timedelta,
        notes: "Notes",
    ) -> None:
        self._table = table
        self._desk = desk
        self._clock = clock
        self._hold = hold
        self._notes = notes

    async def stock(self, store_id: str, cursor: str | None = None, limit: int = PAGE) -> StockView:
        """A store's stock.

        Raises:
            NotFoundError: the store has none.
        """
        after = decode_cursor(cursor, "sku")["sku"] if cursor else ""
        levels, stopped = await self._table.stock(store_id, after=after, limit=limit)
        if not levels and not cursor:
            raise refusals.unknown_store(store_id)
        return StockView(
            items=[_stock_item(level) for level in levels],
            next=encode_cursor({"sku": stopped}) if stopped else None,
        )

    async def put_par(self, store_id: str, par: ParInput) -> StockView:
        """Create what is missing; what is there keeps its counters."""
        await self._table.put_par(store_id, par.items, self._clock())
        self._notes.touch([(store_id, item.sku) for item in par.items])
        levels, stopped = await self._table.stock(store_id, limit=PAGE)
        return StockView(
            items=[_stock_item(level) for level in levels],
            next=encode_cursor({"sku": stopped}) if stopped else None,
        )

    async def delete_stock(self, store_id: str) -> None:
        """Forget a store's stock; fine when it is gone already.

        Raises:
            ConflictError: orders hold some of it. What outlived its stock would be settled with
                the stock of the store's next opening.
        """
        held = await self._table.delete_stock(store_id)
        if held is not None:
            raise refusals.stock_held(held)

    async def restock(self, store_id: str, key: str, request: RestockInput) -> RestockView:
        """Book a delivery, once per key; a repetition gets the first one's answer.

        Raises:
            NotFoundError: the store does not keep an item.
            UnprocessableError: the key stands for another delivery.
        """
        wanted = Restock(
            store_id,
            key,
            tuple((item.sku, item.quantity) for item in request.items),
            self._clock(),
        )
        booked = await self._table.restock(wanted)
        if isinstance(booked, str):
            raise refusals.unknown_item(wanted, booked)
        if booked.items != wanted.items:
            raise refusals.another_delivery(key)
        if booked is wanted:
            self._notes.count("Restocked", sum(quantity for _, quantity in wanted.items))
        self._notes.touch([(store_id, sku) for sku, _ in wanted.items])
        return RestockView(
            store_id=store_id,
            received_at=booked.received_at,
            items=[RestockedItem(sku=sku, quantity=number) for sku, number in booked.items],
        )

    async def reserve(self, order_id: str, request: ReservationInput) -> ReservationView:
        """Keep stock for an order; a repetition finds what the first call made.

        Raises:
            ConflictError: out of stock.
            UnprocessableError: the order has a reservation of something else.
        """
        wanted = self._wanted(order_id, request)
        outcome = await self._one(Reserve(wanted))
        if outcome.lacking is not None:
            raise refusals.out_of_stock(request, outcome)
        if outcome.status == "conflict":
            raise refusals.another_request(outcome)
        return _view(outcome)

    async def reservation(self, order_id: str) -> ReservationView:
        """An order's reservation; one whose time is over is released first.

        Raises:
            NotFoundError: the order has none.
        """
        known = await self._known(order_id)
        if known.status == "reserved" and known.held_until <= self._clock():
            return _view(await self._one(Settle(known, "released", expired=True)))
        return known.view()

    async def commit(self, order_id: str) -> ReservationView:
        """The stock leaves the house. Fine when it has left already.

        A hold whose time is over, but that nobody has released yet, can still be committed.

        Raises:
            ConflictError: it was released.
            NotFoundError: the order has no reservation.
        """
        return await self._settle(order_id, "committed")

    async def release(self, order_id: str) -> ReservationView:
        """The stock is for sale again. Fine when it is already.

        Raises:
            ConflictError: it was committed.
            NotFoundError: the order has no reservation.
        """
        return await self._settle(order_id, "released")

    async def batch(self, requests: Sequence[BatchItem]) -> list[BatchResult]:
        """Steps of many orders, in few transactions; each gets what it would have got alone."""
        deadline = self._desk.deadline()
        results: dict[int, BatchResult] = {}
        stuck: dict[str, Outcome] = {}
        for wave in _waves(requests):
            open_steps = [index for index in wave if requests[index].order_id not in stuck]
            outcomes = await self._desk.run(
                [self._change(requests[index]) for index in open_steps], deadline
            )
            for index in wave:
                order_id = requests[index].order_id
                # nobody knows what the step before came to: this one must not overtake it
                outcome = stuck.get(order_id) or outcomes[order_id]
                if outcome.status == "unavailable":
                    stuck[order_id] = outcome
                results[index] = BatchResult(
                    order_id=order_id, status=outcome.status, detail=outcome.detail or None
                )
        return [results[index] for index in range(len(requests))]

    def _wanted(self, order_id: str, request: ReservationInput) -> Reservation:
        now = self._clock()
        return Reservation(
            order_id=order_id,
            store_id=request.store_id,
            lines=tuple(request.lines),
            synthetic=request.synthetic,
            status="reserved",
            held_until=now + self._hold,
            placed_at=request.placed_at or now,
        )

    def _change(self, request: BatchItem) -> Change:
        wanted = self._wanted(request.order_id, request)
        if request.action == "reserve":
            return Reserve(wanted)
        return Settle(wanted, ENDS[request.action], exact=False)

    async def _settle(self, order_id: str, status: ReservationStatus) -> ReservationView:
        known = await self._known(order_id)
        if known.status == status:
            return known.view()
        outcome = await self._one(Settle(known, status))
        if outcome.status != status:
            raise refusals.settled_otherwise(outcome)
        return _view(outcome)

    async def _known(self, order_id: str) -> Reservation:
        found = await self._table.reservations([order_id])
        if order_id not in found:
            raise refusals.no_reservation(order_id)
        return found[order_id]

    async def _one(self, change: Change) -> Outcome:
        outcome = (await self._desk.run([change]))[change.order_id]
        if outcome.error is not None:
            raise outcome.error
        return outcome


class Notes(Counting, Touched, Protocol):
    """Where the rules leave word of what happened."""


def _waves(requests: Sequence[BatchItem]) -> Iterator[list[int]]:
    """Indices of the first step of each order, then of the second ones, and so on."""
    waves: list[list[int]] = []
    depth: dict[str, int] = {}
    for index, request in enumerate(requests):
        at = depth.get(request.order_id, 0)
        depth[request.order_id] = at + 1
        if at == len(waves):
            waves.append([])
        waves[at].append(index)
    return iter(waves)


def _view(outcome: Outcome) -> ReservationView:
    assert outcome.reservation is not None  # whatever has a reservation's status has one
    return outcome.reservation.view()


def _stock_item(level: Level) -> StockItem:
    return StockItem(
        sku=level.sku,
        on_hand=level.available + level.reserved,
        reserved=level.reserved,
        available=level.available,
        low_at=level.low_at,
    )
