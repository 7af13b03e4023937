"""The rush plan over clocks, zones and daylight saving: a function of time alone."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from cloudcafe_operator.planning.capacity import (
    UNITS,
    Dial,
    Forget,
    Policy,
    Turn,
    lead,
    needs_of,
    plan_capacity,
    units_at,
)
from cloudcafe_operator.planning.capacity_told import told_capacity
from cloudcafe_operator.planning.rush import Week, crowds, level_at, levels
from cloudcafe_operator.resources.week import WEEKDAYS
from hypothesis import given, settings
from hypothesis import strategies as st

ZONES = (
    "UTC",
    "Europe/Lisbon",
    "America/New_York",
    "America/St_Johns",  # half an hour off
    "Australia/Lord_Howe",  # moves by half an hour
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Africa/Casablanca",  # has winter time in Ramadan
    "America/Santiago",  # moves at midnight
)
DAY = timedelta(days=1)
QUARTER = timedelta(minutes=15)
#: around the nights on which clocks move in one of the zones, and any other time
TURNS = [
    datetime(2026, 3, 8, tzinfo=UTC),
    datetime(2026, 3, 29, tzinfo=UTC),
    datetime(2026, 4, 5, tzinfo=UTC),
    datetime(2026, 9, 6, tzinfo=UTC),
    datetime(2026, 10, 25, tzinfo=UTC),
    datetime(2026, 11, 1, tzinfo=UTC),
]
moments = st.one_of(
    st.builds(
        lambda turn, minutes: turn + timedelta(minutes=minutes),
        st.sampled_from(TURNS),
        st.integers(-2 * 1440, 2 * 1440),
    ),
    st.builds(
        lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes),
        st.integers(0, 365 * 1440),
    ),
)
times = st.tuples(st.integers(0, 95), st.integers(1, 96)).filter(lambda pair: pair[0] < pair[1])
timetables = st.builds(
    lambda days, span: (
        tuple(sorted(days, key=WEEKDAYS.index)),
        f"{span[0] // 4:02}:{span[0] % 4 * 15:02}",
        f"{span[1] // 4:02}:{span[1] % 4 * 15:02}",
    ),
    st.sets(st.sampled_from(WEEKDAYS)),
    times,
)
rushes = st.lists(st.tuples(timetables, st.integers(1, 5000)), max_size=3).map(tuple)
hours = st.lists(  # of an evening too: until the next day
    st.builds(
        lambda times, turned: (times[0], *times[:0:-1]) if turned else times,
        timetables,
        st.booleans(),
    ).filter(lambda times: times[1] != "24:00"),
    max_size=2,
).map(tuple)
stores = st.builds(Week, st.sampled_from(ZONES), hours, rushes)
fleets = st.dictionaries(stores, st.integers(1, 5), max_size=4)
leads = st.integers(1, 120).map(lambda minutes: timedelta(minutes=minutes))


def at(plan, moment):
    """The level of a plan at a moment."""
    return [one.orders_per_minute for one in plan if one.at <= moment][-1]


def plan(fleet, now, ahead=timedelta(minutes=10)):
    until = now + 25 * timedelta(hours=1)
    return levels(crowds(fleet, now, until + ahead), now, until, ahead=ahead)


def meant(zone, day, wall):
    """The moments that a wall clock may mean: none is skipped, some come twice.

    Independent of folds: what the offsets of the day before and after make of it, if it is shown
    then; of a time that is never shown, the minute in which the clock passes it.
    """
    if wall == "24:00":
        day, wall = day + DAY, "00:00"
    bare = datetime.combine(day, time.fromisoformat(wall), tzinfo=UTC)
    around = [(bare + days * DAY).astimezone(ZoneInfo(zone)).utcoffset() for days in (-2, 2)]
    found = [bare - offset for offset in around]
    shown = [one for one in found if shows(zone, one) == bare]
    minutes = (min(found) + timedelta(minutes=number) for number in range(25 * 60))
    return shown or [next(one for one in minutes if shows(zone, one) >= bare)]


def shows(zone, moment):
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=UTC)


def is_on(zone, times, moment):
    """Whether a rush is on, or a store open, by its own wall clock."""
    days, start, end = times
    today = moment.astimezone(ZoneInfo(zone)).date()
    for day in (today + number * DAY for number in range(-2, 3)):
        if not days or WEEKDAYS[day.weekday()] in days:
            last = day if start < end else day + DAY
            begins, ends = min(meant(zone, day, start)), max(meant(zone, last, end))
            if begins <= moment < ends:
                return True
    return False


def expects(week, moment):
    """What a store expects at a moment: nothing while it is closed."""
    if week.hours and not any(is_on(week.zone, times, moment) for times in week.hours):
        return 0
    return max((rate for times, rate in week.rushes if is_on(week.zone, times, moment)), default=0)


def near(week, moment, ahead):
    """The most that it expects from a moment on until so much later: all begins at quarters."""
    first = moment.replace(minute=moment.minute // 15 * 15) + QUARTER
    quarters = (first + number * QUARTER for number in range(ahead // QUARTER + 1))
    moments = [moment, *(one for one in quarters if one <= moment + ahead)]
    return max(expects(week, one) for one in moments)


@settings(max_examples=40)
@given(fleets, moments, leads, st.integers(0, 24 * 60))
def test_the_plan_is_the_same_whenever_it_is_asked_for(fleet, now, ahead, later):
    moment = now + timedelta(minutes=later)
    assert at(plan(fleet, now, ahead), moment) == at(plan(fleet, moment, ahead), moment)


@settings(max_examples=40)
@given(fleets, moments, leads)
def test_levels_begin_now_follow_each_other_and_are_never_below_zero(fleet, now, ahead):
    found = plan(fleet, now, ahead)
    assert found[0].at == now
    assert all(one.at < two.at for one, two in pairwise(found))
    assert all(one.orders_per_minute != two.orders_per_minute for one, two in pairwise(found))
    most = sum(
        max((rate for _, rate in week.rushes), default=0) * count for week, count in fleet.items()
    )
    assert all(0 <= one.orders_per_minute <= most for one in found)


@settings(max_examples=40)
@given(fleets, fleets, moments, st.integers(0, 24 * 60))
def test_two_fleets_expect_together_what_each_expects(one, two, now, later):
    moment = now + timedelta(minutes=later)
    both = {week: one.get(week, 0) + two.get(week, 0) for week in one.keys() | two.keys()}
    assert at(plan(both, now), moment) == at(plan(one, now), moment) + at(plan(two, now), moment)


@settings(max_examples=40)
@given(fleets, moments, leads, leads, st.integers(0, 24 * 60))
def test_who_begins_earlier_is_never_less_ready(fleet, now, one, two, later):
    moment = now + timedelta(minutes=later)
    short, long = sorted((one, two))
    assert at(plan(fleet, now, long), moment) >= at(plan(fleet, now, short), moment)


@settings(max_examples=120)
@given(fleets, moments, leads, st.integers(0, 24 * 60))
def test_the_level_is_the_highest_near_by_every_stores_own_wall_clock(fleet, now, ahead, later):
    moment = now + timedelta(minutes=later)
    expected = sum(near(week, moment, ahead) * count for week, count in fleet.items())
    assert at(plan(fleet, now, ahead), moment) == expected
    assert level_at(plan(fleet, now, ahead), moment) == expected


NIGHT = [("00:30", "01:30"), ("01:30", "02:30"), ("23:00", "24:00")]


@pytest.mark.parametrize("zone", [one for one in ZONES if one != "UTC"])
def test_on_the_nights_on_which_clocks_move_each_half_hour_is_right(zone):
    for turn in TURNS:
        for start, end in NIGHT:
            times = ((), start, end)
            found = crowds({Week(zone, (), ((times, 1),)): 1}, turn - DAY, turn + DAY)
            told = levels(found, turn - DAY, turn + DAY, ahead=timedelta(0))
            for half_hour in range(-48, 48):
                moment = turn + half_hour * timedelta(minutes=30)
                assert level_at(told, moment) == is_on(zone, times, moment)


def test_who_opened_the_evening_before_is_open_to_the_end_of_the_longest_day():
    azores = Week(  # on 2026-10-25 the clock goes from one to midnight: the day has 25 hours
        "Atlantic/Azores", ((("Sat",), "23:50", "23:45"),), (((("Sun",), "22:00", "24:00"), 1),)
    )
    now = datetime(2026, 10, 26, 0, 30, tzinfo=UTC)  # 23:30 there
    told = levels(crowds({azores: 1}, now, now + DAY), now, now + DAY)
    assert [(one.at - now, one.orders_per_minute) for one in told[:2]] == [
        (timedelta(0), 1),
        (timedelta(minutes=15), 0),
    ]


POLICIES = {
    "aurora": Policy(orders_per_minute_per_unit=700, lead_minutes=15, most=16),
    "dynamodbWrite": Policy(orders_per_minute_per_unit=10, lead_minutes=45, most=900),
    "lambda": Policy(orders_per_minute_per_unit=120, lead_minutes=30, most=50),
    "lambdaPoller": Policy(orders_per_minute_per_unit=120, lead_minutes=60, most=100),
}


def turned(dials, journal, needed):
    """What is there after AWS did all that was asked."""
    for step in plan_capacity(dials, journal, needed, {}):
        if isinstance(step, Forget):
            journal.pop(step.key)
        elif isinstance(step, Turn):
            if step.entry:
                journal[step.dial.key] = step.entry
            dials = [
                Dial(one.arn, one.name, one.kind, step.to, one.least, one.most)
                if one.key == step.dial.key
                else one
                for one in dials
            ]
    return dials


@settings(max_examples=15, deadline=None)
@given(fleets, moments)
def test_what_the_plan_tells_of_aws_is_what_is_done(fleet, now):
    now = now.replace(minute=0)
    dials = [
        Dial("a", "cloudcafe", "aurora", 0.5, 0.5, 12),
        Dial("t", "cloudcafe-orders", "dynamodbWrite", 25),
        Dial("f", "cloudcafe-payment-processor", "lambda", 20, 20),
        Dial("f", "cloudcafe-payment-processor", "lambdaPoller", 10),
    ]
    found = {dial.key: dial.now for dial in dials}
    journal = {}
    span = (now, now + 24 * timedelta(hours=1))
    crowded = crowds(fleet, now, span[1] + timedelta(hours=2))
    plans = {kind: plan(fleet, now, lead(policy)) for kind, policy in POLICIES.items()}
    ahead = needs_of(POLICIES, crowded, span)
    told = told_capacity(dials, journal, ahead, now)
    for quarter in range(24 * 4):
        moment = now + quarter * timedelta(minutes=15)
        needed = units_at(ahead, moment)
        assert needed == {
            kind: policy.needs(kind, at(plans[kind], moment)) for kind, policy in POLICIES.items()
        }
        dials = turned(dials, journal, needed)
        for dial in dials:
            so_far = [
                one["to"]
                for one in told
                if (one["resource"], one["what"]) == (dial.name, UNITS[dial.kind])
                and datetime.fromisoformat(one["at"]) <= moment
            ]
            assert dial.now == (so_far or [found[dial.key]])[-1]
    assert all(one["to"] > one["from"] for one in told if one["note"])
