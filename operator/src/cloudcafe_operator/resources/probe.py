"""Probes: the ways in which users would notice that something is broken. Part of ChaosExperiment.

All but ledger are sampled while a run lasts; ledger is asked once, when users are served again.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from cloudcafe_operator.resources.common import Model, Rule, keyed_by
from cloudcafe_operator.resources.duration import Duration, Lasting

KINDS = "http, order, ledger, kubernetes, cloudwatch and prometheus"
Text = Annotated[str, Field(max_length=253)]
NAME = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
StoreName = Annotated[
    str,
    Field(
        description="Name of the CafeStore in the experiment's namespace.",
        min_length=1,
        max_length=63,
        # for admission alone: a run that an older definition let pass must be read to be undone
        json_schema_extra={"pattern": NAME},
    ),
]


class HttpProbe(Model):
    """Sends a request and expects a status below 400, or one of those listed."""

    url: str = Field(
        description="What to request, for example http://menu:8080/stores/cafe.soho/menu.",
        pattern=r"^https?://.+$",
        max_length=512,
    )
    expect_status: tuple[int, ...] = Field(
        default=(), max_length=20, description="The statuses that are good; empty: any below 400."
    )


class OrderProbe(Model):
    """Buys a coffee as a customer does, marked synthetic, and waits until it is confirmed."""

    store: StoreName
    sku: str = Field(
        default="",
        max_length=64,
        description="What to buy; empty: the first item of the store's menu.",
    )


class LedgerProbe(Model):
    """Compares the books of the orders placed during the run, once users are served again."""

    store: StoreName
    within: Duration = Field(
        default="2m", description="How soon after recovery the books must balance."
    )


class KubernetesProbe(Model):
    """Counts the ready pods with these labels in the experiment's namespace."""

    labels: dict[str, Text] = Field(
        min_length=1, max_length=20, description="Labels that the pods carry."
    )
    min_ready: int = Field(default=1, ge=1, le=1000, description="So many must be ready.")


class CloudwatchProbe(Model):
    """Looks at a CloudWatch alarm: ALARM is bad, INSUFFICIENT_DATA is no answer."""

    alarm: str = Field(min_length=1, max_length=255, description="Name of the alarm.")


class PrometheusProbe(Model):
    """Asks Prometheus; every value must lie between the bounds; none, NaN and Inf are bad."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("has(self.above) || has(self.below)", "give above, below or both: what is good?"),
    )
    url: str = Field(
        description="Where Prometheus is, for example http://prometheus.monitoring:9090.",
        pattern=r"^https?://.+$",
        max_length=512,
    )
    query: str = Field(min_length=1, max_length=1024, description="An instant query.")
    above: float | None = Field(default=None, description="Good values are above it.")
    below: float | None = Field(default=None, description="Good values are below it.")

    @model_validator(mode="after")
    def _has_a_bound(self) -> PrometheusProbe:
        if self.above is None and self.below is None:
            raise ValueError("give above, below or both")
        return self


SystemProbe = KubernetesProbe | CloudwatchProbe | PrometheusProbe


class Tolerance(Model):
    """What still counts as good."""

    failed_percent: int = Field(
        default=0,
        ge=0,
        le=100,
        description="Share of bad samples at which all is well: the baseline is steady with it, "
        "and a fault is noticed only where chance would not make so many bad.",
    )
    latency_milliseconds: int | None = Field(
        default=None, ge=1, le=60_000, description="A sample that takes longer is bad."
    )


class Probe(Model):
    """One way in which users would notice: sampled before, during and after the faults."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "[has(self.http), has(self.order), has(self.ledger), has(self.kubernetes), "
            "has(self.cloudwatch), has(self.prometheus)].filter(there, there).size() == 1",
            f"a probe is exactly one of {KINDS}: give each its own entry in probes[]",
        ),
    )
    name: str = Field(pattern=NAME, max_length=40, description="Its name in reports.")
    every: Duration = Field(default="1s", description="How often it is sampled; at least 1s.")
    timeout: Lasting = Field(default="5s", description="A sample that takes longer has failed.")
    tolerance: Tolerance = Field(default=Tolerance(), description="What still counts as good.")
    http: HttpProbe | None = Field(default=None, description="An HTTP request.")
    order: OrderProbe | None = Field(default=None, description="A coffee bought end to end.")
    ledger: LedgerProbe | None = Field(
        default=None,
        description="The books compared after recovery; every, timeout and tolerance do not apply.",
    )
    kubernetes: KubernetesProbe | None = Field(default=None, description="Pods that are ready.")
    cloudwatch: CloudwatchProbe | None = Field(
        default=None, description="A CloudWatch alarm; looked at every 5s at most."
    )
    prometheus: PrometheusProbe | None = Field(default=None, description="A Prometheus query.")
    measured: bool = Field(
        default=True,
        description="Whether it counts for the baseline, for recovery and in the measures; false: "
        "only stopWhen looks at it.",
    )

    @model_validator(mode="after")
    def _is_one(self) -> Probe:
        kinds = (self.http, self.order, self.ledger, *self._systems())
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError(f"a probe is exactly one of {KINDS}")
        return self

    @property
    def system(self) -> SystemProbe | None:
        """What asks a system instead of being its customer."""
        return next((kind for kind in self._systems() if kind is not None), None)

    def _systems(self) -> tuple[SystemProbe | None, ...]:
        return self.kubernetes, self.cloudwatch, self.prometheus


class Objective(Model):
    """What users were promised; a step's bad seconds are a share of what it allows."""

    availability_percent: float = Field(
        default=99.9, ge=50, lt=100, description="Share of the time that users are served."
    )
    days: int = Field(default=30, ge=1, le=365, description="Within so many days.")

    @property
    def budget_seconds(self) -> float:
        """How long users may go unserved."""
        return self.days * 86_400 * (100 - self.availability_percent) / 100


class SteadyState(Model):
    """How the system looks when all is well, and how that is watched."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.probes.exists(p, !has(p.ledger) && (!has(p.measured) || p.measured))",
            "probes must have one that is measured and sampled: a ledger probe is asked at the end "
            "only",
            ".probes",
        ),
    )
    baseline: Duration = Field(
        default="5s", description="How long it must be steady before anything is broken."
    )
    probes: tuple[Probe, ...] = Field(
        min_length=1,
        max_length=10,
        json_schema_extra=keyed_by("name"),
        description="At least one: a run that nothing watches could not say anything.",
    )

    objective: Objective = Field(
        default=Objective(), description="What users were promised, for the error budget."
    )

    @property
    def sampled(self) -> tuple[Probe, ...]:
        """The probes that are sampled while the run lasts."""
        return tuple(probe for probe in self.probes if probe.ledger is None)

    @property
    def measured(self) -> tuple[Probe, ...]:
        """Those that say whether users are served."""
        return tuple(probe for probe in self.sampled if probe.measured)

    @property
    def ledgers(self) -> tuple[Probe, ...]:
        """The probes that are asked once, when users are served again."""
        return tuple(probe for probe in self.probes if probe.ledger is not None)
