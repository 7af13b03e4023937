"""The fleet's rush plan: how many orders are expected when, and how many replicas serve them. Pure.

Stores in many time zones have their rushes at different moments; what counts for the services is
the sum. `effects/rush.py` keeps to the plan, `cafectl plan` shows it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import accumulate
from typing import Any
from zoneinfo import ZoneInfo

from cloudcafe_operator.planning.opening import DAY, Interval, between
from cloudcafe_operator.resources.common import format_time
from cloudcafe_operator.resources.store import CafeStoreSpec
from cloudcafe_operator.resources.week import Weekday

AHEAD = timedelta(minutes=10)  # a new replica needs a node, an image and a warm start
EVER = datetime.min.replace(tzinfo=UTC)
CAPACITY = "cloudcafe.dev/orders-per-minute-per-replica"
LEAST = "cloudcafe.dev/min-replicas"

Times = tuple[str, tuple[Weekday, ...], str, str]  # zone, days, start, end


@dataclass(frozen=True, slots=True)
class Crowd:
    """One occurrence of the rushes of one timetable: what they add, from start to end."""

    start: datetime
    end: datetime
    rate: int
    not_before: datetime  # the end of the occurrence before: the same guests do not come twice

    def begins(self, ahead: timedelta) -> datetime:
        """Return from when on it must be ready for."""
        return max(self.start - ahead, self.not_before)


@dataclass(frozen=True, slots=True)
class Level:
    """From `at` on so many orders a minute are expected, until the next level."""

    at: datetime
    orders_per_minute: int


@dataclass(frozen=True, slots=True)
class Scaler:
    """An autoscaler that takes part: it says itself what a replica bears."""

    name: str
    orders_per_minute_per_replica: int
    least: int
    most: int
    now: int

    def replicas(self, orders_per_minute: int) -> int:
        """Return the minimum that so many orders need: never below or above what its owner set."""
        needed = math.ceil(orders_per_minute / self.orders_per_minute_per_replica)
        return min(self.most, max(self.least, needed))


def expects(spec: CafeStoreSpec) -> Mapping[Times, int]:
    """Return what a store adds: orders a minute by the times of its rushes."""
    found: Counter[Times] = Counter()
    if spec.accepting_orders:
        for rush in spec.rushes:
            found[spec.timezone, rush.days, rush.start, rush.end] += rush.orders_per_minute
    return found


def crowds(expected: Mapping[Times, int], since: datetime, until: datetime) -> list[Crowd]:
    """Return the rushes that may matter within a span; those of the same time are one.

    The costly part of a plan: the rest goes through what it found, which is little however many
    stores there are.
    """
    found: Counter[tuple[Interval, datetime]] = Counter()
    days = (since - DAY).astimezone(UTC).date(), until.astimezone(UTC).date()
    for times, rate in expected.items():
        free = EVER
        for interval in _occurring(times, *days):
            if interval.end > since:
                found[interval, free] += rate
            free = interval.end
    return [Crowd(one.start, one.end, rate, free) for (one, free), rate in found.items()]


@lru_cache(maxsize=20_000)  # a timetable is worked out once a day, not with every change of another
def _occurring(times: Times, since: date, until: date) -> tuple[Interval, ...]:
    zone, days, start, end = times
    span = (
        datetime.combine(since, time(), tzinfo=UTC),
        datetime.combine(until + DAY, time(), tzinfo=UTC),
    )
    return tuple(between(days, (start, end), ZoneInfo(zone), span))


def level_at(crowded: Iterable[Crowd], now: datetime, *, ahead: timedelta = AHEAD) -> int:
    """Return the orders a minute to be ready for at a moment."""
    return sum(one.rate for one in crowded if one.begins(ahead) <= now < one.end)


def levels(
    crowded: Iterable[Crowd], now: datetime, until: datetime, *, ahead: timedelta = AHEAD
) -> list[Level]:
    """Return the plan from now on: the level now, then each change; rushes begin early."""
    changes: Counter[datetime] = Counter({now: 0})
    for one in crowded:
        changes[max(now, one.begins(ahead))] += one.rate
        changes[max(now, one.end)] -= one.rate
    moments = sorted(changes)
    sums = accumulate(changes[moment] for moment in moments)
    return _changes_only(
        Level(moment, rate) for moment, rate in zip(moments, sums, strict=True) if moment < until
    )


def scaler(manifest: Mapping[str, Any]) -> Scaler | None:
    """Read an autoscaler's part in the plan; None where it has none, or says nonsense."""
    notes = manifest["metadata"].get("annotations") or {}
    capacity, least = notes.get(CAPACITY, ""), notes.get(LEAST, "")
    if not (capacity.isdecimal() and least.isdecimal() and int(capacity) > 0):
        return None
    spec = manifest["spec"]
    return Scaler(
        name=manifest["metadata"]["name"],
        orders_per_minute_per_replica=int(capacity),
        least=int(least),
        most=spec["maxReplicas"],
        now=spec.get("minReplicas", 1),
    )


def told(plan: Sequence[Level], scalers: Sequence[Scaler]) -> list[dict[str, Any]]:
    """Return the plan as people and programs read it."""
    return [
        {
            "at": format_time(level.at),
            "ordersPerMinute": level.orders_per_minute,
            "minReplicas": {one.name: one.replicas(level.orders_per_minute) for one in scalers},
        }
        for level in plan
    ]


def _changes_only(plan: Iterable[Level]) -> list[Level]:
    found: list[Level] = []
    for level in plan:
        if not found or level.orders_per_minute != found[-1].orders_per_minute:
            found.append(level)
    return found
