"""Bringing one store's world to what is wanted: observe, plan, execute, in rounds.

Called by `handlers/store.py`. A step that fails puts its part in trouble and the others go on, so
that an unreachable service does not keep the queues from being made. What was found in order is
believed until the next resync: a wake-up without news costs no call.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cloudcafe_operator.effects.chronicle import Chronicle
from cloudcafe_operator.effects.execute_store import StoreExecutor
from cloudcafe_operator.effects.observe_store import AREAS, StoreObserver
from cloudcafe_operator.errors import Bug, OperatorError
from cloudcafe_operator.planning.store import plan_store
from cloudcafe_operator.planning.store_adoption import as_agreed
from cloudcafe_operator.planning.store_finding import Finding, found
from cloudcafe_operator.planning.store_history import why
from cloudcafe_operator.planning.store_memory import Memory
from cloudcafe_operator.planning.store_report import in_place
from cloudcafe_operator.planning.store_status import troubles
from cloudcafe_operator.planning.store_steps import CAFE, DATA_TIER, WATCH, Area, Step
from cloudcafe_operator.planning.store_world import Observed, Trouble, Wanted
from cloudcafe_operator.ports import Clock

UNSETTLED_SECONDS = 15.0  # a store that waits for somebody is looked at soon again
MOST_ROUNDS = 6  # dead letters, queue and secret, till and config, registration; and one to see it


@dataclass(frozen=True, slots=True)
class Note:
    """What was found last, for which wish, and until when it is believed."""

    wanted: Wanted
    hands_off: bool
    until: float
    finding: Finding


@dataclass(slots=True)
class StoreConverger:
    """One for all stores."""

    observer: StoreObserver
    executor: StoreExecutor
    clock: Clock
    chronicle: Chronicle
    resync_seconds: float
    _notes: dict[str, Note] = field(default_factory=dict)

    async def find(self, wanted: Wanted, memory: Memory, *, hands_off: bool) -> Finding:
        """Converge, unless all was in order a moment ago and nothing else is wanted since."""
        note = self._notes.get(wanted.store_id)
        believed = note if note and self.seconds_believed(wanted) > 0 else None
        if believed and (believed.wanted, believed.hands_off) == (wanted, hands_off):
            return await self._with_late_watch(believed, memory)
        self.forget(wanted.store_id)
        if believed and _only_store_differs(believed, wanted, hands_off=hands_off):
            # it opened or closed: the rest is as it was, and thousands do so at the same moment
            finding = await self.converge(
                wanted,
                memory,
                hands_off=hands_off,
                areas={"store"},
                known=believed.finding.observed,
            )
        else:
            finding = await self.converge(wanted, memory, hands_off=hands_off)
        if not troubles(finding.observed, (*DATA_TIER, *CAFE)):
            settled = hands_off or in_place(wanted, finding)
            seconds = self.resync_seconds if settled else UNSETTLED_SECONDS
            until = self.clock.monotonic() + seconds
            self._notes[wanted.store_id] = Note(wanted, hands_off, until, finding)
        return finding

    async def _with_late_watch(self, note: Note, memory: Memory) -> Finding:
        """Try once more for alarms and dashboard alone, where they were in trouble.

        CloudWatch takes few alarms a second: who waits its turn must not read all else.
        """
        observed = note.finding.observed
        late = [area for area in WATCH if isinstance(getattr(observed, area), Trouble)]
        if not late:
            return note.finding
        finding = await self.converge(
            note.wanted, memory, hands_off=note.hands_off, areas=late, known=observed
        )
        self._notes[note.wanted.store_id] = replace(note, finding=finding)
        return finding

    def forget(self, store_id: str) -> None:
        """Look again at the next reconcile."""
        self._notes.pop(store_id, None)

    def seconds_believed(self, wanted: Wanted) -> float:
        """Return how long the last finding is still believed: 0 where there is none."""
        note = self._notes.get(wanted.store_id)
        return max(0.0, note.until - self.clock.monotonic()) if note else 0.0

    async def converge(
        self,
        wanted: Wanted,
        memory: Memory,
        *,
        hands_off: bool,
        areas: Collection[Area] = AREAS,
        known: Observed | None = None,
    ) -> Finding:
        """Return the world after everything possible was done; hands off: only look.

        With `areas` only these are read, the rest is as `known`.
        """
        failed: dict[Area, Trouble] = {}
        observed = await self.observer.observe(wanted, areas=areas, known=known)
        todo = plan_store(wanted, observed, memory)
        for _ in range(MOST_ROUNDS):
            if hands_off or not todo:
                return found(wanted, observed, todo, memory)
            agreed = as_agreed(wanted, observed, memory)
            failed |= await self._execute(agreed, todo)
            touched = {step.area for step in todo}  # the rest is as it was a moment ago
            observed = await self.observer.observe(wanted, areas=touched, known=observed)
            observed = _marked(observed, failed)
            todo = plan_store(wanted, observed, memory)
        if todo:
            areas = sorted({step.area for step in todo})
            bug = Bug(f"{', '.join(areas)}: done {MOST_ROUNDS} times and still to do")
            observed = _marked(observed, {step.area: Trouble(bug) for step in todo})
        return found(wanted, observed, todo, memory)

    async def _execute(self, wanted: Wanted, steps: Sequence[Step]) -> dict[Area, Trouble]:
        failed: dict[Area, Trouble] = {}
        for step in steps:
            if step.area in failed:
                continue
            try:
                with self.chronicle.because(wanted.store_id, why(step, wanted)):
                    await self.executor.execute(step, wanted.store_id)
            except OperatorError as error:
                failed[step.area] = Trouble(error)
        return failed


def _only_store_differs(note: Note, wanted: Wanted, *, hands_off: bool) -> bool:
    like = replace(note.wanted, store=wanted.store)
    return (like, note.hands_off) == (wanted, hands_off) and not note.finding.todo


def _marked(observed: Observed, failed: dict[Area, Trouble]) -> Observed:
    """Put what failed in its place: it gets no further step in this reconcile."""
    changes: dict[str, Any] = dict(failed.items())
    return replace(observed, **changes)
