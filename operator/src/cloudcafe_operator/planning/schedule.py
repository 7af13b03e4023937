"""When a scheduled experiment starts. Pure; used by `experiment.py`.

Only the latest start is looked for, backwards from now: however many were missed while nobody was
there, they cost nothing and stop nothing, and at most that one is made up for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from cloudcafe_operator.resources.duration import seconds
from cloudcafe_operator.resources.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Due:
    """What the clock says. `start` is to be made, `missed` came and is too old now."""

    start: datetime | None = None
    missed: datetime | None = None
    next: datetime | None = None


def due(schedule: Schedule, *, since: datetime, now: datetime) -> Due:
    """Return what is due of the starts after `since`."""
    following = _next(schedule, now, reverse=False)
    latest = _next(schedule, now + timedelta(seconds=1), reverse=True)
    if latest is None or latest <= since:
        return Due(next=following)
    if now - latest > timedelta(seconds=seconds(schedule.starting_deadline)):
        return Due(missed=latest, next=following)
    return Due(start=latest, next=following)


def _next(schedule: Schedule, moment: datetime, *, reverse: bool) -> datetime | None:
    """Return the first start after a moment, or the last before it; None: there is none."""
    local = moment.astimezone(ZoneInfo(schedule.time_zone))
    found: datetime | None = next(CronSim(schedule.cron, local, reverse=reverse), None)
    return found.astimezone(UTC) if found else None
