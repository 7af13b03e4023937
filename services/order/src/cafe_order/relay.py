"""The outbox relay: takes committed messages to where they belong, at least once, in order.

Runs inside the order service, one worker per destination; replicas share the work through row
locks. A committed order wakes its own replica's relay; rows left behind by another replica are
found on the next idle round. A full batch opens another lane, up to the destination's bound, so a
burst is drained by all lanes and a quiet hour costs one.
"""

import asyncio
import random
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog
from cafe_kit.errors import UnavailableError
from cafe_kit.workers import wait_or_stop
from prometheus_client import CollectorRegistry, Counter, Gauge

from cafe_order.destinations import Delivered, Destination, Outcome, Park, Retry
from cafe_order.events import DESTINATIONS
from cafe_order.outbox import DestinationState, OutboxRow, Settlement
from cafe_order.saga import StockAnswer
from cafe_order.shedding import Backlog

log = structlog.get_logger()

FIRST_RETRY_SECONDS = 0.2
LONGEST_RETRY_SECONDS = 5.0
DATABASE_PAUSE_SECONDS = 0.5
STATE_SECONDS = 2.0


class Claimed(Protocol):
    """A locked batch."""

    @property
    def rows(self) -> Sequence[OutboxRow]:
        """What was claimed."""
        ...

    async def settle(self, settlement: Settlement) -> bool:
        """Write what became of the rows; returns whether orders moved on."""
        ...


class Outbox(Protocol):
    """What the relay needs of the outbox table."""

    def claim(
        self, destination: str, limit: int, *, newest_only: bool = False
    ) -> AbstractAsyncContextManager[Claimed]:
        """Lock due rows for the time of the block."""
        ...

    async def state(
        self, destinations: Sequence[str], count_to: int = ...
    ) -> list[DestinationState]:
        """Lag and backlog."""
        ...


class RelayMetrics:
    """What the relay publishes on /metrics."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.lag = Gauge(
            "cafe_outbox_lag_seconds",
            "Age of the oldest waiting row.",
            ["destination"],
            registry=registry,
        )
        self.waiting = Gauge(
            "cafe_outbox_waiting",
            "Rows that wait (counted to a bound).",
            ["destination"],
            registry=registry,
        )
        self.parked = Gauge(
            "cafe_outbox_parked",
            "Rows that need a person; tickets and stores' lists also those that wait for them.",
            ["destination"],
            registry=registry,
        )
        self.outcomes = Counter(
            "cafe_outbox_rows", "Rows handled.", ["destination", "outcome"], registry=registry
        )


class Bell:
    """Wakes the relays of this process when a message was committed."""

    def __init__(self) -> None:
        self._ears: list[asyncio.Event] = []

    def listen(self) -> asyncio.Event:
        """An event that every ring sets; the listener clears it."""
        ear = asyncio.Event()
        self._ears.append(ear)
        return ear

    def ring(self) -> None:
        """There is something to take along."""
        for ear in self._ears:
            ear.set()


@dataclass
class Relay:
    """The worker of one destination."""

    destination: Destination
    outbox: Outbox
    metrics: RelayMetrics
    bell: Bell
    clock: Callable[[], datetime]
    idle_seconds: float = 0.5
    told: Callable[[OutboxRow], None] = lambda _row: None
    """Hears of every delivered row, for the business's own counting."""

    def __post_init__(self) -> None:
        """Listen from the start, so that no ring is missed."""
        self._awake = self.bell.listen()

    async def run(self, stopping: asyncio.Event) -> None:
        """Worker: deliver until told to stop; a batch that was begun is finished."""
        wakes = [self._awake, *(asyncio.Event() for _ in range(self.destination.lanes - 1))]
        async with asyncio.TaskGroup() as lanes:
            for number in range(len(wakes)):
                lanes.create_task(self._lane(wakes[number:], stopping, first=number == 0))

    async def run_once(self) -> int:
        """Claim, deliver and settle one batch; returns how many rows it had."""
        to = self.destination
        claim = self.outbox.claim(to.name, to.batch_size, newest_only=to.newest_only)
        async with claim as batch:
            if not batch.rows:
                return 0
            outcomes = await to.deliver(batch.rows)
            moved = await batch.settle(self._settlement(batch.rows, outcomes))
        if moved:
            self.bell.ring()
        self._count(batch.rows, outcomes)
        return len(outcomes)

    async def _lane(
        self, wakes: Sequence[asyncio.Event], stopping: asyncio.Event, *, first: bool
    ) -> None:
        """One batch after the other; `wakes` are this lane's and those of the lanes after it."""
        told = False
        while not stopping.is_set():
            wakes[0].clear()
            try:
                handled = await self.run_once()
            except UnavailableError as error:
                level = log.debug if told else log.warning
                level("outbox waits", destination=self.destination.name, why=error.detail)
                told = True
                await wait_or_stop(stopping, DATABASE_PAUSE_SECONDS)
                continue
            told = False
            if handled >= self.destination.batch_size:
                if len(wakes) > 1:
                    wakes[1].set()
            elif handled == 0:
                await _rest(wakes[0], stopping, self.idle_seconds if first else None)
            elif self.destination.linger_seconds:
                await wait_or_stop(stopping, self.destination.linger_seconds)

    def _settlement(self, rows: Sequence[OutboxRow], outcomes: Sequence[Outcome]) -> Settlement:
        delivered: list[OutboxRow] = []
        said: list[tuple[OutboxRow, StockAnswer]] = []
        retried, parked = [], []
        for row, outcome in zip(rows, outcomes, strict=True):
            match outcome:
                case Delivered(said=answer):
                    delivered.append(row)
                    if answer is not None:
                        said.append((row, answer))
                case Retry(reason=reason):
                    retried.append((row.id, reason[:500], backoff_seconds(row.attempts)))
                case Park(reason=reason, until=queue):
                    level = log.error if queue is None else log.warning
                    level("outbox row parked", id=row.id, kind=row.kind, reason=reason)
                    parked.append((row.id, reason[:500], queue))
        return Settlement(self.clock(), delivered, retried, parked, said)

    def _count(self, rows: Sequence[OutboxRow], outcomes: Sequence[Outcome]) -> None:
        name = self.destination.name
        for row, outcome in zip(rows, outcomes, strict=True):
            self.metrics.outcomes.labels(name, type(outcome).__name__.lower()).inc()
            if isinstance(outcome, Delivered):
                self.told(row)


async def _rest(wake: asyncio.Event, stopping: asyncio.Event, seconds: float | None) -> None:
    waits = {asyncio.create_task(stopping.wait()), asyncio.create_task(wake.wait())}
    _, pending = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()


class Housekeeping:
    """The gauges of the outbox."""

    def __init__(
        self,
        outbox: Outbox,
        metrics: RelayMetrics,
        *,
        backlog: Backlog,
        lag: Callable[[float], None],
    ) -> None:
        self._outbox = outbox
        self._metrics = metrics
        self._backlog = backlog
        self._lag = lag

    async def watch_lag(self, stopping: asyncio.Event) -> None:
        """Worker: publish lag and backlog."""
        while not stopping.is_set():
            try:
                await self.look()
            except UnavailableError as error:
                log.debug("no outbox state", why=error.detail)
            await wait_or_stop(stopping, STATE_SECONDS)

    async def look(self) -> None:
        """Count what waits once; a bit further than the bound, so that passing it is seen."""
        states = await self._outbox.state(DESTINATIONS, self._backlog.most + 1)
        for state in states:
            self._metrics.lag.labels(state.destination).set(state.lag_seconds)
            self._metrics.waiting.labels(state.destination).set(state.waiting)
            self._metrics.parked.labels(state.destination).set(state.parked)
        longest = max(states, key=lambda state: state.waiting)
        self._backlog.note(longest.destination, longest.waiting)
        self._lag(max(state.lag_seconds for state in states))


def backoff_seconds(attempts: int) -> float:
    """Exponential up to a bound, with jitter so that replicas do not march in step."""
    longest = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** min(attempts, 10))
    return random.uniform(longest / 2, longest)  # noqa: S311 - jitter, not cryptography
