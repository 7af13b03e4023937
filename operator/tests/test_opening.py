"""Hours and rushes by the store's own clock, daylight saving included."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cloudcafe_operator.planning.opening import (
    merged,
    next_peak,
    occurrences,
    opening,
    peaks,
    timetable,
)
from cloudcafe_operator.resources.store import CafeStoreSpec
from cloudcafe_operator.resources.week import WEEKDAYS, Hours, Rush
from hypothesis import given
from hypothesis import strategies as st

ZONES = ["UTC", "Europe/Lisbon", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Chatham"]
LISBON = ZoneInfo("Europe/Lisbon")
WORKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri")

clocks = st.times().map(lambda one: f"{one:%H:%M}")
moments = st.integers(1_735_689_600, 1_830_297_600).map(
    lambda seconds: datetime.fromtimestamp(seconds, UTC)
)
weeks = st.lists(
    st.builds(
        lambda days, times: Hours(days=tuple(days), open=times[0], close=times[1]),
        st.lists(st.sampled_from(WEEKDAYS), unique=True),
        st.tuples(clocks, clocks | st.just("24:00")).filter(lambda both: both[0] != both[1]),
    ),
    min_size=1,
    max_size=4,
)


def wall_clock_says_open(week, local):
    """A plain reading of the wall clock: what it shows is between what is written."""
    at, today = f"{local:%H:%M}", WEEKDAYS[local.weekday()]
    yesterday = WEEKDAYS[(local.weekday() - 1) % 7]

    def says_open(entry):
        days = entry.days or WEEKDAYS
        if entry.open < entry.close:
            return today in days and entry.open <= at < entry.close
        return (today in days and at >= entry.open) or (yesterday in days and at < entry.close)

    return any(says_open(one) for one in week)


def hours(open_, close, *days):
    return [Hours(days=days, open=open_, close=close)]


def lisbon(text):
    return datetime.fromisoformat(text).replace(tzinfo=LISBON).astimezone(UTC)


def test_a_store_without_hours_is_always_open():
    found = opening([], LISBON, datetime(2026, 3, 1, 3, tzinfo=UTC))
    assert found.is_open
    assert found.changes_at is None


@pytest.mark.parametrize(
    ("now", "is_open", "changes"),
    [
        ("2026-03-02 06:59", False, "2026-03-02 07:00"),
        ("2026-03-02 07:00", True, "2026-03-02 19:00"),
        ("2026-03-02 18:59", True, "2026-03-02 19:00"),
        ("2026-03-02 19:00", False, "2026-03-03 07:00"),
        ("2026-03-06 19:00", False, "2026-03-09 07:00"),  # the weekend
    ],
)
def test_it_opens_and_closes_to_the_minute(now, is_open, changes):
    found = opening(hours("07:00", "19:00", *WORKDAYS), LISBON, lisbon(now))
    assert (found.is_open, found.changes_at) == (is_open, lisbon(changes))


def test_a_bar_that_closes_after_midnight_belongs_to_the_evening():
    late = hours("18:00", "02:00", "Fri")
    assert opening(late, LISBON, lisbon("2026-03-07 01:59")).is_open
    assert not opening(late, LISBON, lisbon("2026-03-07 02:00")).is_open
    assert not opening(late, LISBON, lisbon("2026-03-06 01:00")).is_open


def test_a_store_that_never_closes_never_changes():
    found = opening(hours("00:00", "24:00"), LISBON, lisbon("2026-03-02 12:00"))
    assert found.is_open
    assert found.changes_at is None


def test_it_opens_at_the_same_wall_clock_time_in_summer_and_in_winter():
    week = hours("07:00", "19:00")
    for night in ("2026-03-28 23:00", "2026-10-24 23:00"):  # the clock changes in this night
        changes = opening(week, LISBON, lisbon(night)).changes_at
        assert changes.astimezone(LISBON).hour == 7


def test_the_hour_that_comes_twice_is_open_twice_until_its_second_end():
    night = hours("00:30", "01:30", "Sun")  # on 2026-10-25 Lisbon has 01:00 to 02:00 twice
    begins = lisbon("2026-10-25 00:30")
    assert opening(night, LISBON, begins).changes_at - begins == timedelta(hours=2)


NEW_YORK = ZoneInfo("America/New_York")  # on 2026-03-08 it has no 02:00 to 03:00


@pytest.mark.parametrize(
    ("open_", "close", "shown"),
    [
        ("02:30", "03:15", ("03:00", "03:15")),
        ("02:30", "05:00", ("03:00", "05:00")),
        ("01:30", "02:30", ("01:30", "03:00")),
        ("22:00", "02:30", ("22:00", "03:00")),
        ("02:10", "02:40", None),  # the clock shows none of it
        ("02:00", "03:00", None),
    ],
)
def test_what_the_clock_skips_is_left_out_and_what_is_left_of_it_is_open(open_, close, shown):
    found = occurrences([], (open_, close), NEW_YORK, datetime(2026, 3, 8, 12, tzinfo=NEW_YORK))
    ends = [(one.start.astimezone(NEW_YORK), one.end.astimezone(NEW_YORK)) for one in found]
    told = [(f"{start:%H:%M}", f"{end:%H:%M}") for start, end in ends if end.day == 8]
    assert told == ([shown] if shown else [])


def test_a_day_that_a_zone_left_out_has_no_hours_and_its_neighbours_have_theirs():
    apia = ZoneInfo("Pacific/Apia")  # it had no 2011-12-30
    found = occurrences([], ("08:00", "17:00"), apia, datetime(2011, 12, 31, 12, tzinfo=apia))
    days = [f"{one.start.astimezone(apia):%m-%d}" for one in found][:3]
    assert days == ["12-29", "12-31", "01-01"]


@given(
    weeks,
    st.sampled_from(
        [  # where and when the clock was put forward: by one hour, by half of it, by a day
            (NEW_YORK, datetime(2026, 3, 8, 7, tzinfo=UTC)),
            (LISBON, datetime(2026, 3, 29, 1, tzinfo=UTC)),
            (ZoneInfo("Australia/Lord_Howe"), datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
            (ZoneInfo("America/Santiago"), datetime(2026, 9, 6, 4, tzinfo=UTC)),
            (ZoneInfo("Pacific/Apia"), datetime(2011, 12, 30, 10, tzinfo=UTC)),
        ]
    ),
    st.integers(-360, 360),
)
def test_around_a_skipped_time_too_open_means_that_the_wall_clock_says_so(week, skip, minutes):
    zone, at = skip
    now = at + timedelta(minutes=minutes)
    assert opening(week, zone, now).is_open == wall_clock_says_open(week, now.astimezone(zone))


@given(weeks, st.sampled_from(ZONES), moments)
def test_nothing_changes_before_the_announced_moment_and_then_it_does(week, zone, now):
    known = opening(week, ZoneInfo(zone), now)
    if known.changes_at is None:
        return
    assert known.changes_at > now
    before = opening(week, ZoneInfo(zone), known.changes_at - timedelta(seconds=1))
    after = opening(week, ZoneInfo(zone), known.changes_at)
    assert before.is_open == known.is_open
    assert after.is_open != known.is_open


@given(weeks, st.sampled_from(ZONES), moments)
def test_open_means_that_the_wall_clock_says_so(week, zone, now):
    """Compared with a plain reading of the wall clock, away from changes of daylight saving."""
    local = now.astimezone(ZoneInfo(zone))
    if any(
        (local + timedelta(hours=step)).utcoffset() != local.utcoffset() for step in range(-50, 50)
    ):
        return
    assert opening(week, ZoneInfo(zone), now).is_open == wall_clock_says_open(week, local)


def rush(name, start, end, *days, rate=30):
    return Rush(name=name, days=days, start=start, end=end, orders_per_minute=rate)


def test_the_next_rush_is_the_one_that_is_on_or_the_next():
    rushes = [rush("morning", "07:30", "09:30", *WORKDAYS), rush("lunch", "12:00", "13:00")]
    for now, name in (
        ("2026-03-02 06:00", "morning"),
        ("2026-03-02 09:29", "morning"),
        ("2026-03-02 09:30", "lunch"),
        ("2026-03-07 06:00", "lunch"),  # a Saturday
    ):
        assert next_peak(peaks(rushes, LISBON, lisbon(now)), lisbon(now)).name == name


def store(**spec):
    return CafeStoreSpec.model_validate(
        {"city": "Lisbon", "timezone": "Europe/Lisbon", "currency": "EUR", **spec}
    )


def test_a_store_without_rushes_has_no_next_one():
    assert timetable(store(), lisbon("2026-03-02 06:00")).peak is None


@pytest.mark.parametrize(
    ("now", "open_", "close", "next_rush"),
    [
        ("2026-03-06 20:00", "07:00", "19:00", "Mon 07:30-09:30"),  # not at the weekend
        ("2026-03-02 06:00", "08:00", "19:00", "Mon 08:00-09:30"),
        ("2026-03-02 06:00", "08:00", "09:00", "Mon 08:00-09:00"),
        ("2026-03-02 06:00", "10:00", "19:00", None),
        ("2026-03-02 06:00", "18:00", "08:00", "Tue 07:30-08:00"),  # since Monday evening
    ],
)
def test_the_next_rush_is_what_of_it_is_within_the_hours(now, open_, close, next_rush):
    week = [{"days": WORKDAYS, "open": open_, "close": close}]
    daily = [{"name": "morning", "start": "07:30", "end": "09:30", "ordersPerMinute": 9}]
    peak = timetable(store(hours=week, rushes=daily), lisbon(now)).peak
    begins, ends = (
        (peak.when.start.astimezone(LISBON), peak.when.end.astimezone(LISBON)) if peak else (0, 0)
    )
    assert next_rush == (f"{begins:%a %H:%M}-{ends:%H:%M}" if peak else None)


@given(st.sampled_from(ZONES), moments)
def test_each_day_has_its_rush_at_the_same_wall_clock_time(zone, now):
    found = peaks([rush("lunch", "12:00", "13:00")], ZoneInfo(zone), now)
    starts = [peak.when.start.astimezone(ZoneInfo(zone)) for peak in found]
    assert {f"{one:%H:%M}" for one in starts} == {"12:00"}
    assert len({one.date() for one in starts}) == len(starts) >= 8


def test_intervals_that_touch_are_one():
    day = datetime(2026, 1, 1, tzinfo=UTC)
    week = [*hours("08:00", "12:00"), *hours("12:00", "18:00"), *hours("10:00", "11:00")]
    found = opening(week, ZoneInfo("UTC"), day + timedelta(hours=9))
    assert found.changes_at == day + timedelta(hours=18)
    assert merged([]) == []
