"""Comparing the books of the orders that were placed during a chaos run. Called by `execute.py`.

The window is fixed (start of the run to the moment of recovery), so that an operator which takes
the run up again asks about the same orders.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cafe_ledger.audit import Auditor, Timing, Window
from cafe_ledger.collect import BookError, Collector
from cafe_ledger.report import Report

from cloudcafe_operator.effects.observe_run import Observer
from cloudcafe_operator.planning import outcomes
from cloudcafe_operator.planning.ledger import answer_of, is_final, settle_of
from cloudcafe_operator.planning.steps import Observed, Store
from cloudcafe_operator.resources.duration import seconds
from cloudcafe_operator.resources.probe import LedgerProbe
from cloudcafe_operator.resources.run import BooksAnswer

LOOK_AGAIN_S = 2.0
LONGEST_LOOK_S = 60.0
SETTLE = timedelta(seconds=30)
STUCK_AFTER = timedelta(hours=2)  # longer than a run: whether it waits too long is `within`'s


@dataclass(frozen=True, slots=True)
class RunAuditor:
    """One for all runs. `store_id` makes the services' id of namespace and name."""

    collector: Collector
    observer: Observer
    store_id: Callable[[str, str], str]

    async def audit(self, observed: Observed, name: str) -> Store | None:
        """Look at the books once. None: the answer may still get better, look again soon."""
        status = observed.run.status
        recovered_at = status.steps[status.step].recovered_at or observed.now
        begun = status.started_at or recovered_at
        probe = next(
            one.ledger for one in observed.run.spec.template.steady_state.ledgers
            if one.name == name and one.ledger
        )  # fmt: skip
        store = self.store_id(observed.run.namespace, probe.store)
        answer, report = await self._look(name, probe, Window(begun, recovered_at, store))
        now = self.observer.now(observed.run)
        over = now >= recovered_at + timedelta(seconds=seconds(probe.within))
        if over or is_final(answer, report):
            return outcomes.audited(observed, answer)
        memory = self.observer.memory(observed.run.uid)
        memory.retry_at["audit"] = self.observer.clock.monotonic() + LOOK_AGAIN_S
        return None

    async def _look(
        self, name: str, probe: LedgerProbe, window: Window
    ) -> tuple[BooksAnswer, Report | None]:
        clock = self.observer.clock
        timing = Timing(settle_of(probe, SETTLE), STUCK_AFTER)
        auditor = Auditor(self.collector, timing, now=clock.now)
        try:
            async with asyncio.timeout(LONGEST_LOOK_S):
                report = await auditor.audit(window)
        except BookError as problem:
            return _unread(name, str(problem), clock.now()), None
        except TimeoutError:
            problem_said = f"reading the books took longer than {LONGEST_LOOK_S:g} s"
            return _unread(name, problem_said, clock.now()), None
        return answer_of(name, report, at=clock.now()), report


def _unread(name: str, why: str, at: datetime) -> BooksAnswer:
    return BooksAnswer(probe=name, outcome="Unread", at=at, message=why)
