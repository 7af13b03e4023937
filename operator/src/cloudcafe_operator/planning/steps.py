"""What a reconcile of a run can do next: exactly one of these. Pure data.

Chosen by `planning/run.py`, done by `effects/execute.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from cloudcafe_operator.planning.guards import Guard
from cloudcafe_operator.planning.samples import Sample, encode
from cloudcafe_operator.resources.run import Run, RunStatus

TICK_S = 0.5  # between two looks at a run that waits
CLAIM_S = 25.0  # how long another process may still be injecting what it claimed


@dataclass(frozen=True, slots=True)
class Observed:
    """All that a decision about a run rests on."""

    run: Run
    now: datetime  # the run's: a clock that is set back takes nothing from it (`moments.py`)
    identity: str  # of this operator process
    wall: datetime | None = None  # what the clock says, where that is not `now`
    claim_seconds: float = CLAIM_S
    experiment_gone: str = ""  # why the experiment no longer wants the run
    paused: bool = False
    approved: frozenset[str] = frozenset()  # names of the steps that a human agreed to
    halted: str = ""  # why, where somebody pulled the lever
    guards: tuple[Guard, ...] = ()  # of stores that the run touches, while something is in force
    untried: frozenset[int] = frozenset()  # journal entries captured here that nobody has injected
    samples: Mapping[str, tuple[Sample, ...]] = field(default_factory=dict)
    # probe → when its first sample was begun that has no answer yet
    waiting: Mapping[str, float] = field(default_factory=dict)
    troubles: Mapping[str, str] = field(default_factory=dict)  # what each probe met last
    sampled_until: float = 0.0  # seconds since the run's start, by which samples are counted
    watched_seconds: float = 0.0  # for how long this process has sampled the run
    unsaved_seconds: float = 0.0  # since samples were last stored
    deferred: Mapping[str, float] = field(default_factory=dict)  # effect → seconds until again
    counted: Mapping[str, float] = field(default_factory=dict)  # moment → seconds it is known here

    @property
    def status(self) -> RunStatus:
        """The run's status, with the samples of now."""
        status = self.run.status
        if not self.samples:
            return status
        return changed(status, probes=encode(self.samples, self.troubles))

    @property
    def settled(self) -> Mapping[str, tuple[Sample, ...]]:
        """The samples by which a probe is judged: those begun before its first without an answer.

        While some requests hang, those that were answered meanwhile are the luckier ones.
        """
        return {
            name: tuple(one for one in found if one.at < self.waiting.get(name, math.inf))
            for name, found in self.samples.items()
        }

    def since(self, name: str, moment: datetime) -> float:
        """Seconds since a moment: by the clock, or where it was set back, by what was counted."""
        return max((self.now - moment).total_seconds(), self.counted.get(name, 0.0))

    @property
    def offset(self) -> float:
        """Seconds since the run started."""
        started = self.run.status.started_at
        return (self.now - started).total_seconds() if started else 0.0


@dataclass(frozen=True, slots=True)
class Story:
    """One event: a line that a reader of `kubectl get events -w` understands."""

    reason: str
    message: str
    kind: Literal["Normal", "Warning"] = "Normal"


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Store:
    """Store a new status, then tell the story."""

    status: RunStatus
    stories: tuple[Story, ...] = ()


@dataclass(frozen=True, slots=True)
class Hold:
    """Put our finalizer on the run."""


@dataclass(frozen=True, slots=True)
class LetGo:
    """Take our finalizer off: nothing is left to undo."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """Resolve all targets and go through the checklist; touch nothing."""


@dataclass(frozen=True, slots=True)
class Capture:
    """Resolve a step's targets again, capture each, and store them as Injecting."""

    step: int


@dataclass(frozen=True, slots=True)
class Inject:
    """Inject one journal entry that this process has claimed, then store Injected."""

    index: int


@dataclass(frozen=True, slots=True)
class Look:
    """Read whether these entries are in force; store those that are.

    The last time, at the end of the hold, those too that are not any more.
    """

    indices: tuple[int, ...]
    last: bool = False


@dataclass(frozen=True, slots=True)
class Check:
    """Read whether these entries' targets are whole again; store those that are."""

    indices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Undo:
    """Revert and verify one entry, then store how it ended."""

    index: int


@dataclass(frozen=True, slots=True)
class Audit:
    """Compare the books of the run's orders for a ledger probe; store a final answer."""

    probe: str


@dataclass(frozen=True, slots=True)
class Done:
    """The run is over and nothing holds it."""


Step = (
    Wait | Store | Hold | LetGo | Preflight | Capture | Inject | Look | Check | Undo | Audit | Done
)


def changed(status: RunStatus, **fields: Any) -> RunStatus:
    """Return a status with some fields changed."""
    return status.model_copy(update=fields)


def with_entry(status: RunStatus, index: int, **fields: Any) -> RunStatus:
    """Return a status with one journal entry changed."""
    journal = list(status.journal)
    journal[index] = journal[index].model_copy(update=fields)
    return changed(status, journal=tuple(journal))


def with_step(status: RunStatus, index: int, **fields: Any) -> RunStatus:
    """Return a status with one step changed."""
    steps = list(status.steps)
    steps[index] = steps[index].model_copy(update=fields)
    return changed(status, steps=tuple(steps))


def deferred(observed: Observed, key: str) -> float:
    """Return the seconds until an effect that failed may be tried again; 0 is now."""
    return observed.deferred.get(key, 0.0)
