"""The status of a ChaosRun as it was stored: frozen, unknown fields left alone.

Patient with what an older or newer operator wrote; `view.py` makes a run of it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

OPEN = ("Injecting", "Injected")


class Read(BaseModel):
    """Base of all that is read; fields that are not known here are left alone."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True
    )


class Window(Read):
    """What users saw in a span of time, over all probes."""

    samples: int = 0
    failed_percent: float = 0.0
    p50_milliseconds: int | None = None
    p99_milliseconds: int | None = None


class Measures(Read):
    """What a step did to users; seconds. None: not seen, or not known."""

    in_force_after: float | None = None
    noticed_after: float | None = None
    recovered_after: float | None = None
    outage: float | None = None
    undone_after: float | None = None
    budget_burnt_percent: float | None = None
    orders_refused: int = 0
    orders_delayed: int = 0
    before: Window = Window()
    during: Window = Window()
    after: Window = Window()
    gaps: tuple[str, ...] = ()


class Step(Read):
    """How far a step came."""

    name: str
    momentary: bool = False
    approval_asked_at: datetime | None = None
    approved_at: datetime | None = None
    injected_at: datetime | None = None
    hold_until: datetime | None = None
    revert_at: datetime | None = None
    undone_at: datetime | None = None
    recovered_at: datetime | None = None
    measures: Measures = Measures()


class Target(Read):
    """What was, or would be, broken."""

    id: str
    name: str
    namespace: str | None = None
    group: str = ""
    group_size: int = 1


class Entry(Read):
    """A line of the undo journal: one target."""

    step: int
    fault: str
    target: Target
    state: str
    captured: dict[str, Any] = Field(default_factory=dict)
    injected: dict[str, Any] = Field(default_factory=dict)
    injected_at: datetime | None = None
    in_force_at: datetime | None = None
    healthy_at: datetime | None = None
    undone_at: datetime | None = None
    trouble: str = ""
    detail: str = ""

    @property
    def open(self) -> bool:
        """Whether something may still have to be undone."""
        return self.state in OPEN


class Stop(Read):
    """Why a run was ended early, or could not begin."""

    reason: str
    message: str
    at: datetime


class ProbeLog(Read):
    """The stored samples of one probe."""

    name: str
    samples: str = ""
    trouble: str = ""


class Books(Read):
    """What a ledger probe found."""

    probe: str
    outcome: str
    at: datetime
    orders: int = 0
    findings: int = 0
    message: str = ""


class Condition(Read):
    """One condition of the run."""

    type: str
    status: str
    reason: str
    message: str = ""
    last_transition_time: datetime | None = None


class PreviewTarget(Read):
    """One target that a run would hit."""

    step: str
    fault: str
    target: str
    group: str = ""
    capacity_left: str = ""
    calls: tuple[str, ...] = ()
    refused: str = ""


class PreviewCapacity(Read):
    """What a service, or a zone, would be left with."""

    step: str
    of: str
    left: str


class Preview(Read):
    """What a run would do."""

    targets: tuple[PreviewTarget, ...] = ()  # the first hundred
    total: int = 0
    by_chance: bool = False
    capacity: tuple[PreviewCapacity, ...] = ()
    iam_actions: tuple[str, ...] = ()
    rbac: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()


class Status(Read):
    """What the operator stored."""

    phase: str = "Pending"
    verdict: str = ""
    message: str = ""
    rto: str = ""
    started_at: datetime | None = None
    phase_since: datetime | None = None
    deadline: datetime | None = None
    finished_at: datetime | None = None
    step: int = 0
    steps: tuple[Step, ...] = ()
    stop: Stop | None = None
    journal: tuple[Entry, ...] = ()
    probes: tuple[ProbeLog, ...] = ()
    books: tuple[Books, ...] = ()
    preview: Preview | None = None
    conditions: tuple[Condition, ...] = ()
