"""What `cafectl plan` shows of AWS: the plan of `capacity.py`, gone through ahead of time. Pure.

The same judgement that turns the dials is asked at each moment at which something else is needed,
so what is told is what is done: also that a queue is bounded by its function's reservation, and
that what somebody set in a rush is kept until that is over. Used by `effects/capacity.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from cloudcafe_operator.planning.capacity import (
    RAISED_ONLY,
    UNITS,
    Ahead,
    Dial,
    Forget,
    Journal,
    Turn,
    Wait,
    plan_capacity,
    resting,
)
from cloudcafe_operator.resources.common import format_time

STAYS = "stays: AWS never lowers warm throughput; paid once"


def told_capacity(
    dials: Sequence[Dial],
    journal: Journal,
    needed: Ahead,
    now: datetime,
) -> list[dict[str, Any]]:
    """Return the changes in the order of time, as people and programs read them.

    `needed` is what `needs_of` says of the span. It may begin before now, and is told from where
    the dials rest; only what somebody set in a rush is what it is since now.
    """
    there = {dial.key: _at_rest(dial, journal) for dial in dials if dial.takes_part}
    entries = {key: entry for key, entry in journal.items() if entry.kept and key in there}
    held = frozenset(entries)
    found: list[dict[str, Any]] = []
    for at, units in needed.items():
        for step in plan_capacity(tuple(there.values()), entries, units, {}):
            key = step.key if isinstance(step, Forget) else step.dial.key
            if isinstance(step, Wait) or (key in held and at < now):
                continue
            if isinstance(step, Forget):
                del entries[key]
                continue
            if step.entry is not None:
                entries[key] = step.entry
            if isinstance(step, Turn):
                found.append(_told(there[key], at, step.to))
                there[key] = replace(there[key], now=step.to)
    return sorted(found, key=lambda one: (one["at"], one["resource"], one["what"]))


def _at_rest(dial: Dial, journal: Journal) -> Dial:
    entry = journal.get(dial.key)
    if entry is not None and entry.kept:
        return replace(dial, busy="")
    return replace(dial, now=resting(dial, entry), busy="")


def _told(dial: Dial, at: datetime, after: float) -> dict[str, Any]:
    return {
        "at": format_time(at),
        "resource": dial.name,
        "what": UNITS[dial.kind],
        "from": dial.now,
        "to": after,
        "note": STAYS if dial.kind in RAISED_ONLY else "",
    }
