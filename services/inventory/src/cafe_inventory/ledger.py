"""The books of stock as the audit reads them. Called by the endpoints."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from cafe_kit.errors import UnprocessableError
from cafe_kit.ledger_index import SHARDS
from cafe_kit.paging import bad_cursor, decode_cursor, encode_cursor
from cafe_kit.wire import utc_now

from cafe_inventory.books import Levels, Window, walk
from cafe_inventory.changes import Level, Reservation
from cafe_inventory.holds import Holds, Position, open_holds
from cafe_inventory.items import kept_from
from cafe_inventory.models import (
    HoldEntry,
    HoldsPage,
    LedgerEntry,
    LedgerLine,
    LedgerPage,
    LevelEntry,
    LevelsPage,
)

AN_HOUR = len("2026-11-22T07")


class Books(Protocol):
    """What paging needs of the books."""

    async def page(
        self, window: Window, *, after: str, limit: int
    ) -> tuple[list[Reservation], str | None]:
        """Reservations after a position, in the order of placing, and the next position."""
        ...


class Stock(Levels, Holds, Protocol):
    """What paging needs of the stock."""


class Ledger:
    """Pages of the books."""

    def __init__(
        self, books: Books, stock: Stock, *, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._books = books
        self._stock = stock
        self._clock = clock

    async def page(self, window: Window, cursor: str | None, limit: int) -> LedgerPage:
        """Reservations whose orders were placed in the window.

        Raises:
            UnprocessableError: a window that ends before it begins, or an alien cursor.
        """
        if window.until <= window.since:
            raise UnprocessableError(
                "The window ends before it begins.",
                field="until",
                slug="empty-window",
                remedy="Give an `until` that is later than `from`.",
            )
        after = _position(cursor)
        found, stopped = await self._books.page(window, after=after, limit=limit)
        return LedgerPage(
            entries=[_entry(each) for each in found],
            next=encode_cursor({"after": stopped}) if stopped else None,
            kept_from=kept_from(self._clock()),
        )

    async def levels(self, store_id: str | None, cursor: str | None, limit: int) -> LevelsPage:
        """The counters of all stock, or of one store's."""
        after = ("", "")
        if cursor is not None:
            position = decode_cursor(cursor, "store", "sku")
            after = (position["store"], position["sku"])
        found, stopped = await walk(self._stock, after, limit=limit, only=store_id)
        return LevelsPage(
            entries=[_level(each) for each in found],
            next=encode_cursor({"store": stopped[0], "sku": stopped[1]}) if stopped else None,
        )

    async def holds(self, store_id: str | None, cursor: str | None, limit: int) -> HoldsPage:
        """What is held for orders that have not ended, of all stores or of one.

        Raises:
            UnprocessableError: an alien cursor.
        """
        found, stopped = await open_holds(self._stock, _place(cursor), limit=limit, only=store_id)
        return HoldsPage(
            entries=[_hold(each) for each in found],
            next=encode_cursor({"shard": str(stopped[0]), "after": stopped[1]})
            if stopped
            else None,
        )


def _place(cursor: str | None) -> Position:
    if cursor is None:
        return 0, ""
    position = decode_cursor(cursor, "shard", "after")
    if position["shard"] not in {str(shard) for shard in range(SHARDS)}:
        raise bad_cursor()
    return int(position["shard"]), position["after"]


def _position(cursor: str | None) -> str:
    if cursor is None:
        return ""
    after = decode_cursor(cursor, "after")["after"]
    try:
        datetime.fromisoformat(after[:AN_HOUR])
    except ValueError:
        raise bad_cursor() from None
    return after


def _entry(reservation: Reservation) -> LedgerEntry:
    assert reservation.placed_at is not None  # the index has none without
    return LedgerEntry(
        order_id=reservation.order_id,
        store_id=reservation.store_id,
        status=reservation.status,
        lines=_lines(reservation),
        placed_at=reservation.placed_at,
    )


def _hold(reservation: Reservation) -> HoldEntry:
    return HoldEntry(
        order_id=reservation.order_id,
        store_id=reservation.store_id,
        lines=_lines(reservation),
    )


def _lines(reservation: Reservation) -> list[LedgerLine]:
    return [LedgerLine(sku=line.sku, quantity=line.quantity) for line in reservation.lines]


def _level(level: Level) -> LevelEntry:
    return LevelEntry(
        store_id=level.store_id,
        sku=level.sku,
        received=level.received,
        available=level.available,
        reserved=level.reserved,
        sold=level.sold,
        moves=level.moves,
        counted_from=level.counted_from,
    )
