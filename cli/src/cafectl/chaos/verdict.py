"""How commands end: the exit codes are an interface, pipelines rest on them."""

from __future__ import annotations

from cafectl.chaos.view import Run

PASSED, FAILED, UNKNOWN, INCONCLUSIVE, ABORTED = 0, 1, 2, 3, 4
INTERRUPTED = 130
CODES = {"Passed": PASSED, "Failed": FAILED, "Inconclusive": INCONCLUSIVE, "Aborted": ABORTED}
STYLES = {"Passed": "green", "Failed": "red", "Inconclusive": "yellow", "Aborted": "magenta"}
EXIT_CODES = (
    "Exit codes: 0 Passed; 1 Failed; 2 no verdict (no cluster, refused, not begun, lost sight of "
    "it); 3 Inconclusive; 4 Aborted; 130 stopped watching, the run goes on."
)


def code(run: Run) -> int:
    """Return how a command ends that followed this run."""
    if run.is_preview and run.finished:
        refused = run.status.preview is None or bool(run.status.preview.refusals)
        return FAILED if refused else PASSED
    return CODES.get(run.status.verdict, UNKNOWN)
