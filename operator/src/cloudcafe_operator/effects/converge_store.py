"""Bringing one store's world to what is wanted: observe, plan, execute, in rounds.

Called by `handlers/store.py`. A step that fails puts its part in trouble and the others go on, so
that an unreachable service does not keep the queues from being made. What was found in order is
believed until the next resync: a wake-up without news costs no call.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Any

from cloudcafe_operator.effects.do_steps import StoreSteps
from cloudcafe_operator.effects.observe_store import AREAS, StoreObserver
from cloudcafe_operator.effects.store_notes import Note, StoreNotes
from cloudcafe_operator.errors import (
    AccessDenied,
    Bug,
    OperatorError,
    QuotaExceeded,
    Retry,
    Throttled,
)
from cloudcafe_operator.planning.pace import alarms_after, next_look, resync_after
from cloudcafe_operator.planning.store import plan_store
from cloudcafe_operator.planning.store_adoption import as_agreed
from cloudcafe_operator.planning.store_cluster import only_tells
from cloudcafe_operator.planning.store_drift import TAGS
from cloudcafe_operator.planning.store_finding import Finding, found
from cloudcafe_operator.planning.store_memory import Memory
from cloudcafe_operator.planning.store_report import in_place
from cloudcafe_operator.planning.store_status import troubles
from cloudcafe_operator.planning.store_steps import CAFE, DATA_TIER, WATCH, Area, Step
from cloudcafe_operator.planning.store_world import Observed, Trouble, Wanted
from cloudcafe_operator.ports import Clock

#: Parts whose creation tells whether they existed; of a new store they are not looked at first.
GUESSED: tuple[Area, ...] = (
    "dead_letters", "queue", "secret", "till", "config", "store", "menu", "stock"
)  # fmt: skip
NEEDED: tuple[Area, ...] = (*DATA_TIER, *CAFE)  # for a coffee
REFUSED_SECONDS = 60.0  # a quota that is used up, a permission that lacks
UNSETTLED_SECONDS = 15.0  # a store that waits for somebody is looked at soon again
MOST_ROUNDS = 6  # dead letters, queue and secret, till and config, registration; and one to see it


@dataclass(slots=True)
class StoreConverger:
    """One for all stores."""

    observer: StoreObserver
    steps: StoreSteps
    clock: Clock
    resync_seconds: float
    fleet: Callable[[], int]  # how many stores there are, looked at or not
    _notes: StoreNotes = field(init=False)
    _in_wait: set[str] = field(default_factory=set)  # whose alarms AWS throttled
    _untold: dict[str, set[str]] = field(default_factory=dict)  # parts written since its status

    def __post_init__(self) -> None:
        """Begin without notes."""
        self._notes = StoreNotes(self.clock)

    async def find(self, wanted: Wanted, memory: Memory, *, hands_off: bool) -> Finding:
        """Converge, unless all was in order a moment ago and nothing else is wanted since."""
        if untold := self._untold.get(wanted.store_id):
            memory = replace(memory, written=frozenset(untold))
        note = self._notes.believed(wanted.store_id)
        same = note is not None and (note.wanted, note.hands_off) == (wanted, hands_off)
        if note and (same or _is_a_new_wish(note, wanted, hands_off=hands_off)):
            # it was looked at a moment ago, so what is wished anew is measured by that
            areas = self._to_look_at(note)
            if same and not areas:
                return note.finding
            return await self._look_again(replace(note, wanted=wanted), memory, areas)
        return await self._look_at_all(wanted, memory, hands_off=hands_off)

    async def _look_at_all(self, wanted: Wanted, memory: Memory, *, hands_off: bool) -> Finding:
        """Look at everything but what waits its turn at CloudWatch."""
        last = self._notes.last(wanted.store_id)
        waiting = self._waiting(last) if last else {}
        late_at = last.late_at if last else 0.0
        self.forget(wanted.store_id)
        until = self._next_look(wanted.store_id)
        finding = await self.converge(
            wanted,
            memory,
            hands_off=hands_off,
            areas=[area for area in AREAS if area not in waiting],
            known=Observed(**waiting) if waiting else None,
        )
        if troubles(finding.observed, NEEDED):
            return finding
        refused = [area for area in _late(finding.observed) if area not in waiting]
        return self._noted(Note(wanted, hands_off, until, finding, late_at), refused)

    def _next_look(self, store_id: str) -> float:
        """Return until when a finding is believed."""
        every = resync_after(self.resync_seconds, stores=self.fleet())
        return next_look(self.clock.monotonic(), store_id, every=every)

    def _to_look_at(self, note: Note) -> list[Area]:
        """Return what is looked at before the rest of it.

        CloudWatch takes few alarms a second: who waits its turn must not read all else.
        """
        waiting = self._waiting(note)
        late = [area for area in _late(note.finding.observed) if area not in waiting]
        return [*NEEDED, *late] if note.doubted else late

    def _waiting(self, note: Note) -> dict[str, Any]:
        """Return what CloudWatch refused and whose turn has not come: no look tries it before."""
        if self.clock.monotonic() >= note.late_at:
            return {}
        observed = note.finding.observed
        return {area: getattr(observed, area) for area in _late(observed)}

    async def _look_again(self, note: Note, memory: Memory, areas: list[Area]) -> Finding:
        """Look at these areas and do what is wished; the rest is as noted."""
        before = note.finding.observed
        self._notes.drop(note.wanted.store_id)
        finding = await self.converge(
            note.wanted, memory, hands_off=note.hands_off, areas=areas, known=before
        )
        waiting = set(_late(before)) - set(areas)
        refused = [area for area in _late(finding.observed) if area not in waiting]
        doubted = bool(troubles(finding.observed, NEEDED))
        return self._noted(replace(note, finding=finding, doubted=doubted), refused)

    def _noted(self, note: Note, refused: Collection[Area]) -> Finding:
        """Return a finding and believe it; `refused` is what CloudWatch did just now."""
        store_id, finding = note.wanted.store_id, note.finding
        now, until = self.clock.monotonic(), note.until
        if not (note.hands_off or note.doubted or in_place(note.wanted, finding)):
            until = min(until, now + resync_after(UNSETTLED_SECONDS, stores=self.fleet()))
        finding = self._in_line(store_id, finding)
        waits = [_wait_of(getattr(finding.observed, area).error) for area in refused]
        late_at = max(note.late_at, now + max(waits, default=0.0))
        self._notes.put(replace(note, until=until, finding=finding, late_at=late_at))
        return finding

    def _in_line(self, store_id: str, finding: Finding) -> Finding:
        """Let those whose alarms are throttled try again one after the other, not all at once."""
        throttled = {
            area: one
            for area in _late(finding.observed)
            if isinstance((one := getattr(finding.observed, area)).error, Throttled)
        }
        if not throttled:
            self._in_wait.discard(store_id)
            return finding
        self._in_wait.add(store_id)
        after = alarms_after(len(self._in_wait), store_id)
        changes: dict[str, Any] = {
            area: Trouble(type(one.error)(one.message, after=max(one.error.after, after)))
            for area, one in throttled.items()
        }
        return replace(finding, observed=replace(finding.observed, **changes))

    def forget(self, store_id: str) -> None:
        """Look again at the next reconcile."""
        self._notes.drop(store_id)
        self._in_wait.discard(store_id)

    def doubt(self, store_id: str) -> None:
        """Look again at the next reconcile at all that a coffee needs."""
        if note := self._notes.believed(store_id):
            self._notes.put(replace(note, doubted=True))

    def told(self, store_id: str, observed: Observed | None = None) -> None:
        """The status knows what was written: what differs from now on, others did.

        Of parts in trouble it does not: `observed` says which.
        """
        untold = self._untold.pop(store_id, set())
        kept = {
            part
            for part in untold
            if isinstance(getattr(observed, part.removesuffix(TAGS), None), Trouble)
        }
        if kept:
            self._untold[store_id] = kept

    def seconds_believed(self, store_id: str) -> float:
        """Return how long the last finding is still believed: 0 where there is none."""
        return self._notes.seconds(store_id)

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

        With `areas` only these are read, the rest is as `known`. A store of which nothing was ever
        noted is taken for new: it is not looked at first, and what turns out to exist is.
        """
        unseen: set[Area] = set()
        if memory == Memory() and known is None and wanted.terms.management == "Manage":
            unseen = set(GUESSED)
        look_at = [area for area in areas if area not in unseen]
        observed = await self.observer.observe(wanted, memory, areas=look_at, known=known)
        failed: dict[Area, Trouble] = {}
        later: list[Step] = []
        todo = plan_store(wanted, observed, memory)
        for _ in range(MOST_ROUNDS):
            if hands_off or not todo:
                return found(wanted, observed, todo, memory)
            later += [one for one in todo if only_tells(one)]  # what failed is tried next time
            agreed = as_agreed(wanted, observed, memory)
            written = self._untold.setdefault(wanted.store_id, set())
            done = await self.steps.do(agreed, observed, todo, unseen=unseen, written=written)
            failed |= {area: one for area, one in done.failed.items() if area not in unseen}
            unseen -= {step.area for step in todo}
            observed = replace(observed, **done.shown)  # the rest is as it was a moment ago
            observed = await self.observer.observe(
                wanted, memory, areas=done.to_look_at, known=observed
            )
            observed = _marked(observed, failed)
            todo = [one for one in plan_store(wanted, observed, memory) if one not in later]
        if todo:
            areas = sorted({step.area for step in todo})
            bug = Bug(f"{', '.join(areas)}: done {MOST_ROUNDS} times and still to do")
            observed = _marked(observed, {step.area: Trouble(bug) for step in todo})
        return found(wanted, observed, todo, memory)


def _is_a_new_wish(note: Note, wanted: Wanted, *, hands_off: bool) -> bool:
    """Whether only what is wished has changed, of a store that was in order."""
    same = (note.wanted.identity, note.wanted.terms) == (wanted.identity, wanted.terms)
    return same and not hands_off and not note.hands_off and not note.finding.todo


def _wait_of(error: OperatorError) -> float:
    if isinstance(error, QuotaExceeded | AccessDenied):
        return REFUSED_SECONDS
    return error.after if isinstance(error, Retry) else 0.0


def _late(observed: Observed) -> list[Area]:
    """Return what waits its turn at CloudWatch."""
    return [area for area in WATCH if isinstance(getattr(observed, area), Trouble)]


def _marked(observed: Observed, failed: dict[Area, Trouble]) -> Observed:
    """Put what failed in its place: it gets no further step in this reconcile."""
    changes: dict[str, Any] = dict(failed.items())
    return replace(observed, **changes)
