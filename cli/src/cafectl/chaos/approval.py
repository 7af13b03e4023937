"""A human's yes to the next step: an annotation on the experiment; people may not write runs."""

from __future__ import annotations

from cafectl.chaos.cluster import Chaos, Refused
from cafectl.chaos.view import Run

APPROVED = "cloudcafe.dev/approved"
WAITING = "Approving"


def asked(run: Run) -> str:
    """Return the step that waits for a yes; empty where none does."""
    return run.steps[run.status.step].name if run.status.phase == WAITING else ""


def approve(chaos: Chaos, run: Run) -> str:
    """Agree to the step that waits, and return its name."""
    step = asked(run)
    if not step:
        raise Refused(f"run {run.name} waits for no approval: it is {run.status.phase}")
    experiment = chaos.get("chaosexperiments", run.experiment) or {}
    old = (experiment.get("metadata", {}).get("annotations") or {}).get(APPROVED, "")
    mine = [pair for pair in old.split(",") if pair.startswith(f"{run.name}/")]
    agreed = dict.fromkeys([*mine, f"{run.name}/{step}"])
    chaos.annotate("chaosexperiments", run.experiment, {APPROVED: ",".join(agreed)})
    return step
