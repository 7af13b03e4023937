"""What an experiment needs next: a run, the finalizer, a new status, or to be let go. Pure.

A run's name follows from the experiment's name, its generation and which start it is, so that an
operator which dies while it creates one cannot make two. `starts.py` says when one is wanted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypedDict

from cloudcafe_operator.planning.history import recoveries, regression
from cloudcafe_operator.planning.starts import Start, Starts, digest, starts, template
from cloudcafe_operator.resources.common import format_time
from cloudcafe_operator.resources.conditions import Condition, Judgement, false, true
from cloudcafe_operator.resources.experiment import API_VERSION, ExperimentStatus
from cloudcafe_operator.resources.run import API_VERSION as RUN_API_VERSION

FINALIZER = "cloudcafe.dev/undo"
CREATED_BY = "cloudcafe.dev/created-by"
CREATED_BY_GROUPS = "cloudcafe.dev/created-by-groups"  # one a line
NAME_LIMIT = 63  # runs are named in labels
LABEL = "cloudcafe.dev/experiment"
HISTORY = 10
LOOK_S = 30.0  # while a run is under way: a list may have shown it as it was before its end
Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """One of: hold, let go, create a run, delete runs, or only a status."""

    hold: bool = False
    let_go: bool = False
    create: dict[str, Any] | None = None
    delete: tuple[str, ...] = ()
    status: ExperimentStatus | None = None
    clock: Mapping[str, datetime | None] = field(default_factory=dict)  # fields of the status
    judgements: tuple[Judgement, ...] = ()
    again_in: float | None = None  # seconds, where only the clock would wake it


def label(experiment: str) -> str:
    """Return the value of LABEL on the runs of an experiment; long names may share one."""
    return experiment[:NAME_LIMIT].rstrip("-.")


class _RunStatus(TypedDict, total=False):
    phase: Any
    verdict: Any
    rto: Any
    message: Any
    steps: Any


class RunInShort(TypedDict, total=False):
    """A run without what nobody compares: its journal and its samples are most of its bytes."""

    metadata: Any
    spec: Any
    status: _RunStatus


def plan_experiment(experiment: Manifest, runs: Sequence[Manifest], now: datetime) -> Plan:
    """Return the next thing to do; `runs` are those that carry the experiment's label."""
    meta = experiment["metadata"]
    mine = sorted((run for run in runs if _belongs(run, meta["uid"])), key=_age)
    unfinished = [run for run in mine if _phase(run) != "Finished"]
    held = FINALIZER in meta.get("finalizers", [])
    if meta.get("deletionTimestamp"):
        return Plan(delete=_names(unfinished), let_go=held and not unfinished)
    wanted = starts(experiment, mine, unfinished, now)
    told = Plan(
        status=_status(experiment, mine),
        clock={"last_scheduled": wanted.last, "next_run": wanted.next},
        judgements=_judgements(experiment, wanted),
        again_in=_again_in(wanted.next, now, under_way=bool(unfinished)),
    )
    if wanted.instead_of:
        return replace(told, delete=_names(wanted.instead_of), again_in=1.0)
    touches = experiment["spec"].get("mode") != "Preview"
    if (wanted.start or unfinished) and touches and not held:
        return Plan(hold=True)
    if wanted.start:
        return _plan_run(experiment, runs, wanted.start)
    if held and not unfinished and mine:
        return Plan(let_go=True)
    old = _beyond_history(experiment, mine)
    return Plan(delete=old) if old else told


def _again_in(scheduled: datetime | None, now: datetime, *, under_way: bool) -> float | None:
    waits = [LOOK_S] if under_way else []
    if scheduled:
        waits.append(max(0.1, (scheduled - now).total_seconds()))
    return min(waits, default=None)


def run_name(experiment: Manifest, start: Start | None = None) -> str:
    """Return the deterministic name of a run of this generation."""
    meta, start = experiment["metadata"], start or Start()
    suffix = f"-{meta.get('generation', 1)}"
    if start.scheduled_for:
        suffix += f"-t{int(start.scheduled_for.timestamp() // 60)}"
    elif start.again and not start.new:
        suffix += f"-a{start.again[:8]}"
    elif start.repetition > 1:
        suffix += f"-{start.repetition}"
    return str(meta["name"])[: NAME_LIMIT - len(suffix)].rstrip("-.") + suffix


def _plan_run(experiment: Manifest, runs: Sequence[Manifest], start: Start) -> Plan:
    name = run_name(experiment, start)
    if any(run["metadata"]["name"] == name for run in runs):
        message = f"a ChaosRun {name} of an earlier experiment is there: kubectl delete chaosrun "
        return Plan(judgements=(false("Ready", "NameTaken", message + name),))
    return Plan(create=build_run(experiment, start))


def build_run(experiment: Manifest, start: Start | None = None) -> dict[str, Any]:
    """Return the run's manifest: a frozen copy of the spec, owned by the experiment, held."""
    meta, start = experiment["metadata"], start or Start()
    generation = meta.get("generation", 1)
    preview = experiment["spec"].get("mode") == "Preview"
    notes = meta.get("annotations") or {}
    made: dict[str, Any] = {
        "apiVersion": RUN_API_VERSION,
        "kind": "ChaosRun",
        "metadata": {
            "name": run_name(experiment, start),
            "namespace": meta["namespace"],
            "labels": {LABEL: label(meta["name"])},
            "ownerReferences": [
                {
                    "apiVersion": API_VERSION,
                    "kind": "ChaosExperiment",
                    "name": meta["name"],
                    "uid": meta["uid"],
                    "controller": True,
                }
            ],
        },
        "spec": {
            "experiment": {"name": meta["name"], "uid": meta["uid"], "generation": generation},
            "repetition": start.repetition,
            "createdBy": notes.get(CREATED_BY, ""),
            "createdByGroups": notes.get(CREATED_BY_GROUPS, "").splitlines(),
            "template": template(experiment),
        },
    }
    if start.again:
        made["spec"]["again"] = start.again
    if start.scheduled_for:
        made["spec"]["scheduledFor"] = format_time(start.scheduled_for)
    if not preview:
        made["metadata"]["finalizers"] = [FINALIZER]
    return made


def _beyond_history(experiment: Manifest, mine: Sequence[Manifest]) -> tuple[str, ...]:
    """Return the oldest finished runs that nothing holds, beyond those to be kept."""
    keep = experiment["spec"].get("history", HISTORY)
    over = [run for run in mine if _phase(run) == "Finished"][:-keep]
    return _names(run for run in over if not run["metadata"].get("finalizers"))


def _status(experiment: Manifest, mine: Sequence[Manifest]) -> ExperimentStatus | None:
    """Return what the last run says; None where there is none: what is told stays."""
    if not mine:
        return None
    last, told = mine[-1], experiment.get("status") or {}
    status = last.get("status") or {}
    worse = regression(mine)
    message = "; ".join(part for part in (status.get("message", ""), worse) if part)
    return ExperimentStatus(
        observed_generation=experiment["metadata"].get("generation", 1),
        run=last["metadata"]["name"],
        ran=digest({"spec": last["spec"]["template"]}),
        repetition=last["spec"].get("repetition", 1),
        ran_again=last["spec"].get("again") or told.get("ranAgain", ""),
        phase="Finished" if status.get("phase") == "Finished" else "Running",
        verdict=status.get("verdict", ""),
        rto=status.get("rto", ""),
        message=message,
        recovery=recoveries(mine),
        regression=worse,
    )


def _judgements(experiment: Manifest, wanted: Starts) -> tuple[Judgement, ...]:
    found: tuple[Judgement, ...] = ()
    if experiment["spec"].get("paused"):
        found += (true("Paused", "SpecPaused", "nothing new is begun until spec.paused is false"),)
    if wanted.missed:
        found += (false("Scheduled", "MissedStart", wanted.missed),)
    elif experiment["spec"].get("schedule"):
        found += (true("Scheduled", "Waiting"),)
    return found


def with_conditions(
    status: ExperimentStatus, conditions: tuple[Condition, ...]
) -> ExperimentStatus:
    """Return the status with these conditions."""
    return status.model_copy(update={"conditions": conditions})


def _names(runs: Any) -> tuple[str, ...]:
    """Return the names of those that are not being deleted already."""
    return tuple(
        run["metadata"]["name"] for run in runs if not run["metadata"].get("deletionTimestamp")
    )


def _belongs(run: Manifest, uid: str) -> bool:
    return bool(run["spec"]["experiment"]["uid"] == uid)


def _age(run: Manifest) -> tuple[int, str, int]:
    spec = run["spec"]
    when = spec.get("scheduledFor") or run["metadata"].get("creationTimestamp", "")
    return int(spec["experiment"]["generation"]), str(when), int(spec.get("repetition", 1))


def _phase(run: Manifest) -> str:
    return str((run.get("status") or {}).get("phase", "Pending"))
