"""ChaosExperiment: what to break on purpose, how it is watched, and what recovery is expected.

Read by planning and the chaos handlers. A fault is a typed one-of; this layer knows only that an
entry names exactly one. The types are in `faults/`, put into the CRD by `definition`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, create_model, model_validator

from cloudcafe_operator.resources.common import GROUP, Model, Rule, StatusModel, Time, keyed_by
from cloudcafe_operator.resources.conditions import Condition
from cloudcafe_operator.resources.crd import Column, Definition, Version, stored
from cloudcafe_operator.resources.duration import Duration, Lasting
from cloudcafe_operator.resources.probe import NAME, SteadyState
from cloudcafe_operator.resources.schedule import Schedule

# docs/recipes/change-a-version.md says how they change
VERSIONS = (Version("v1alpha1"),)
API_VERSION = f"{GROUP}/{stored(VERSIONS)}"
Mode = Literal["one", "all", "fixed", "fixedPercent", "randomMaxPercent"]
COUNTED = ("fixed", "fixedPercent", "randomMaxPercent")


class FaultEntry(Model):
    """One fault and how many of the matching targets it hits."""

    model_config = ConfigDict(extra="allow")
    mode: Mode = Field(
        default="one",
        description="How many of the matching targets: one, all, fixed (value), fixedPercent "
        "(value), randomMaxPercent (one up to value percent).",
    )
    value: int | None = Field(
        default=None, ge=1, le=1000, description="The number or percentage that mode needs."
    )

    @model_validator(mode="after")
    def _names_one_fault(self) -> FaultEntry:
        if len(self.model_extra or {}) != 1:
            raise ValueError("an entry names exactly one fault: give each its own entry")
        if (self.mode in COUNTED) != (self.value is not None):
            raise ValueError("value goes with the modes fixed, fixedPercent and randomMaxPercent")
        return self

    @property
    def fault(self) -> str:
        """The fault's name, for example auroraFailover."""
        return next(iter(self.model_extra or {}))

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What is written under the fault's name; its own type reads it."""
        return (self.model_extra or {})[self.fault] or {}


class Recovery(Model):
    """The objective."""

    within: Lasting = Field(
        default="60s",
        description="How soon users must be served again: counted from the injection where all "
        "faults of the step happen at once (a failover, a kill), else from the start of undo.",
    )
    while_in_force: bool = Field(
        default=False,
        description="Whether users must be served again while the faults are still in force: it is "
        "counted from the injection then, and hold must be at least as long as within.",
    )


class Approval(Model):
    """A human's yes, asked for before the step begins."""

    message: str = Field(default="", max_length=512, description="What to look at before agreeing.")
    within: Duration = Field(
        default="30m", description="How long to wait; then the run ends as Aborted."
    )


class ExperimentStep(Model):
    """Faults that are in force together, then undone together."""

    name: str = Field(pattern=NAME, max_length=40, description="Its name in reports.")
    faults: tuple[FaultEntry, ...] = Field(
        min_length=1, max_length=10, description="Injected together."
    )
    approval: Approval | None = Field(
        default=None,
        description="Wait for a human before this step: it begins when the experiment is annotated "
        "cloudcafe.dev/approved=<run>/<step> and users are served.",
    )
    hold: Duration = Field(default="20s", description="How long they stay in force.")
    recovery: Recovery = Field(default=Recovery(), description="The recovery objective.")


class Limits(Model):
    """The blast radius; a run that would exceed it is refused before it touches anything."""

    max_targets: int = Field(default=10, ge=1, le=100, description="Targets of one step.")
    max_percent: int = Field(
        default=50, ge=1, le=100, description="Share of any one workload or group."
    )
    max_service_percent: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="Share of any one service's capacity, over all workloads that serve it and all "
        "faults of a step; maxPercent where it is left out.",
    )
    max_zones: int = Field(
        default=1, ge=1, le=6, description="Availability Zones of one step, where targets have one."
    )
    max_zone_percent: int = Field(
        default=100,
        ge=1,
        le=100,
        description="Share of all that is seen to serve in any one Availability Zone, in a step.",
    )
    max_duration: Duration = Field(
        default="10m", description="The whole run; then it is undone. At most 2h."
    )


class StopWhen(Model):
    """A stop condition, true or unknown: the run is undone and Aborted."""

    probe: str = Field(pattern=NAME, max_length=40, description="Name of a probe of steadyState.")
    failing_for: Lasting = Field(
        description="How long without one good sample is too long. No answer from whom the probe "
        "asks for as long, and for at least two samples and a timeout, is as bad."
    )


class RecoveryHistory(StatusModel):
    """How long recovery took in the runs of the same steps, in seconds."""

    runs: int = 0
    low: float = 0.0
    median: float = 0.0
    high: float = 0.0
    last: float | None = None


class ExperimentSpec(Model):
    """What to try, how it is watched and how far it may go."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.stopWhen) || self.stopWhen.all(s, "
            "self.steadyState.probes.exists(p, p.name == s.probe && !has(p.ledger)))",
            "stopWhen[].probe must be the name of a probe in steadyState.probes[], "
            "and not a ledger's",
        ),
        Rule(
            "!has(self.schedule) || self.repeat == 1",
            "repeat is for experiments without a schedule: a schedule repeats by itself",
            ".repeat",
        ),
    )
    hypothesis: str = Field(
        min_length=1, max_length=1024, description="What is expected to hold, in a sentence."
    )
    steady_state: SteadyState = Field(description="How health is watched.")
    steps: tuple[ExperimentStep, ...] = Field(
        min_length=1,
        max_length=20,
        json_schema_extra=keyed_by("name"),
        description="Done one after the other; each must recover before the next.",
    )
    limits: Limits = Field(default=Limits(), description="The blast radius.")
    stop_when: tuple[StopWhen, ...] = Field(
        default=(), max_length=10, description="What ends the run early."
    )
    mode: Literal["Run", "Preview"] = Field(
        default="Run", description="Preview resolves everything and touches nothing."
    )
    seed: int | None = Field(
        default=None, ge=0, le=2**53, description="Makes the choice of targets repeatable."
    )
    consent: tuple[Annotated[str, Field(max_length=64)], ...] = Field(
        default=(),
        max_length=30,
        description="Names of irreversible faults that are agreed to.",
    )
    repeat: int = Field(
        default=1,
        ge=1,
        le=10,
        description="How many runs, one after the other: three give recovery an interval. The "
        "first that is aborted ends them.",
    )
    schedule: Schedule | None = Field(
        default=None, description="Start by the clock, and not when it is applied."
    )
    history: int = Field(
        default=10, ge=1, le=100, description="How many finished runs are kept; the oldest go."
    )
    paused: bool = Field(
        default=False, description="Start nothing new; what is in force is still undone on time."
    )


class ExperimentStatus(StatusModel):
    """The last run in short; the run itself has everything."""

    observed_generation: int = Field(default=0, description="The generation last acted on.")
    run: str = Field(default="", description="Name of the latest ChaosRun.")
    ran: str = Field(
        default="", description="Digest of what it ran: removing a run does not repeat it."
    )
    repetition: int = Field(default=0, description="Which repetition it was.")
    ran_again: str = Field(default="", description="The last wish for one more run, in short.")
    phase: str = Field(default="", description="Its phase.")
    verdict: str = Field(default="", description="Its verdict.")
    rto: str = Field(default="", description="How long recovery took.")
    message: str = Field(default="", description="Why.")
    recovery: RecoveryHistory | None = Field(
        default=None, description="Recovery in all runs of the same steps."
    )
    regression: str = Field(
        default="", description="How the last run was worse; empty: it was not."
    )
    last_scheduled: Time | None = Field(default=None, description="The last start by the clock.")
    next_run: Time | None = Field(default=None, description="The next start by the clock.")
    conditions: tuple[Condition, ...] = Field(
        default=(), json_schema_extra=keyed_by("type"), description="Ready, Paused, Scheduled."
    )


def spec_type(faults: Mapping[str, type[Model]]) -> type[ExperimentSpec]:
    """Return the spec with the typed one-of of these faults, as the CRD and kubectl explain it."""
    fields: dict[str, Any] = {name: (kind | None, None) for name, kind in sorted(faults.items())}
    entry = create_model("FaultEntry", __base__=FaultEntry, __doc__=FaultEntry.__doc__, **fields)
    entry.rules = _entry_rules(sorted(faults))
    step = create_model(
        "ExperimentStep",
        __base__=ExperimentStep,
        __doc__=ExperimentStep.__doc__,
        faults=(tuple[entry, ...], copy(ExperimentStep.model_fields["faults"])),
    )
    return create_model(
        "ExperimentSpec",
        __base__=ExperimentSpec,
        __doc__=ExperimentSpec.__doc__,
        steps=(tuple[step, ...], copy(ExperimentSpec.model_fields["steps"])),
    )


def definition(faults: Mapping[str, type[Model]]) -> Definition:
    """Return all that the CRD of ChaosExperiment is made of."""
    return Definition(
        kind="ChaosExperiment",
        plural="chaosexperiments",
        description="Something broken on purpose, its recovery measured; each try is a ChaosRun.",
        spec=spec_type(faults),
        status=ExperimentStatus,
        versions=VERSIONS,
        short_names=("chaosexp", "experiments"),
        columns=(
            Column("Run", ".status.run"),
            Column("Phase", ".status.phase"),
            Column("RTO", ".status.rto"),
            Column("Verdict", ".status.verdict"),
            Column("Age", ".metadata.creationTimestamp", "date"),
            Column("Next", ".status.nextRun", priority=1),
            Column("Why", ".status.message", priority=1),
        ),
    )


def _entry_rules(faults: Sequence[str]) -> tuple[Rule, ...]:
    named = ", ".join(f"has(self.{name})" for name in faults)
    return (
        Rule(
            f"[{named}].filter(there, there).size() == 1",
            "an entry names exactly one fault, for example auroraFailover: give each fault its own "
            "entry in faults[]",
        ),
        Rule(
            "(self.mode in ['fixed', 'fixedPercent', 'randomMaxPercent']) == has(self.value)",
            "value goes with the modes fixed, fixedPercent, randomMaxPercent, and only with them",
        ),
        Rule(
            "!(self.mode in ['fixedPercent', 'randomMaxPercent']) || self.value <= 100",
            "value is a percentage in the modes fixedPercent and randomMaxPercent: at most 100",
        ),
    )
