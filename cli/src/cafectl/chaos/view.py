"""A ChaosRun as this program reads it: the terminal, the report, JUnit and history show it.

Built from the manifest that the API server or a file holds. Offsets are seconds since the run's
start.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cafectl.chaos.record import Entry, ProbeLog, Read, Status, Step
from cafectl.chaos.samples import Sample, decode, first_bad
from cafectl.plain import printable_all

NOT_A_KIND = ("name", "every", "timeout", "tolerance")
NOT_A_FAULT = ("mode", "value")
Manifest = Mapping[str, Any]


class Probe(Read):
    """A sampled probe: what was asked, and what it saw."""

    name: str
    kind: str
    about: str
    samples: tuple[Sample, ...]
    trouble: str = ""
    slow_milliseconds: int | None = None
    tolerated_percent: int = 0  # of its samples, bad though all is well


class Run(Read):
    """All of a run."""

    name: str
    namespace: str
    uid: str
    created_at: datetime
    experiment: str
    experiment_uid: str
    generation: int
    repetition: int
    created_by: str
    template: dict[str, Any]
    status: Status

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen."""
        return self.status.phase == "Finished"

    @property
    def is_preview(self) -> bool:
        """Whether it touches nothing."""
        return bool(self.template.get("mode") == "Preview")

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps, also those that the status does not have yet."""
        known = {step.name: step for step in self.status.steps}
        names = [str(step["name"]) for step in self.template.get("steps", [])]
        return tuple(known.get(name, Step(name=name)) for name in names)

    @property
    def faults(self) -> tuple[str, ...]:
        """The faults of all steps, each once."""
        named = (fault for step in self.template.get("steps", []) for fault in faults_of(step))
        return tuple(dict.fromkeys(named))

    @property
    def probes(self) -> tuple[Probe, ...]:
        """The sampled probes with their samples, in the order of the experiment."""
        logs = {log.name: log for log in self.status.probes}
        asked = (self.template.get("steadyState") or {}).get("probes", [])
        return tuple(
            _probe(one, logs.get(str(one["name"]))) for one in asked if "ledger" not in one
        )

    def offset(self, moment: datetime | None) -> float | None:
        """Return a moment in seconds since the run's start; None where either is not known."""
        if moment is None or self.status.started_at is None:
            return None
        return (moment - self.status.started_at).total_seconds()

    def spec_of(self, step: Step) -> Mapping[str, Any]:
        """Return a step as the experiment has it."""
        asked: list[Mapping[str, Any]] = self.template.get("steps", [])
        return next((one for one in asked if one["name"] == step.name), {})

    def objective(self, step: Step) -> str:
        """Return how soon users should be served again, for example `60s`."""
        return str((self.spec_of(step).get("recovery") or {}).get("within", "60s"))

    def counted_from(self, step: Step) -> float | None:
        """Return from when a step's recovery was counted: its injection, or the start of undo."""
        begun, revert = self.offset(step.injected_at), self.offset(step.revert_at)
        asked = (self.spec_of(step).get("recovery") or {}).get("whileInForce")
        in_force = asked and step.measures.noticed_after is not None
        return begun if step.momentary or in_force or revert is None else revert

    def entries(self, step: Step) -> tuple[Entry, ...]:
        """Return the journal of one step."""
        names = [one.name for one in self.steps]
        return tuple(one for one in self.status.journal if names[one.step] == step.name)

    def recovery(self) -> float | None:
        """Return the slowest recovery of the steps that were begun; None while one is unknown."""
        known = [one.measures.recovered_after for one in self.steps if one.injected_at]
        times = [one for one in known if one is not None]
        return max(times) if times and len(times) == len(known) else None

    def noticed(self, step: Step) -> tuple[Probe, Sample] | None:
        """Return the probe that met the step's fault first, and how.

        Of a step that is not over the samples tell it, but not those of a probe that tolerates some
        bad ones; what was measured stands once it is.
        """
        begun, after = self.offset(step.injected_at), step.measures.noticed_after
        over = self.finished or step.recovered_at is not None
        if begun is None or (over and after is None):
            return None
        asked = [probe for probe in self.probes if over or not probe.tolerated_percent]
        since = begun + (after or 0.0) if over else begun
        found = [(first_bad(probe.samples, begun, since), probe) for probe in asked]
        met = [(sample, probe) for sample, probe in found if sample]
        if not met:
            return None
        sample, probe = min(met, key=lambda pair: pair[0].at)
        return probe, sample


def faults_of(step: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the faults in a step of a spec."""
    return tuple(
        next((name for name in entry if name not in NOT_A_FAULT), "?")
        for entry in step.get("faults", [])
    )


def read(manifest: Manifest) -> Run:
    """Read a ChaosRun; pydantic.ValidationError or KeyError where it is none.

    What would steer a terminal is replaced: a user named it, or a service answered it.
    """
    manifest = printable_all(manifest)
    meta, spec = manifest["metadata"], manifest["spec"]
    return Run(
        name=meta["name"],
        namespace=meta.get("namespace", ""),
        uid=meta.get("uid", ""),
        created_at=meta["creationTimestamp"],
        experiment=spec["experiment"]["name"],
        experiment_uid=spec["experiment"].get("uid", ""),
        generation=spec["experiment"].get("generation", 1),
        repetition=spec.get("repetition", 1),
        created_by=spec.get("createdBy", ""),
        template=spec["template"],
        status=Status.model_validate(manifest.get("status") or {}),
    )


def _probe(asked: Mapping[str, Any], log: ProbeLog | None) -> Probe:
    kinds = (name for name, said in asked.items() if isinstance(said, Mapping))
    kind = next((name for name in kinds if name not in NOT_A_KIND), "?")
    about, tolerance = asked.get(kind) or {}, asked.get("tolerance") or {}
    return Probe(
        name=str(asked["name"]),
        kind=kind,
        about=str(about.get("url") or about.get("store") or about.get("alarm") or ""),
        samples=decode(log.samples) if log else (),
        trouble=log.trouble if log else "",
        slow_milliseconds=tolerance.get("latencyMilliseconds"),
        tolerated_percent=tolerance.get("failedPercent", 0),
    )
