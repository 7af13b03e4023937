"""Moments of a run's status from which a process counts time by itself. Pure.

A clock that is set back would keep a fault in force for as much longer. So `effects/observe_run.py`
notes when it saw each of these moments first, by a clock that nobody sets: since that is never
before the moment, what it counted is never more than has passed (`Observed.since`).
"""

from __future__ import annotations

from datetime import datetime

from cloudcafe_operator.resources.run import RunStatus

START, HOLD, INJECTION = "start", "hold", "injection"


def claim(index: int) -> str:
    """Return the name of the moment at which a journal entry was claimed."""
    return f"claim-{index}"


def moments(status: RunStatus) -> dict[str, datetime]:
    """Return the moments by name; one that changes is another, and counted anew."""
    found = {
        claim(index): entry.claimed_at
        for index, entry in enumerate(status.journal)
        if entry.state == "Injecting"
    }
    if status.started_at:
        found[START] = status.started_at
    if status.steps and (until := status.steps[status.step].hold_until):
        found[HOLD] = until
    if begun := injection_begun(status):
        found[INJECTION] = begun
    return found


def injection_begun(status: RunStatus) -> datetime | None:
    """Return since when something of the present step may be in force; None: nothing is."""
    claims = [entry.claimed_at for entry in status.journal if entry.step == status.step]
    if not claims or not status.steps:
        return None
    # what was tried and gave no answer may be in force as well
    return status.steps[status.step].injected_at or min(claims)
