"""The rules of stock. Called by the endpoints; talks to the table through a port."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from cafe_kit.errors import ConflictError, NotFoundError, UnavailableError, UnprocessableError
from cafe_kit.workers import wait_or_stop

from cafe_inventory.models import (
    Exists,
    Held,
    Outcome,
    OutOfStock,
    ParInput,
    ParItem,
    Reservation,
    ReservationInput,
    ReservationStatus,
    ReservationView,
    StockItem,
    StockView,
)

log = structlog.get_logger()

ATTEMPTS = 4


class Stock(Protocol):
    """What the rules need of the table; every change is atomic, conditional and bounded in time."""

    async def stock(self, store_id: str) -> list[StockItem]:
        """All items of a store."""
        ...

    async def put_par(self, store_id: str, par: Sequence[ParItem]) -> None:
        """Create what is missing."""
        ...

    async def delete_stock(self, store_id: str) -> None:
        """Forget a store's stock."""
        ...

    async def reservation(self, order_id: str) -> Reservation | None:
        """An order's reservation."""
        ...

    async def reserve(self, wanted: Reservation, now: datetime) -> Outcome:
        """Keep all or nothing."""
        ...

    async def settle(
        self, held: Reservation, status: ReservationStatus, now: datetime, *, expired: bool = False
    ) -> bool:
        """Commit or release; False when it is not held any more."""
        ...

    async def lapsed(self, now: datetime) -> list[str]:
        """Order ids of holds whose time is over."""
        ...


@dataclass
class InventoryService:
    """Stock, reservations, and the end of reservations that nobody settled."""

    stock_table: Stock
    clock: Callable[[], datetime]
    hold: timedelta
    sweep_seconds: float = 15.0

    async def stock(self, store_id: str) -> StockView:
        """A store's stock.

        Raises:
            NotFoundError: the store has none.
        """
        items = await self.stock_table.stock(store_id)
        if not items:
            raise NotFoundError(
                f"Store {store_id!r} has no stock.",
                slug="unknown-store",
                field="store_id",
                remedy="Create it with PUT /stores/{store_id}/stock, or check the id.",
            )
        return StockView(items=items)

    async def put_par(self, store_id: str, par: ParInput) -> StockView:
        """Create what is missing; what is there stays as it is."""
        await self.stock_table.put_par(store_id, par.items)
        return StockView(items=await self.stock_table.stock(store_id))

    async def delete_stock(self, store_id: str) -> None:
        """Forget a store's stock; fine when it is gone already."""
        await self.stock_table.delete_stock(store_id)

    async def reserve(self, order_id: str, request: ReservationInput) -> ReservationView:
        """Keep stock for an order; a repetition finds what the first call made.

        Raises:
            ConflictError: out of stock.
            UnprocessableError: the order has a reservation of something else.
        """
        for _ in range(ATTEMPTS):
            now = self.clock()
            wanted = Reservation(
                order_id=order_id,
                store_id=request.store_id,
                lines=tuple(request.lines),
                synthetic=request.synthetic,
                status="reserved",
                held_until=now + self.hold,
            )
            match await self.stock_table.reserve(wanted, now):
                case Held():
                    return wanted.view()
                case OutOfStock(sku=sku, available=available):
                    raise _out_of_stock(request, sku, available)
                case Exists():
                    known = await self._known(order_id)
                    if known is not None and not known.same_request(request):
                        raise _another_request(order_id)
                    if known is not None and not known.expired:
                        return known.view()
        raise _too_busy(order_id)

    async def reservation(self, order_id: str) -> ReservationView:
        """An order's reservation; one whose time is over is released first.

        Raises:
            NotFoundError: the order has none.
        """
        known = await self._known(order_id)
        if known is None:
            raise _no_reservation(order_id)
        return known.view()

    async def commit(self, order_id: str) -> ReservationView:
        """The stock leaves the house. Fine when it has left already.

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

    async def sweep(self) -> int:
        """Release what has lapsed; returns how many."""
        released = 0
        for order_id in await self.stock_table.lapsed(self.clock()):
            known = await self._known(order_id)
            released += known is not None and known.expired
        return released

    async def sweep_for_ever(self, stopping: asyncio.Event) -> None:
        """Worker: sweep now and then."""
        while not stopping.is_set():
            try:
                released = await self.sweep()
                if released:
                    log.info("lapsed reservations released", count=released)
            except UnavailableError as error:
                log.info("no sweep", why=error.detail)
            await wait_or_stop(stopping, self.sweep_seconds)

    async def _known(self, order_id: str) -> Reservation | None:
        """The reservation, released if its time is over."""
        for _ in range(ATTEMPTS):
            known = await self.stock_table.reservation(order_id)
            now = self.clock()
            if known is None or known.status != "reserved" or known.held_until > now:
                return known
            await self.stock_table.settle(known, "released", now, expired=True)
        raise _too_busy(order_id)

    async def _settle(self, order_id: str, status: ReservationStatus) -> ReservationView:
        # a hold whose time is over, but that nobody has released yet, can still be committed
        for _ in range(ATTEMPTS):
            known = await self.stock_table.reservation(order_id)
            if known is None:
                raise _no_reservation(order_id)
            if known.status == status:
                return known.view()
            if known.status != "reserved":
                raise ConflictError(
                    f"The reservation of order {order_id} is {known.status} already.",
                    slug="reservation-settled",
                    remedy="Read it with GET /reservations/{order_id}; reserve again if need be.",
                )
            await self.stock_table.settle(known, status, self.clock())
        raise _too_busy(order_id)


def _out_of_stock(request: ReservationInput, sku: str, available: int) -> ConflictError:
    index = next(at for at, line in enumerate(request.lines) if line.sku == sku)
    return ConflictError(
        f"Store {request.store_id} has {available} of {sku!r} left, "
        f"{request.lines[index].quantity} were wanted.",
        slug="out-of-stock",
        field=f"lines[{index}].sku",
        remedy="Order less of it, or something else.",
        extra={"sku": sku, "available": available},
    )


def _another_request(order_id: str) -> UnprocessableError:
    return UnprocessableError(
        f"Order {order_id} has a reservation of something else.",
        slug="reservation-differs",
        field="lines",
        remedy="Repeat a reservation with what it was made with, or use another order id.",
    )


def _no_reservation(order_id: str) -> NotFoundError:
    return NotFoundError(
        f"Order {order_id!r} has no reservation.",
        field="order_id",
        remedy="Make it with PUT /reservations/{order_id}.",
    )


def _too_busy(order_id: str) -> UnavailableError:
    return UnavailableError(
        f"The reservation of order {order_id} keeps changing under us.", slug="reservation-busy"
    )
