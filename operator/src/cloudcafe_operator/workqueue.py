"""The queue between watching and working: one reconcile per object at a time, retried well.

Watch handlers, timers and reconcilers `add` keys (`CafeStore/lisbon/corner`); a bounded number of
workers run `reconcile(key)`. Its answer is the seconds until the key is due again, or None. An
error decides by its type when it is tried again (planning/backoff.py); events coming in meanwhile
are merged. This is what controller-runtime has and kopf's own handlers lack.

Each kind has workers of its own, as controllers have there: a fault is undone on time however many
stores wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

import structlog

from cloudcafe_operator import metrics
from cloudcafe_operator.agenda import Agenda
from cloudcafe_operator.errors import Conflict, OperatorError, Retry, UserError
from cloudcafe_operator.planning.backoff import retry_after
from cloudcafe_operator.ports import Clock

Reconcile = Callable[[str], Awaitable[float | None]]
log = structlog.get_logger()


class WorkQueue:
    """Implements ports.WakeUp. Lives on one event loop and is not thread-safe.

    `workers` is how many keys of each kind are worked on at the same time. `ahead` tells of a kind
    how many seconds news goes before what the clock woke; what has waited for longer goes first.
    """

    def __init__(
        self,
        reconcile: Reconcile,
        *,
        clock: Clock,
        workers: int = 16,
        ahead: Mapping[str, float] = MappingProxyType({}),
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._reconcile = reconcile
        self._clock = clock
        self._workers = workers
        self._ahead = ahead
        self._chance = chance
        self._agendas: dict[str, Agenda] = defaultdict(Agenda)  # by kind
        self._failures: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        """How many keys wait."""
        return sum(len(agenda) for agenda in self._agendas.values())

    def add(self, key: str, *, after: float = 0.0, news: bool = False) -> None:
        """Put a key in, due after so many seconds; the earliest wish counts. News is due now."""
        kind, now = _kind(key), self._clock.monotonic()
        if news:
            self._agendas[kind].tell(key, now, ahead=self._ahead.get(kind, 0.0))
        else:
            self._agendas[kind].add(key, now + after)
        metrics.queue_depth.set(len(self))
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled; what is running then is cancelled too."""
        try:
            while True:
                self._start_due()
                await self._wait()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def finish(self, *, seconds: float) -> None:
        """Start nothing more and give what runs a last moment. For a graceful stop."""
        self._workers = 0
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    async def drain(self) -> None:
        """Work until nothing is due now. For tests, which move the clock themselves."""
        while True:
            self._start_due()
            if not self._tasks:
                return
            done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # a killed operator (BaseException) surfaces here

    def _start_due(self) -> None:
        for kind, agenda in self._agendas.items():
            while len(agenda.in_hand) < self._workers:
                taken = agenda.take(self._clock.monotonic())
                if taken is None:
                    break
                woken = "news" if taken.news else "clock"
                waited = self._clock.monotonic() - taken.since
                metrics.queue_latency.labels(kind, woken).observe(waited)
                task = asyncio.create_task(self._work(taken.key), name=taken.key)
                self._tasks.add(task)
                task.add_done_callback(self._finished)
        metrics.queue_depth.set(len(self))
        metrics.queue_active.set(len(self._tasks))

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._wake.set()

    async def _wait(self) -> None:
        """Wait for a new key, a finished worker or the next due time."""
        free = [one for one in self._agendas.values() if len(one.in_hand) < self._workers]
        due = [at for agenda in free if (at := agenda.next_due()) is not None]
        timeout = max(0.0, min(due) - self._clock.monotonic()) if due else None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), timeout)
        self._wake.clear()

    async def _work(self, key: str) -> None:
        """Run one reconcile and file what comes next."""
        kind = _kind(key)
        started = self._clock.monotonic()
        try:
            after = await self._reconcile(key)
        except Exception as error:  # noqa: BLE001 - whatever fails, the key must come back
            after = self._failed(key, error)
        else:
            self._failures.pop(key, None)
            metrics.reconciles.labels(kind, "success").inc()
        finally:
            self._agendas[kind].finish(key)
        metrics.work_seconds.labels(kind).observe(self._clock.monotonic() - started)
        if after is not None:
            self.add(key, after=after)

    def _failed(self, key: str, error: Exception) -> float:
        if type(error) is Retry:  # a wait: what failed before it went on
            self._failures.pop(key, None)
        else:
            self._failures[key] = self._failures.get(key, 0) + 1
        after = retry_after(error, failures=self._failures.get(key, 1), jitter=self._chance())
        reason = error.reason if isinstance(error, OperatorError) else "Bug"
        metrics.reconciles.labels(_kind(key), reason).inc()
        said = {"key": key, "reason": reason, "error": str(error), "retry_in": round(after, 2)}
        if isinstance(error, Retry | Conflict):
            log.debug("not yet", **said)
        elif isinstance(error, UserError):
            log.info("refused", **said)
        else:
            log.error("failed", **said, exc_info=error)
        return after


def _kind(key: str) -> str:
    return key.partition("/")[0]
