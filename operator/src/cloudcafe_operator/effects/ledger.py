"""Looking at the books of the whole fleet, once an interval for all stores together.

`main.py` runs it while this operator leads; the store's reconciler asks it for a store's verdict
and is woken where that changed. Nothing is written here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from cafe_ledger.audit import Auditor, Timing, Window
from cafe_ledger.collect import BookError, Collector

from cloudcafe_operator.effects.rounds import for_ever
from cloudcafe_operator.kinds import CAFE_STORES, key_of
from cloudcafe_operator.planning.ledger import (
    NAME,
    Look,
    judge_ledger,
    ledger_status,
    shares,
)
from cloudcafe_operator.ports import Clock, Ref, WakeUp
from cloudcafe_operator.resources.conditions import Condition, Judgement, get_condition
from cloudcafe_operator.resources.store_status import CafeStoreStatus, Ledger

BELIEVED_LOOKS = 3  # so long a verdict stands while the books cannot be read
SLICE = 200
log = structlog.get_logger()
Verdict = tuple[Judgement, Ledger | None]


@dataclass(frozen=True, slots=True)
class LedgerTiming:
    """How often, and over which orders; seconds."""

    every: float = 300.0
    window: float = 3600.0
    settle: float = 60.0
    stuck_after: float = 600.0


@dataclass(slots=True)
class LedgerWatch:
    """One for all stores. `queue` None: nobody is woken, as in tests that reconcile by hand."""

    collector: Collector
    clock: Clock
    queue: WakeUp | None
    timing: LedgerTiming
    _look: Look | None = None
    _told: dict[str, tuple[str, Judgement]] = field(default_factory=dict)  # key, by store id

    async def run(self) -> None:
        """Look for ever; no trouble with the books ends it."""
        await for_ever(self.round, seconds=self.timing.every, waits="the books wait")

    def verdict(self, ref: Ref, store_id: str, old: CafeStoreStatus) -> Verdict:
        """Return what a store's status says of its books: as before unless the verdict changed."""
        before = get_condition(old.conditions, NAME)
        if self._look is None and before is not None:  # a new leader has not looked yet
            judgement = _judgement(before)
        else:
            judgement = judge_ledger(self._look, store_id)
        self._told[store_id] = (key_of(Ref(CAFE_STORES, ref.name, ref.namespace)), judgement)
        if self._look is None or (before is not None and _judgement(before) == judgement):
            return judgement, old.ledger
        return judgement, ledger_status(self._look, store_id) or old.ledger

    def has_news(self, store_id: str) -> bool:
        """Whether the books say something else of a store than it was told last."""
        told = self._told.get(store_id)
        return told is None or judge_ledger(self._look, store_id) != told[1]

    def forget(self, store_id: str) -> None:
        """Wake a store no more."""
        self._told.pop(store_id, None)

    async def round(self) -> None:
        """Look once, and wake the stores whose verdict changed."""
        look = await self._looked()
        if look.problem:
            log.warning("the books cannot be compared", reason=look.problem)
            if self._still_believed():
                return
        self._look = look
        for number, (store_id, (key, told)) in enumerate(list(self._told.items())):
            if judge_ledger(look, store_id) != told and self.queue is not None:
                self.queue.add(key)
            if number % SLICE == 0:
                await asyncio.sleep(0)

    async def _looked(self) -> Look:
        until = self.clock.now().replace(microsecond=0) - timedelta(seconds=self.timing.settle)
        since = until - timedelta(seconds=self.timing.window)
        settle, stuck = self.timing.settle, self.timing.stuck_after
        timing = Timing(timedelta(seconds=settle), timedelta(seconds=stuck))
        auditor = Auditor(self.collector, timing, now=self.clock.now)
        try:
            async with asyncio.timeout(max(60.0, self.timing.every)):
                report = await auditor.audit(Window(since, until))
        except BookError as problem:
            return Look(since, until, problem=str(problem))
        except TimeoutError:
            return Look(since, until, problem="reading all books takes longer than the interval")
        except Exception as problem:  # a look that breaks must not end the operator
            log.exception("looking at the books failed")
            return Look(since, until, problem=f"the audit itself failed: {problem}")
        return Look(since, until, shares(report))

    def _still_believed(self) -> bool:
        """Whether the last good look is young enough to stand."""
        if self._look is None or self._look.problem:
            return False
        age = self.clock.now() - self._look.until
        longest = self.timing.settle + BELIEVED_LOOKS * self.timing.every
        return age.total_seconds() < longest


def _judgement(condition: Condition) -> Judgement:
    return condition.type, condition.status, condition.reason, condition.message


__all__: Sequence[str] = ("LedgerTiming", "LedgerWatch", "Verdict")
