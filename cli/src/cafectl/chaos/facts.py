"""The report as JSON: what the page shows, for programs. Pure; offsets are seconds."""

from __future__ import annotations

from typing import Any

from cafectl.chaos.explain import remedy
from cafectl.chaos.record import Step
from cafectl.chaos.story import story
from cafectl.chaos.view import Run, faults_of


def facts(run: Run) -> dict[str, Any]:
    """Return everything that the report says."""
    status = run.status
    return {
        "run": run.name,
        "namespace": run.namespace,
        "experiment": run.experiment,
        "generation": run.generation,
        "createdBy": run.created_by,
        "hypothesis": run.template.get("hypothesis", ""),
        "phase": status.phase,
        "verdict": status.verdict,
        "message": status.message,
        "remedy": remedy(run),
        "startedAt": status.started_at.isoformat() if status.started_at else None,
        "seconds": run.offset(status.finished_at),
        "recoveredAfter": run.recovery(),
        "steps": [_step(run, step) for step in run.steps],
        "probes": [
            {
                "name": probe.name,
                "kind": probe.kind,
                "trouble": probe.trouble,
                "samples": [[one.at, one.result, one.milliseconds] for one in probe.samples],
            }
            for probe in run.probes
        ],
        "journal": [
            {
                **entry.model_dump(mode="json", by_alias=True),
                "step": run.steps[entry.step].name,
            }
            for entry in status.journal
        ],
        "books": [one.model_dump(mode="json", by_alias=True) for one in status.books],
        "story": [{"at": one.at, "what": one.word, "text": one.text} for one in story(run)],
        "spec": run.template,
    }


def _step(run: Run, step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "faults": list(faults_of(run.spec_of(step))),
        "objective": run.objective(step),
        "injectedAt": run.offset(step.injected_at),
        "undoneAt": run.offset(step.undone_at),
        "measures": step.measures.model_dump(mode="json", by_alias=True),
    }
