"""ChaosRun: one execution of an experiment, with its undo journal. Written by the operator only.

The journal is the promise that everything is undone: an entry is stored before its target is
touched, and the run's finalizer goes when no entry is open.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, create_model

from cloudcafe_operator.resources.common import GROUP, Model, Rule, StatusModel, Time, keyed_by
from cloudcafe_operator.resources.conditions import Condition
from cloudcafe_operator.resources.crd import Column, Definition, Version, stored
from cloudcafe_operator.resources.experiment import ExperimentSpec, spec_type

# docs/recipes/change-a-version.md says how they change
VERSIONS = (Version("v1alpha1"),)
API_VERSION = f"{GROUP}/{stored(VERSIONS)}"
Phase = Literal[
    "Pending",
    "Preflight",
    "Baseline",
    "Approving",
    "Injecting",
    "Holding",
    "Reverting",
    "Recovering",
    "Finished",
]
Verdict = Literal["", "Passed", "Failed", "Inconclusive", "Aborted"]
EntryState = Literal["Injecting", "Injected", "Reverted", "Diverged"]
OPEN = ("Injecting", "Injected")


class ExperimentRef(Model):
    """Whose run this is."""

    name: str = Field(max_length=253)
    uid: str = Field(max_length=64)
    generation: int = Field(ge=1)


class RunSpec(Model):
    """A frozen copy of the experiment as it was when the run was made."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("self == oldSelf", "a run is never changed: change the experiment, which makes a new"),
    )
    experiment: ExperimentRef = Field(description="Whose run this is.")
    scheduled_for: Time | None = Field(default=None, description="The start by the clock.")
    repetition: int = Field(default=1, ge=1, description="Which of the repetitions it is.")
    again: str = Field(default="", max_length=64, description="The wish that it fulfils, in short.")
    created_by: str = Field(default="", max_length=512, description="Who applied the experiment.")
    created_by_groups: tuple[Annotated[str, Field(max_length=256)], ...] = Field(
        default=(), max_length=500, description="And the groups they were in then."
    )
    template: ExperimentSpec = Field(description="The experiment's spec at that time.")


class Target(StatusModel):
    """One thing that can be broken. `id` is stable: an ARN or `Kind/namespace/name`."""

    id: str
    name: str
    namespace: str | None = None
    uid: str = ""
    opted_in: bool = False  # the namespace label or the AWS tag cloudcafe.dev/chaos=allowed
    group: str = ""  # what shares the blast radius: the workload; empty: percentages do not apply
    protected: str = ""  # why nobody may break it: "is the operator"
    zone: str = ""  # its Availability Zone, where it has one
    owner: str = ""  # the CafeStore whose own it is, as namespace/name
    everywhere: bool = False  # all namespaces depend on it: who breaks it needs the right in all
    group_size: int = 1  # how many of them the group has: percentages are taken of this


class JournalEntry(StatusModel):
    """Everything that undo may rely on, for one target."""

    step: int
    slot: int  # which entry of the step's faults[]
    fault: str
    target: Target
    state: EntryState
    captured: dict[str, Any] = Field(default_factory=dict)
    injected: dict[str, Any] = Field(default_factory=dict)
    claimed_by: str  # the operator process that may inject, until the claim is too old
    claimed_at: Time
    injected_at: Time | None = None  # when the call that injects was begun
    forestalled_at: Time | None = None  # when somebody else was seen to have done it first
    in_force_at: Time | None = None
    lapsed_at: Time | None = None  # when it was seen to have ended before its undo
    healthy_at: Time | None = None  # when the target was seen whole again
    undone_at: Time | None = None
    trouble: str = ""  # why the last attempt failed, with the command that a human would run
    detail: str = ""

    @property
    def open(self) -> bool:
        """Whether something may still have to be undone."""
        return self.state in OPEN


class Window(StatusModel):
    """What users saw in a span of time, over all probes."""

    samples: int = 0
    failed_percent: float = 0.0
    p50_milliseconds: int | None = None
    p99_milliseconds: int | None = None


class Measures(StatusModel):
    """What a step did to users; seconds. None: not seen, or not known."""

    in_force_after: float | None = None
    noticed_after: float | None = None
    recovered_after: float | None = None
    outage: float | None = None
    undone_after: float | None = None
    bad_seconds: float | None = None  # in which some probe was not served
    budget_burnt_percent: float | None = None  # of the objective's error budget
    orders_refused: int = 0
    orders_delayed: int = 0
    before: Window = Window()
    during: Window = Window()
    after: Window = Window()
    gaps: tuple[
        str, ...
    ] = ()  # spans without samples since the run's start; of one probe: its name


class StepStatus(StatusModel):
    """How far a step came, and what was measured."""

    name: str
    momentary: bool = False  # all its faults happen at once: recovery counts from the injection
    unproven: str = ""  # why a probe has to notice one of its faults before it is believed
    approval_asked_at: Time | None = None
    approved_at: Time | None = None
    injected_at: Time | None = None
    hold_until: Time | None = None
    revert_at: Time | None = None
    undone_at: Time | None = None
    recovered_at: Time | None = None
    measures: Measures = Measures()


class Stop(StatusModel):
    """Why the run was ended before its time."""

    reason: str
    message: str
    at: Time


class ProbeLog(StatusModel):
    """All samples of a probe, compact: see planning/samples.py."""

    name: str
    samples: str = ""
    trouble: str = ""  # what the last bad sample met


BooksOutcome = Literal["Balanced", "Damaged", "Pending", "NoOrders", "Unread"]


class BooksAnswer(StatusModel):
    """What a ledger probe found about the orders placed during the run."""

    probe: str
    outcome: BooksOutcome
    at: Time
    orders: int = 0
    findings: int = 0
    message: str = ""  # the first finding, or why nothing can be said


class PreviewTarget(StatusModel):
    """One target that a run would hit."""

    step: str
    fault: str
    target: str
    group: str = ""
    capacity_left: str = ""
    calls: tuple[str, ...] = ()
    refused: str = ""


class PreviewCapacity(StatusModel):
    """What customers of a service, or those in a zone, would be left with in a step."""

    step: str
    of: str  # `service shop/order`, `zone eu-west-1a`
    left: str  # `1 of 3`


class Preview(StatusModel):
    """What a run would do; nothing was touched."""

    targets: tuple[PreviewTarget, ...] = ()
    total: int = 0  # of the targets; the first hundred are listed
    by_chance: bool = False  # more match than are hit, and no seed says which
    capacity: tuple[PreviewCapacity, ...] = ()
    iam_actions: tuple[str, ...] = ()
    rbac: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()


class RunStatus(StatusModel):
    """Everything about the run, and all that a new operator needs to take it up."""

    phase: Phase = "Pending"
    fault: str = Field(default="", description="The faults of the current step.")
    targets: str = Field(default="", description="How many targets were hit.")
    rto: str = Field(default="", description="How long recovery took, the slowest step's.")
    verdict: Verdict = ""
    message: str = Field(default="", description="One sentence: why this verdict.")
    started_at: Time | None = None
    phase_since: Time | None = None
    deadline: Time | None = None
    finished_at: Time | None = None
    step: int = 0
    steps: tuple[StepStatus, ...] = ()
    stop: Stop | None = None
    journal: tuple[JournalEntry, ...] = Field(default=(), description="The undo journal.")
    probes: tuple[ProbeLog, ...] = Field(default=(), json_schema_extra=keyed_by("name"))
    books: tuple[BooksAnswer, ...] = Field(default=(), json_schema_extra=keyed_by("probe"))
    preview: Preview | None = None
    conditions: tuple[Condition, ...] = Field(default=(), json_schema_extra=keyed_by("type"))

    @property
    def open_entries(self) -> tuple[int, ...]:
        """Indices of the journal entries that may still need undoing."""
        return tuple(index for index, entry in enumerate(self.journal) if entry.open)


class Run(StatusModel):
    """A ChaosRun as planning sees it."""

    name: str
    namespace: str
    uid: str
    resource_version: str
    created_at: datetime
    generation: int = 1
    deleting: bool = False
    held: bool = False  # carries our finalizer
    spec: RunSpec
    status: RunStatus = RunStatus()


def definition(faults: Mapping[str, type[Model]]) -> Definition:
    """Return all that the CRD of ChaosRun is made of."""
    template = copy(RunSpec.model_fields["template"])
    spec = create_model(
        "RunSpec", __base__=RunSpec, __doc__=RunSpec.__doc__, template=(spec_type(faults), template)
    )
    return Definition(
        kind="ChaosRun",
        plural="chaosruns",
        description="One execution of a ChaosExperiment, with its undo journal and its measures.",
        spec=spec,
        status=RunStatus,
        versions=VERSIONS,
        short_names=("runs",),
        selectable=(".status.phase",),
        columns=(
            Column("Phase", ".status.phase"),
            Column("Fault", ".status.fault"),
            Column("Targets", ".status.targets"),
            Column("RTO", ".status.rto"),
            Column("Verdict", ".status.verdict"),
            Column("Age", ".metadata.creationTimestamp", "date"),
            Column("Why", ".status.message", priority=1),
        ),
    )
