"""Moments of a run's status from which a process counts time by itself. Pure.

A clock that is set back would keep a fault in force for as much longer. So `effects/observe_run.py`
notes when it saw each of these moments first, by a clock that nobody sets: since that is never
before the moment, what it counted is never more than has passed (`Observed.since`). What happens is
stamped by the same time as samples are (`run_time`): else an outage would seem to begin before or
after its fault by as much as the clock was set.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import chain

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


def run_time(status: RunStatus, wall: datetime, counted: float) -> datetime:
    """Return the time of a run: the clock's, but never before what was counted or is stored.

    `counted` are the seconds since the run's start by which its samples are counted.
    """
    if status.started_at is None:
        return wall
    return max(wall, status.started_at + timedelta(seconds=max(counted, stamped_until(status))))


def stamped_until(status: RunStatus) -> float:
    """Return the latest moment that a run has stored, in seconds since its start."""
    if status.started_at is None:
        return 0.0
    steps = (
        (one.approval_asked_at, one.approved_at, one.injected_at, one.revert_at, one.undone_at,
         one.recovered_at)
        for one in status.steps
    )  # fmt: skip
    entries = (
        (one.claimed_at, one.injected_at, one.forestalled_at, one.in_force_at, one.lapsed_at,
         one.healthy_at, one.undone_at)
        for one in status.journal
    )  # fmt: skip
    stamps = (status.phase_since, *chain.from_iterable(steps), *chain.from_iterable(entries))
    latest = max((one for one in stamps if one is not None), default=status.started_at)
    return max(0.0, (latest - status.started_at).total_seconds())


def injection_begun(status: RunStatus) -> datetime | None:
    """Return since when something of the present step may be in force; None: nothing is."""
    claims = [entry.claimed_at for entry in status.journal if entry.step == status.step]
    if not claims or not status.steps:
        return None
    # what was tried and gave no answer may be in force as well
    return status.steps[status.step].injected_at or min(claims)
