"""The end of reservations that nobody settled. A worker, composed by `app.py`.

Every replica sweeps, and may meet others: whoever comes second changes nothing.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

import structlog
from cafe_kit.errors import UnavailableError
from cafe_kit.ledger_index import SHARDS
from cafe_kit.workers import wait_or_stop

from cafe_inventory.changes import Reservation, Settle, Timer
from cafe_inventory.desk import Desk

log = structlog.get_logger()

TIMERS_A_ROUND = 20
"""A timer names up to fifty orders."""


class Timers(Protocol):
    """What sweeping needs of the table."""

    async def lapsed(self, shard: int, now: datetime, limit: int) -> list[Timer]:
        """The oldest timers of a shard whose time is over."""
        ...

    async def forget(self, timers: Sequence[Timer]) -> None:
        """These have nothing more to say."""
        ...

    async def reservations(self, order_ids: Sequence[str]) -> dict[str, Reservation]:
        """Those that exist, as they are now."""
        ...


class Sweeper:
    """Releases what has lapsed."""

    def __init__(
        self, table: Timers, desk: Desk, clock: Callable[[], datetime], *, seconds: float = 15.0
    ) -> None:
        self._table = table
        self._desk = desk
        self._clock = clock
        self._seconds = seconds

    async def sweep(self) -> int:
        """Release what has lapsed; returns how many."""
        released = 0
        for shard in range(SHARDS):
            more = True
            while more:
                timers = await self._table.lapsed(shard, self._clock(), TIMERS_A_ROUND)
                released += await self._end(timers)
                more = len(timers) == TIMERS_A_ROUND
        return released

    async def run(self, stopping: asyncio.Event) -> None:
        """Worker: sweep now and then."""
        while not stopping.is_set():
            try:
                released = await self.sweep()
                if released:
                    log.info("lapsed reservations released", count=released)
            except UnavailableError as error:
                log.info("no sweep", why=error.detail)
            await wait_or_stop(stopping, self._seconds)

    async def _end(self, timers: Sequence[Timer]) -> int:
        """Release first, forget the timers after: a crash between repeats what changes nothing."""
        order_ids = list({order_id for timer in timers for order_id in timer.order_ids})
        found = await self._table.reservations(order_ids)
        now = self._clock()
        due = [
            Settle(held, "released", expired=True)
            for held in found.values()
            if held.status == "reserved" and held.held_until <= now
        ]
        outcomes = await self._desk.run(due)
        for outcome in outcomes.values():
            if outcome.error is not None:
                raise outcome.error
        await self._table.forget(timers)
        return sum(
            outcome.reservation is not None and outcome.reservation.expired
            for outcome in outcomes.values()
        )
