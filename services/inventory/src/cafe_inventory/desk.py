"""The stock desk: carries out the steps of many orders, in as few transactions as can be.

Called by `service.py` and `sweeping.py`. The ClientRequestToken that botocore adds covers its own
repetitions of one call; ours are new calls, and what makes them harmless are the conditions.
"""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import structlog
from cafe_kit.errors import UnavailableError

from cafe_inventory.changes import (
    Busy,
    Change,
    Refused,
    Reservation,
    Reserve,
    Settle,
    StockKey,
    Verdict,
    Written,
    merge,
    pack,
)
from cafe_inventory.judging import Lacking, Outcome, Ruling, done, meet, rule

log = structlog.get_logger()

PATIENCE_SECONDS = 1.6
"""The order service waits two seconds for an answer."""
FIRST_PAUSE_SECONDS = 0.01
LAST_PAUSE_SECONDS = 0.2


class Reservations(Protocol):
    """What the desk needs of the table."""

    async def write(self, group: Sequence[Change], now: datetime) -> Verdict:
        """All or none of a group that `pack` made, in one transaction, bounded in time.

        Raises:
            UnavailableError: refused for capacity, or no answer; the outcome may be unknown.
        """
        ...

    async def reservations(self, order_ids: Sequence[str]) -> dict[str, Reservation]:
        """Those that exist, as they are now."""
        ...


class Counting(Protocol):
    """Business metrics."""

    def count(self, name: str, value: float = 1.0) -> None:
        """Add to a counter."""
        ...

    def gauge(self, name: str, value: float) -> None:
        """Set a gauge."""
        ...


class Touched(Protocol):
    """Who wants to know which stock items changed."""

    def touch(self, keys: Sequence[StockKey]) -> None:
        """These changed. Does not block."""
        ...


class Desk:
    """Runs changes of different orders; every order gets exactly one outcome."""

    def __init__(
        self,
        table: Reservations,
        clock: Callable[[], datetime],
        counting: Counting,
        touched: Touched,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._table = table
        self._clock = clock
        self._counting = counting
        self._touched = touched
        self._patience_seconds = patience_seconds

    def deadline(self) -> float:
        """When a request that begins now has waited long enough, in the event loop's time."""
        return asyncio.get_running_loop().time() + self._patience_seconds

    async def run(
        self, changes: Sequence[Change], deadline: float | None = None
    ) -> dict[str, Outcome]:
        """The outcome of each order; none of them stands there twice."""
        run = _Run(self._table, self._clock(), deadline or self.deadline())
        await run.all(changes)
        self._account(run)
        return run.ended

    def _account(self, run: "_Run") -> None:
        self._touched.touch(list(merge(run.written)))
        for name, number in run.counts().items():
            if number:
                self._counting.count(name, number)


class _Run:
    """One run: what is still to do, and what came of the rest."""

    def __init__(self, table: Reservations, now: datetime, deadline: float) -> None:
        self._table = table
        self._now = now
        self._deadline = deadline
        self._todo: deque[Sequence[Change]] = deque()
        self._pause_seconds = FIRST_PAUSE_SECONDS
        self._lacking = 0
        self.written: list[Change] = []
        self.ended: dict[str, Outcome] = {}

    async def all(self, changes: Sequence[Change]) -> None:
        """Until every order has its outcome, or our patience is over."""
        self._todo += pack(changes)
        while self._todo:
            group = self._todo.popleft()
            try:
                async with asyncio.timeout_at(self._deadline):
                    await self._one(group)
            except TimeoutError:
                self._give_up(group, UnavailableError("No answer in time.", slug="stock-busy"))
            except UnavailableError as error:
                self._give_up(group, error)

    def counts(self) -> Mapping[str, int]:
        """What this run adds to the business metrics."""
        real = [change for change in self.written if not _synthetic(change)]
        settled = [change for change in real if isinstance(change, Settle)]
        return {
            "ReservationsMade": sum(isinstance(change, Reserve) for change in real),
            "ReservationsCommitted": sum(each.status == "committed" for each in settled),
            "ReservationsReleased": sum(
                each.status == "released" and not each.expired for each in settled
            ),
            "ReservationsExpired": sum(each.expired for each in settled),
            "OutOfStock": self._lacking,
        }

    async def _one(self, group: Sequence[Change]) -> None:
        verdict = await self._table.write(group, self._now)
        match verdict:
            case Written():
                self.written += group
                self._end(done(change) for change in group)
            case Busy():
                await self._pause()
                self._todo.appendleft(group)
            case Refused(found=found, levels=levels) if found or levels:
                await self._follow(rule(group, verdict, self._now))
            case Refused(why=why):
                self._halve(group, why)

    async def _follow(self, ruling: Ruling) -> None:
        """Nobody is told "out of stock" who has a reservation: look again before saying so."""
        known = {}
        if ruling.lacking:
            ids = [change.order_id for change, _ in ruling.lacking]
            known = await self._table.reservations(ids)
        for change, lacking in ruling.lacking:
            found = known.get(change.order_id)
            if found is None or (found.status == "released" and found.expired):
                self._lacking += not _synthetic(change)
                self._end([_out_of_stock(change, lacking)])
                continue
            met = meet(change, found, self._now)
            if isinstance(met, Outcome):
                self._end([met])
            else:
                ruling.later.append(met)
        self._end(ruling.ended)
        self._todo.extendleft(reversed([*pack(ruling.again), *pack(ruling.later)]))

    def _halve(self, group: Sequence[Change], why: str) -> None:
        """DynamoDB refuses and does not say which: the others must not suffer for the one."""
        if len(group) == 1:
            self._give_up(group, UnavailableError(f"DynamoDB cancelled a transaction: {why}."))
            return
        middle = len(group) // 2
        self._todo.extendleft([group[middle:], group[:middle]])

    def _end(self, outcomes: Iterable[Outcome]) -> None:
        self.ended |= {outcome.order_id: outcome for outcome in outcomes}

    def _give_up(self, group: Sequence[Change], error: UnavailableError) -> None:
        log.info("orders told to come back", count=len(group), why=error.detail)
        self._end(
            Outcome(change.order_id, "unavailable", error.detail, error=error) for change in group
        )

    async def _pause(self) -> None:
        await asyncio.sleep(self._pause_seconds * (0.5 + random.random()))  # noqa: S311 - jitter
        self._pause_seconds = min(self._pause_seconds * 2, LAST_PAUSE_SECONDS)


def _synthetic(change: Change) -> bool:
    reservation = change.wanted if isinstance(change, Reserve) else change.held
    return reservation.synthetic


def _out_of_stock(change: Change, lacking: Lacking) -> Outcome:
    assert isinstance(change, Reserve)
    wanted = change.wanted
    quantity = next(line.quantity for line in wanted.lines if line.sku == lacking.sku)
    detail = (
        f"Store {wanted.store_id} has {lacking.available} of {lacking.sku!r} left, "
        f"{quantity} were wanted."
    )
    return Outcome(wanted.order_id, "outOfStock", detail, lacking=lacking)
