"""When a store is open and how busy it will be, by its own clock. Pure.

Times are the store's local ones: a store that opens at seven opens at seven in summer and in
winter. A time that the clock skips (daylight saving begins) is the moment at which it skips: who is
open from half past two is open at three, when there is no time between, for what is left of it. Of
one that comes twice, opening means the first and closing the second.

Used by `handlers/store.py` for each store and by `planning/rush.py` for the fleet.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from cloudcafe_operator.resources.store import CafeStoreSpec
from cloudcafe_operator.resources.week import WEEKDAYS, Hours, Rush

DAY = timedelta(days=1)
HORIZON_DAYS = 8  # a weekly timetable repeats within it
MIDNIGHT = "24:00"


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """From `start` on, up to but without `end`; both UTC."""

    start: datetime
    end: datetime

    def __contains__(self, moment: object) -> bool:
        return isinstance(moment, datetime) and self.start <= moment < self.end


ALWAYS = (Interval(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)),)


@dataclass(frozen=True, slots=True)
class Opening:
    """Whether a store is open by its hours, and when that changes; None: never."""

    is_open: bool
    changes_at: datetime | None


@dataclass(frozen=True, slots=True)
class Peak:
    """One occurrence of a rush."""

    name: str
    when: Interval
    orders_per_minute: int


@dataclass(frozen=True, slots=True)
class Timetable:
    """What the clock says about a store at one moment."""

    opening: Opening
    peak: Peak | None
    closed_reason: str  # what a guest is told; empty while it is open

    @property
    def changes_at(self) -> datetime | None:
        """When it must be looked at again."""
        moments = (self.opening.changes_at, self.peak.when.end if self.peak else None)
        return min((one for one in moments if one), default=None)


def timetable(spec: CafeStoreSpec, now: datetime) -> Timetable:
    """Return all that follows from the time."""
    zone = ZoneInfo(spec.timezone)
    open_times = _open_times(spec.hours, zone, now)
    found = _opening(open_times, now)
    reason = "" if found.is_open else closed_reason(zone, found.changes_at)
    return Timetable(found, next_peak(peaks(spec.rushes, zone, now, open_times), now), reason)


def opening(hours: Sequence[Hours], zone: ZoneInfo, now: datetime) -> Opening:
    """Say whether a store with these hours is open now; without hours it always is."""
    return _opening(_open_times(hours, zone, now), now)


def _open_times(hours: Sequence[Hours], zone: ZoneInfo, now: datetime) -> Sequence[Interval]:
    if not hours:
        return ALWAYS
    return merged(
        interval
        for entry in hours
        for interval in occurrences(entry.days, (entry.open, entry.close), zone, now)
    )


def _opening(open_times: Sequence[Interval], now: datetime) -> Opening:
    current = next((one for one in open_times if now in one), None)
    if current is not None:
        # open around the clock all week: nothing changes as far as anybody can see
        closes = current.end if current.end < now + (HORIZON_DAYS - 1) * DAY else None
        return Opening(is_open=True, changes_at=closes)
    return Opening(False, min((one.start for one in open_times if one.start > now), default=None))


def peaks(
    rushes: Sequence[Rush], zone: ZoneInfo, now: datetime, open_times: Sequence[Interval] = ALWAYS
) -> list[Peak]:
    """Return the rushes from yesterday on for a week, in the order of their beginning.

    Only what of them is within the open times: nobody orders while it is closed.
    """
    found = [
        Peak(rush.name, part, rush.orders_per_minute)
        for rush in rushes
        for interval in occurrences(rush.days, (rush.start, rush.end), zone, now)
        for part in within(interval, open_times)
    ]
    return sorted(found, key=lambda peak: (peak.when, peak.name))


def next_peak(found: Iterable[Peak], now: datetime) -> Peak | None:
    """Return of peaks in order the one that is on, or else the next."""
    return next((peak for peak in found if peak.when.end > now), None)


def within(interval: Interval, open_times: Iterable[Interval]) -> list[Interval]:
    """Return the parts of an interval that fall into open times."""
    parts = (
        Interval(max(interval.start, one.start), min(interval.end, one.end)) for one in open_times
    )
    return [part for part in parts if part.start < part.end]


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """Return them in order, those that touch or overlap as one."""
    whole: list[Interval] = []
    for one in sorted(intervals):
        if whole and one.start <= whole[-1].end:
            whole[-1] = Interval(whole[-1].start, max(whole[-1].end, one.end))
        else:
            whole.append(one)
    return whole


def closed_reason(zone: ZoneInfo, changes_at: datetime | None) -> str:
    """Return what a guest is told: it must not change from minute to minute."""
    if changes_at is None:
        return "it has no opening hours"
    return f"opens {changes_at.astimezone(zone):%a %H:%M} {zone.key}"


def occurrences(
    days: Sequence[str], times: tuple[str, str], zone: ZoneInfo, now: datetime
) -> list[Interval]:
    """Return the intervals of a weekly entry from yesterday on, empty ones left out."""
    return between(days, times, zone, (now - 2 * DAY, now + (HORIZON_DAYS - 1) * DAY))


def between(
    days: Sequence[str],
    times: tuple[str, str],
    zone: ZoneInfo,
    span: tuple[datetime, datetime],
) -> list[Interval]:
    """Return the intervals of a weekly entry that begin on the days of a span; none is empty."""
    since, until = (moment.astimezone(zone).date() for moment in span)
    dates = (since + number * DAY for number in range((until - since).days + 1))
    wanted = [one for one in dates if not days or WEEKDAYS[one.weekday()] in days]
    found = [_interval(one, times, zone) for one in wanted]
    return [one for one in found if one.start < one.end]


def _interval(day: date, times: tuple[str, str], zone: ZoneInfo) -> Interval:
    """Return a day's interval; an end that is not after the start is the next day's."""
    start, end = times
    last = day if start < end < MIDNIGHT else day + DAY
    begins = _moments(day, start, zone)[0]
    return Interval(begins, max(_moments(last, end, zone)))


def _moments(day: date, at: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the first and the last UTC moment that a wall clock may mean."""
    wall = time() if at == MIDNIGHT else time.fromisoformat(at)
    local = datetime.combine(day, wall, tzinfo=zone)
    first, last = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
    if first <= last:
        return first, last
    skipped = _skip(last, first, zone)  # PEP 495: the folds of a time in a gap are around it
    return skipped, skipped


def _skip(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return when, between two UTC moments, the clock of a zone is put forward."""
    seconds = range(round((after - before).total_seconds()))
    offset = after.astimezone(zone).utcoffset()
    past = bisect_left(
        seconds,
        True,
        key=lambda number: (
            (before + timedelta(seconds=number)).astimezone(zone).utcoffset() == offset
        ),
    )
    return before + timedelta(seconds=past)
