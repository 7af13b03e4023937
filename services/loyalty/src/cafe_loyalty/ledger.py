"""The book of grants for the audit, in pages. Used by `service.py`.

Walks the index hour by hour and takes each grant from its customer, so a page shows exactly what
was granted.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cafe_kit.paging import decode_cursor, encode_cursor

from cafe_loyalty.book import Place, moment
from cafe_loyalty.models import KEEP, Grant, LedgerEntry, LedgerPage

STEP = 1000
MOST_SCANNED = 50_000
"""A page ends here though it is not full, so that an answer stays in time."""


class Index(Protocol):
    """Where grants stand."""

    async def hours(self, starts: str, ends: str) -> list[str]:
        """The hours with grants."""
        ...

    async def places(self, hour: str, after: str, before: str, limit: int) -> list[Place]:
        """Places of one hour, in order."""
        ...


class Grants(Protocol):
    """What was granted."""

    async def grants(self, orders: Sequence[tuple[str, str]]) -> list[Grant | None]:
        """The grants of (customer, order)."""
        ...


@dataclass(frozen=True, slots=True)
class Window:
    """Which orders: placed in [starts, ends), of one store or of all."""

    starts: datetime
    ends: datetime
    store_id: str | None


class Ledger:
    """The book."""

    def __init__(self, index: Index, grants: Grants, *, clock: Callable[[], datetime]) -> None:
        self._index = index
        self._grants = grants
        self._clock = clock

    async def page(self, window: Window, cursor: str | None, limit: int) -> LedgerPage:
        """Grants of a window, by placing and order.

        Raises:
            UnprocessableError: the cursor is none of ours.
            UnavailableError: MemoryDB is away.
        """
        after = moment(window.starts)
        if cursor is not None:
            after = max(after, decode_cursor(cursor, "after")["after"])
        entries: list[LedgerEntry] = []
        scanned = 0
        async for place, grant in self._walk(window, after):
            if len(entries) == limit or scanned == MOST_SCANNED:
                return self._page(entries, encode_cursor({"after": after}))
            scanned += 1
            after = place.member
            if grant is not None:
                entries.append(_entry(grant))
        return self._page(entries, None)

    def _page(self, entries: list[LedgerEntry], more: str | None) -> LedgerPage:
        """What it says of its age is true of all that was read: by then, more may be forgotten."""
        return LedgerPage(entries=entries, next=more, kept_from=self._clock() - KEEP)

    async def _walk(self, window: Window, after: str) -> AsyncIterator[tuple[Place, Grant | None]]:
        """All places after a member; with the grant where it is wanted and there."""
        ends = moment(window.ends)
        for hour in await self._index.hours(after, ends):
            while places := await self._index.places(hour, after, ends, STEP):
                wanted = [p for p in places if window.store_id in {None, p.store_id}]
                orders = [(place.customer_id, place.order_id) for place in wanted]
                found = dict(zip(orders, await self._grants.grants(orders), strict=True))
                for place in places:
                    yield place, found.get((place.customer_id, place.order_id))
                after = places[-1].member


def _entry(grant: Grant) -> LedgerEntry:
    return LedgerEntry(
        order_id=grant.order_id,
        store_id=grant.store_id,
        customer_id=grant.customer_id,
        points=grant.points,
        multiplier=grant.multiplier,
        placed_at=grant.placed_at,
    )
