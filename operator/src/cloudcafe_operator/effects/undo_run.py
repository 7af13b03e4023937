"""Take back what a run changed, from its journal alone. Called by `execute.py`.

An undo survives every error of a fault: it is told, and tried again for ever. One that reads back
as done is still not believed while what was injected may come to light (`planning/settled.py`).
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, replace
from typing import Any

import structlog

from cloudcafe_operator.effects.observe_run import Observer
from cloudcafe_operator.effects.survey import Surveyor
from cloudcafe_operator.effects.survey import entry_of as _entry
from cloudcafe_operator.effects.together import side_by_side
from cloudcafe_operator.errors import Bug, Conflict, OperatorError, Retry
from cloudcafe_operator.faults.contract import Fault, Undone
from cloudcafe_operator.planning import outcomes
from cloudcafe_operator.planning.company import Folded, beside_undo
from cloudcafe_operator.planning.settled import hidden_for, late_for
from cloudcafe_operator.planning.steps import Observed, Store
from cloudcafe_operator.resources.duration import short
from cloudcafe_operator.resources.run import Run

PATIENCE = 20  # waits in a row before a human is told what is waited for
AGAIN_S = 2.0  # from one undo to the next while it is not sure that nothing is left
Ended = Undone | Exception  # how an undo ended, or its trouble
log = structlog.get_logger()


class Settling(Retry):
    """Undone as far as can be read, and not believed yet: no trouble, however long it takes."""


@dataclass(frozen=True, slots=True)
class RunUndoer:
    """Reverts and reads back; one serves all runs."""

    surveyor: Surveyor
    observer: Observer

    async def undo(self, observed: Observed, index: int) -> Store | None:
        """Revert and read back; whatever fails is told and tried again, for ever."""
        run = observed.run
        apart = self.surveyor.is_apart(run.status.journal[index].fault)
        beside = beside_undo(observed, index) if apart else (index,)
        undone = await side_by_side([self._take_back(run, one) for one in beside])
        undone = await side_by_side(  # all together, after all: what one reads tells of the others
            [self._read_back(run, one, ended) for one, ended in zip(beside, undone, strict=True)]
        )
        came = Folded(replace(observed, now=self.observer.now(run)))
        for one, ended in zip(beside, undone, strict=True):
            if isinstance(ended, Undone):
                self.observer.succeeded(run.uid, f"undo-{one}")
                came.add(outcomes.undone(came.observed, one, ended.outcome, ended.detail))
            else:
                came.add(self._undo_failed(came.observed, one, ended))
        return came.store

    async def _take_back(self, run: Run, index: int) -> Ended:
        if index in self.observer.memory(run.uid).untried:
            return Undone("Reverted", "nothing of it was injected")
        fault = self.surveyor.faults.get(run.status.journal[index].fault)
        return await _or_problem(self._revert(run, index, fault))

    async def _revert(self, run: Run, index: int, fault: Fault[Any] | None) -> Undone:
        if fault is None:
            raise Bug("this operator does not know the fault: run the version that injected it")
        settling = self._unsettled(run, index, fault) > 0
        entry = replace(_entry(run, index), settling=settling)
        return await fault.revert(entry, self.surveyor.world(run))

    async def _read_back(self, run: Run, index: int, ended: Ended) -> Ended:
        if isinstance(ended, Exception):
            return ended
        return await _or_problem(self._verify(run, index, ended))

    async def _verify(self, run: Run, index: int, undone: Undone) -> Undone:
        """Believe a revert only where it reads back as done."""
        memory = self.observer.memory(run.uid)
        if index in memory.untried:
            return undone
        entry = _entry(run, index)
        fault = self.surveyor.faults[run.status.journal[index].fault]
        if undone.outcome == "Diverged":
            memory.diverged[index] = undone.detail
        if (left := self._unsettled(run, index, fault)) > 0:
            raise Settling(
                f"what was injected into {entry.target.name} may still come to light, so it is "
                f"undone again for {short(left)}",
                after=min(left, AGAIN_S),
            )
        if not await fault.verify(entry, self.surveyor.world(run)):
            raise Retry(f"{entry.target.name} does not read back as undone yet", after=1.0)
        found = memory.diverged.get(index)
        return undone if found is None else Undone("Diverged", found)

    def distrust(self, run: Run, index: int, problem: OperatorError) -> None:
        """Remember for how long an injection that failed may happen all the same."""
        seconds = late_for(problem, claim_seconds=self.observer.claim_seconds)
        settles_at = self.observer.memory(run.uid).settles_at
        until = self.observer.clock.monotonic() + seconds
        settles_at[index] = max(until, settles_at.get(index, 0.0))

    def _unsettled(self, run: Run, index: int, fault: Fault[Any]) -> float:
        """Return for how many seconds nobody can know that nothing is left."""
        if not fault.puts_back(_entry(run, index)):
            return 0.0
        clock, entry = self.observer.clock, run.status.journal[index]
        memory = self.observer.memory(run.uid)
        late = memory.settles_at.get(index, 0.0) - clock.monotonic()
        tried_at = memory.tried_at.get(index)
        since_try = None if tried_at is None else clock.monotonic() - tried_at
        hidden = hidden_for(
            entry, self.observer.now(run), since_try=since_try, propagation=fault.propagation_s
        )
        return max(late, hidden)

    def _undo_failed(self, observed: Observed, index: int, problem: Exception) -> Store | None:
        key, run = f"undo-{index}", observed.run
        if isinstance(problem, Settling):
            self.observer.wait(run.uid, key, problem.after)
            return None
        fault = self.surveyor.faults.get(run.status.journal[index].fault)
        by_hand = _by_hand(fault, run, index)
        waiting = isinstance(problem, Retry | Conflict)
        failures = self.observer.defer(observed.run.uid, key, getattr(problem, "after", None))
        if waiting and failures < PATIENCE:
            return None
        if not isinstance(problem, OperatorError):
            log.error("undo failed", run=observed.run.name, exc_info=problem)
        return outcomes.troubled(observed, index, str(problem), by_hand)


async def _or_problem(undoing: Awaitable[Undone]) -> Ended:
    """Return how it ended, or its trouble: an undo must survive every error of a fault."""
    try:
        return await undoing
    except Exception as problem:  # noqa: BLE001 - it is told, and tried again for ever
        return problem


def _by_hand(fault: Fault[Any] | None, run: Run, index: int) -> str:
    """Return the command of a fault; one that cannot be made must not keep its trouble secret."""
    try:
        return fault.by_hand(_entry(run, index)) if fault else "see status.journal"
    except Exception:
        log.exception("no command by hand", run=run.name, entry=index)
        return "see status.journal"
