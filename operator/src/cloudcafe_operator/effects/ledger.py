"""Looking at the books of the whole fleet, once an interval for all stores together.

`main.py` runs it while this operator leads; the store's reconciler asks it for a store's verdict
and is woken where that changed. Nothing is written here. What left the window with damage is
looked at again, some of it in each round, for as long as it is not mended; the store's status
remembers it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from cafe_ledger.audit import Auditor, Timing, Window
from cafe_ledger.collect import BookError, Collector
from cafe_ledger.report import Report

from cloudcafe_operator.effects.rounds import for_ever
from cloudcafe_operator.kinds import CAFE_STORES, key_of
from cloudcafe_operator.planning.ledger import (
    NAME,
    Look,
    judge_ledger,
    ledger_status,
    shares,
)
from cloudcafe_operator.planning.unmended import (
    Seen,
    accepted_until,
    next_look,
    remembered,
    renewed,
    seen,
    without_accepted,
)
from cloudcafe_operator.ports import Clock, Ref, WakeUp
from cloudcafe_operator.resources.conditions import Condition, Judgement, get_condition
from cloudcafe_operator.resources.store_status import CafeStoreStatus, Ledger, Unmended

BELIEVED_LOOKS = 3  # so long a verdict stands while the books cannot be read
SLICE = 200
AGAIN = 12  # so many parts of a window are looked at again in a round: as much as the look itself
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
    _seen: Seen | None = None
    _told: dict[str, tuple[str, Judgement]] = field(default_factory=dict)  # key, by store id
    _unmended: dict[str, Unmended] = field(default_factory=dict)  # by store id
    _found_in: dict[str, int] = field(default_factory=dict)  # the round that found its begin again
    _accepted: dict[str, str] = field(default_factory=dict)  # the word of the annotation
    _number: int = 0

    async def run(self) -> None:
        """Look for ever; no trouble with the books ends it."""
        await for_ever(self.round, seconds=self.timing.every, waits="the books wait")

    def verdict(self, ref: Ref, store_id: str, old: CafeStoreStatus) -> Verdict:
        """Return what a store's status says of its books: as before unless the verdict changed."""
        if store_id not in self._told:  # to us it is new: its status knows more
            self._keep(store_id, remembered(old.ledger))
            if self._seen is not None:
                self._renew(store_id, self._seen)
        before = get_condition(old.conditions, NAME)
        if self._look is None and before is not None:  # a new leader has not looked yet
            judgement = _judgement(before)
        else:
            judgement = self._judge(store_id)
        self._told[store_id] = (key_of(Ref(CAFE_STORES, ref.name, ref.namespace)), judgement)
        if self._look is None or (before is not None and _judgement(before) == judgement):
            return judgement, old.ledger
        unmended = self._unmended.get(store_id)
        return judgement, ledger_status(self._look, store_id, unmended) or old.ledger

    def has_news(self, store_id: str) -> bool:
        """Whether the books say something else of a store than it was told last."""
        told = self._told.get(store_id)
        return told is None or self._judge(store_id) != told[1]

    def accept(self, store_id: str, word: str) -> None:
        """Look no more at what a person has settled: all before the moment of an annotation."""
        self._accepted[store_id] = word
        self._keep(store_id, self._unmended.get(store_id))

    def forget(self, store_id: str) -> None:
        """Wake a store no more."""
        self._told.pop(store_id, None)
        self._accepted.pop(store_id, None)
        self._keep(store_id, None)

    async def round(self) -> None:
        """Look once, and wake the stores whose verdict changed."""
        look, found = await self._looked()
        if look.problem:
            log.warning("the books cannot be compared", reason=look.problem)
            if self._still_believed():
                return
        self._look, self._seen = look, found
        if found is not None:
            await self._learn(found)
            await self._look_again(before=look.since)
        for number, (store_id, (key, told)) in enumerate(list(self._told.items())):
            if self._judge(store_id) != told and self.queue is not None:
                self.queue.add(key)
            if number % SLICE == 0:
                await asyncio.sleep(0)

    def _judge(self, store_id: str) -> Judgement:
        return judge_ledger(self._look, store_id, self._unmended.get(store_id))

    async def _looked(self) -> tuple[Look, Seen | None]:
        until = self.clock.now().replace(microsecond=0) - timedelta(seconds=self.timing.settle)
        since = until - timedelta(seconds=self.timing.window)
        window = since, until
        try:
            async with asyncio.timeout(max(60.0, self.timing.every)):
                report = await self._audit(window, levels=True)
        except BookError as problem:
            return Look(since, until, problem=str(problem)), None
        except TimeoutError:
            problem_said = "reading all books takes longer than the interval"
            return Look(since, until, problem=problem_said), None
        except Exception as problem:  # a look that breaks must not end the operator
            log.exception("looking at the books failed")
            return Look(since, until, problem=f"the audit itself failed: {problem}"), None
        look = Look(since, until, shares(report), statement=report.statement)
        return look, seen(report, window)

    async def _audit(self, window: tuple[datetime, datetime], *, levels: bool) -> Report:
        settle, stuck = self.timing.settle, self.timing.stuck_after
        timing = Timing(timedelta(seconds=settle), timedelta(seconds=stuck))
        auditor = Auditor(self.collector, timing, now=self.clock.now)
        return await auditor.audit(Window(*window), levels=levels)

    async def _look_again(self, *, before: datetime) -> None:
        """Look at some of the damage that left the window; what is not reached stays as it is."""
        self._number += 1
        part = timedelta(seconds=max(1.0, self.timing.window // AGAIN))
        try:
            async with asyncio.timeout(max(60.0, self.timing.every)):
                for _ in range(AGAIN):
                    window = next_look(
                        self._unmended,
                        self._found_in,
                        before=before,
                        part=part,
                        number=self._number,
                    )
                    if window is None:
                        return
                    report = await self._audit(window, levels=False)
                    await self._learn(seen(report, window))
        except (BookError, TimeoutError) as problem:
            log.warning("old damage cannot be looked at again", reason=str(problem) or "too slow")
        except Exception:  # as above: the round goes on, and the damage stays told
            log.exception("looking at old damage failed")

    async def _learn(self, found: Seen) -> None:
        """Renew what is known of each store that has damage, or had."""
        for number, store_id in enumerate({*self._unmended, *found.damaged}):
            if store_id in self._told:
                self._renew(store_id, found)
            if number % SLICE == 0:
                await asyncio.sleep(0)

    def _renew(self, store_id: str, found: Seen) -> None:
        left = renewed(self._unmended.get(store_id), found, store_id)
        self._keep(store_id, left)
        since, until = found.window
        if left is not None and since <= left.since < until:
            self._found_in[store_id] = self._number

    def _keep(self, store_id: str, unmended: Unmended | None) -> None:
        accepted = accepted_until(self._accepted.get(store_id, ""), self.clock.now())
        unmended = without_accepted(unmended, accepted)
        if unmended is None:
            self._unmended.pop(store_id, None)
            self._found_in.pop(store_id, None)
        else:
            self._unmended[store_id] = unmended

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
