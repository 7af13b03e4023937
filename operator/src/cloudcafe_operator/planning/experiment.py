"""What an experiment needs next: a run, the finalizer, a new status, or to be let go. Pure.

A run's name is the experiment's name and generation, so that an operator which dies while it
creates one cannot make two.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cloudcafe_operator.resources.common import API_VERSION
from cloudcafe_operator.resources.conditions import Condition, Judgement, false, true
from cloudcafe_operator.resources.experiment import ExperimentStatus

FINALIZER = "cloudcafe.dev/undo"
CREATED_BY = "cloudcafe.dev/created-by"
NAME_LIMIT = 63  # runs are named in labels
Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """One of: hold, let go, create a run, delete runs, or only a status."""

    hold: bool = False
    let_go: bool = False
    create: dict[str, Any] | None = None
    delete: tuple[str, ...] = ()
    status: ExperimentStatus | None = None
    judgement: Judgement | None = None


def plan_experiment(experiment: Manifest, runs: Sequence[Manifest]) -> Plan:
    """Return the next thing to do; `runs` are all of the namespace."""
    meta = experiment["metadata"]
    mine = sorted((run for run in runs if _belongs(run, meta["uid"])), key=_generation)
    unfinished = [run for run in mine if _phase(run) != "Finished"]
    held = FINALIZER in meta.get("finalizers", [])
    if meta.get("deletionTimestamp"):
        waiting = tuple(
            run["metadata"]["name"]
            for run in unfinished
            if not run["metadata"].get("deletionTimestamp")
        )
        return Plan(delete=waiting, let_go=held and not unfinished)
    wants_run = not unfinished and _is_news(experiment, mine)
    if wants_run and experiment["spec"].get("paused"):
        wants_run = False
    touches = experiment["spec"].get("mode") != "Preview"
    if (wants_run or unfinished) and touches and not held:
        return Plan(hold=True)
    if wants_run:
        return _plan_run(experiment, runs)
    if held and not unfinished and mine:
        return Plan(let_go=True)
    return Plan(status=_status(experiment, mine), judgement=_paused(experiment))


def run_name(experiment: Manifest) -> str:
    """Return the deterministic name of the run of this generation."""
    meta = experiment["metadata"]
    suffix = f"-{meta.get('generation', 1)}"
    return str(meta["name"])[: NAME_LIMIT - len(suffix)].rstrip("-.") + suffix


def _plan_run(experiment: Manifest, runs: Sequence[Manifest]) -> Plan:
    name = run_name(experiment)
    if any(run["metadata"]["name"] == name for run in runs):
        message = f"a ChaosRun {name} of an earlier experiment is there: kubectl delete chaosrun "
        return Plan(judgement=false("Ready", "NameTaken", message + name))
    return Plan(create=build_run(experiment))


def build_run(experiment: Manifest) -> dict[str, Any]:
    """Return the run's manifest: a frozen copy of the spec, owned by the experiment, held."""
    meta = experiment["metadata"]
    generation = meta.get("generation", 1)
    preview = experiment["spec"].get("mode") == "Preview"
    made: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": "ChaosRun",
        "metadata": {
            "name": run_name(experiment),
            "namespace": meta["namespace"],
            "labels": {"cloudcafe.dev/experiment": meta["name"][:NAME_LIMIT]},
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
            "createdBy": (meta.get("annotations") or {}).get(CREATED_BY, ""),
            "template": _template(experiment),
        },
    }
    if not preview:
        made["metadata"]["finalizers"] = [FINALIZER]
    return made


def _template(experiment: Manifest) -> dict[str, Any]:
    """Return the spec without the switch that is read from the experiment while the run goes."""
    return {name: value for name, value in experiment["spec"].items() if name != "paused"}


def _is_news(experiment: Manifest, mine: Sequence[Manifest]) -> bool:
    """Whether what is asked for differs from what was run last.

    Only a new generation can: a field's new default after an upgrade is no new wish.
    """
    generation = experiment["metadata"].get("generation", 1)
    if not mine:
        told = experiment.get("status") or {}
        known = bool(told.get("ran")) and generation <= told.get("observedGeneration", 0)
        return not known and told.get("ran") != digest(experiment)
    last = mine[-1]["spec"]
    if generation <= last["experiment"]["generation"]:
        return False
    asked, run = dict(_template(experiment)), dict(last["template"])
    run.pop("paused", None)
    return asked != run


def digest(experiment: Manifest) -> str:
    """Return a short name of what the spec asks to be run."""
    text = json.dumps(_template(experiment), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _status(experiment: Manifest, mine: Sequence[Manifest]) -> ExperimentStatus | None:
    """Return what the last run says; None where there is none: what is told stays."""
    generation = experiment["metadata"].get("generation", 1)
    if not mine:
        return None
    last = mine[-1]
    status = last.get("status") or {}
    finished = status.get("phase") == "Finished"
    return ExperimentStatus(
        observed_generation=generation,
        run=last["metadata"]["name"],
        ran=digest({"spec": last["spec"]["template"]}),
        phase="Finished" if finished else "Running",
        verdict=status.get("verdict", ""),
        rto=status.get("rto", ""),
        message=status.get("message", ""),
    )


def _paused(experiment: Manifest) -> Judgement | None:
    if experiment["spec"].get("paused"):
        return true("Paused", "SpecPaused", "nothing new is begun until spec.paused is false")
    return None


def with_conditions(
    status: ExperimentStatus, conditions: tuple[Condition, ...]
) -> ExperimentStatus:
    """Return the status with these conditions."""
    return status.model_copy(update={"conditions": conditions})


def _belongs(run: Manifest, uid: str) -> bool:
    return bool(run["spec"]["experiment"]["uid"] == uid)


def _generation(run: Manifest) -> int:
    return int(run["spec"]["experiment"]["generation"])


def _phase(run: Manifest) -> str:
    return str((run.get("status") or {}).get("phase", "Pending"))
