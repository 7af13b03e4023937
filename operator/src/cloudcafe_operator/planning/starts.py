"""Whether an experiment wants a new run now: because it is new, by repetition, or by the clock.

Pure; used by `experiment.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cloudcafe_operator.planning.schedule import due
from cloudcafe_operator.resources.common import format_time, parse
from cloudcafe_operator.resources.schedule import Schedule

Manifest = Mapping[str, Any]
RUN_AGAIN = "cloudcafe.dev/run-again"  # annotation: anything new is a wish for one more run
NOT_RUN = ("paused", "schedule", "history", "repeat")  # of the spec: how often, not what


@dataclass(frozen=True, slots=True)
class Start:
    """Which start of the generation it is."""

    repetition: int = 1
    scheduled_for: datetime | None = None
    again: str = ""  # which wish for one more run it fulfils
    new: bool = False  # the spec is new: it is the first of its generation


@dataclass(frozen=True, slots=True)
class Starts:
    """What is wanted. `instead_of` must be gone before; `last` and `next` are the clock's."""

    start: Start | None = None
    instead_of: tuple[Manifest, ...] = ()
    missed: str = ""
    last: datetime | None = None
    next: datetime | None = None


def starts(
    experiment: Manifest, mine: Sequence[Manifest], unfinished: Sequence[Manifest], now: datetime
) -> Starts:
    """Return what is wanted; `mine` are the experiment's runs, oldest first."""
    free = not unfinished and not experiment["spec"].get("paused")
    again = _again(experiment, mine)
    once_more = Start(again=again, repetition=experiment["spec"].get("repeat", 1))
    if experiment["spec"].get("schedule"):
        found = _by_the_clock(experiment, mine, unfinished, now)
        wished = free and again and not found.start
        return replace(found, start=once_more) if wished else found
    if not free:
        return Starts()
    if _is_news(experiment, mine):
        return Starts(start=Start(again=again, new=True))
    return Starts(start=once_more if again else _repetition(experiment, mine))


def template(experiment: Manifest) -> dict[str, Any]:
    """Return the spec without what is read from the experiment while runs go and come."""
    return {name: value for name, value in experiment["spec"].items() if name not in NOT_RUN}


def digest(experiment: Manifest) -> str:
    """Return a short name of what the spec asks to be run."""
    text = json.dumps(template(experiment), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _by_the_clock(
    experiment: Manifest, mine: Sequence[Manifest], unfinished: Sequence[Manifest], now: datetime
) -> Starts:
    schedule = parse(Schedule, experiment["spec"]["schedule"], where="spec.schedule")
    last = _last_scheduled(experiment, mine)
    since = last or _time(experiment["metadata"]["creationTimestamp"])
    found = due(schedule, since=since, now=now)
    policy, paused = schedule.concurrency_policy, experiment["spec"].get("paused")
    missed = ""
    if found.missed and not paused:
        busy = ", the run before it was not over" if unfinished and policy == "Forbid" else ""
        late = f"more than {schedule.starting_deadline} ago (startingDeadline)"
        missed = f"the start of {format_time(found.missed)} was missed, {late}{busy}"
    waits = found.start is None or paused or (unfinished and policy == "Forbid")
    if waits:
        return Starts(missed=missed, last=last, next=found.next)
    instead = tuple(unfinished) if policy == "Replace" else ()
    start = None if instead else Start(scheduled_for=found.start)
    return Starts(start=start, instead_of=instead, last=last, next=found.next)


def _again(experiment: Manifest, mine: Sequence[Manifest]) -> str:
    """Return the wish for one more run, in short, that no run has fulfilled yet."""
    wish = (experiment["metadata"].get("annotations") or {}).get(RUN_AGAIN)
    if not wish:
        return ""
    short = hashlib.sha256(wish.encode()).hexdigest()[:16]
    fulfilled = {run["spec"].get("again") for run in mine}
    fulfilled.add((experiment.get("status") or {}).get("ranAgain"))
    return "" if short in fulfilled else short


def _last_scheduled(experiment: Manifest, mine: Sequence[Manifest]) -> datetime | None:
    told = (experiment.get("status") or {}).get("lastScheduled")
    known = [told, *(run["spec"].get("scheduledFor") for run in mine)]
    return max((_time(one) for one in known if one), default=None)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


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
    return template(experiment) != template({"spec": last["template"]})


def _repetition(experiment: Manifest, mine: Sequence[Manifest]) -> Start | None:
    """Return the next of the repetitions, where one is left and none was aborted."""
    wanted = experiment["spec"].get("repeat", 1)
    if not mine or wanted == 1 or experiment["spec"].get("mode") == "Preview":
        return None
    last = mine[-1]
    told = experiment.get("status") or {}
    same = told.get("ran") == digest({"spec": last["spec"]["template"]})
    done = max(last["spec"].get("repetition", 1), told.get("repetition", 0) if same else 0)
    if (last.get("status") or {}).get("verdict") not in ("Passed", "Failed") or done >= wanted:
        return None
    return Start(repetition=done + 1)
