"""The fleet's rush plan: how many orders are expected when, and how many replicas serve them. Pure.

Stores in many time zones have their rushes at different moments; what counts for the services is
the sum. `effects/rush.py` keeps to the plan, `cafectl plan` shows it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import accumulate
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from cloudcafe_operator.planning.opening import ALWAYS, DAY, Interval, between, merged, within
from cloudcafe_operator.resources.common import format_time
from cloudcafe_operator.resources.store import CafeStoreSpec
from cloudcafe_operator.resources.week import Weekday

AHEAD = timedelta(minutes=10)  # a new replica needs a node, an image and a warm start
EVER = datetime.min.replace(tzinfo=UTC)
CAPACITY = "cloudcafe.dev/orders-per-minute-per-replica"
LEAST = "cloudcafe.dev/min-replicas"

Times = tuple[tuple[Weekday, ...], str, str]  # days, start, end


class Week(NamedTuple):
    """What counts of a store: stores of the same week are counted together."""

    zone: str
    hours: tuple[Times, ...]  # none: it is always open
    rushes: tuple[tuple[Times, int], ...]  # each with its orders a minute


QUIET = Week("", (), ())


@dataclass(frozen=True, slots=True)
class Crowd:
    """What stores of one week add from start to end, to what they have expected before it."""

    start: datetime
    end: datetime
    rate: int
    not_before: datetime  # until then they have as much ready: the same guests do not come twice

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


def expects(spec: CafeStoreSpec) -> Week:
    """Return what a store adds."""
    if not (spec.accepting_orders and spec.rushes):
        return QUIET
    rushes = (((one.days, one.start, one.end), one.orders_per_minute) for one in spec.rushes)
    hours = ((one.days, one.open, one.close) for one in spec.hours)
    return Week(spec.timezone, tuple(sorted(hours)), tuple(sorted(rushes)))


def crowds(expected: Mapping[Week, int], since: datetime, until: datetime) -> list[Crowd]:
    """Return the rushes that may matter within a span, of so many stores of each week.

    The costly part of a plan: the rest goes through what it found, which is little however many
    stores there are.
    """
    found: Counter[tuple[Interval, datetime]] = Counter()
    days = (since - DAY).astimezone(UTC).date(), until.astimezone(UTC).date()
    for week, stores in expected.items():
        for interval, free, rate in _layers(week, days):
            if interval.end > since:
                found[interval, free] += rate * stores
    return [Crowd(one.start, one.end, rate, free) for (one, free), rate in found.items()]


def _layers(week: Week, days: tuple[date, date]) -> Iterator[tuple[Interval, datetime, int]]:
    """Return a store's rushes as layers: when it expects at least so many, and what that adds.

    A store must be ready for the highest of what it expects within the lead, and not for the sum:
    its rushes are of the same guests. Layer by layer that is a rush's early beginning, cut off
    where the layer has been there before it; so every lead may be asked of the same layers.
    """
    open_times = _open_times(week.zone, week.hours, days)
    rushes = [
        (part, rate)
        for times, rate in week.rushes
        for one in _occurring(week.zone, times, days)
        for part in within(one, open_times)
    ]
    below = 0
    for rate in sorted({rate for _, rate in rushes}):
        free = EVER
        for interval in merged(one for one, height in rushes if height >= rate):
            yield interval, free, rate - below
            free = interval.end
        below = rate


@lru_cache(maxsize=20_000)
def _open_times(zone: str, hours: tuple[Times, ...], days: tuple[date, date]) -> Sequence[Interval]:
    since = days[0] - DAY  # who opened in the evening before may be open until the next
    found = (one for times in hours for one in _occurring(zone, times, (since, days[1])))
    return tuple(merged(found)) if hours else ALWAYS


@lru_cache(maxsize=20_000)  # a timetable is worked out once a day, not with every change of another
def _occurring(zone: str, times: Times, days: tuple[date, date]) -> tuple[Interval, ...]:
    weekdays, start, end = times
    since, until = days
    span = (
        datetime.combine(since, time(), tzinfo=UTC),
        datetime.combine(until + DAY, time(), tzinfo=UTC),
    )
    return tuple(between(weekdays, (start, end), ZoneInfo(zone), span))


def level_at(plan: Iterable[Level], now: datetime) -> int:
    """Return the orders a minute to be ready for at a moment of a plan, which began before."""
    return [level.orders_per_minute for level in plan if level.at <= now][-1]


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
