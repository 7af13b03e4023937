"""The rush plan: the sum over stores and time zones, and what is done about it."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cloudcafe_operator.effects.rush import PLAN, RushKeeper
from cloudcafe_operator.errors import AccessDenied, Unavailable
from cloudcafe_operator.kinds import AUTOSCALERS, CONFIG_MAPS
from cloudcafe_operator.planning.rush import AHEAD, CAPACITY, LEAST, Scaler, crowds, expects
from cloudcafe_operator.planning.rush import levels as levels_of
from cloudcafe_operator.ports import Ref
from cloudcafe_operator.resources.store import CafeStoreSpec
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import FakeClock, FakeKubernetes, RecordedEvents

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)  # a Monday; Lisbon is UTC, Berlin an hour ahead


def store(timezone="Europe/Lisbon", rate=600, **spec):
    rush = {"name": "morning", "start": "07:30", "end": "09:30", "ordersPerMinute": rate}
    return CafeStoreSpec.model_validate(
        {"city": "Somewhere", "timezone": timezone, "currency": "EUR", "rushes": [rush], **spec}
    )


def expected(*stores):
    return Counter(expects(one) for one in stores)


def levels(expected, now, until):
    return levels_of(crowds(expected, now, until), now, until)


def plan(*stores, hours=24):
    found = levels(expected(*stores), NOW, NOW + timedelta(hours=hours))
    return [(f"{level.at:%H:%M}", level.orders_per_minute) for level in found]


def test_a_rush_is_prepared_ten_minutes_ahead_and_over_at_its_end():
    assert plan(store()) == [("06:00", 0), ("07:20", 600), ("09:30", 0)]


def test_a_rush_that_lasts_all_day_is_not_expected_twice_at_midnight():
    always = {"name": "always", "start": "00:00", "end": "24:00", "ordersPerMinute": 50}
    assert plan(store(rushes=[always]), hours=48) == [("06:00", 50)]


def rushes(*spans):
    return [
        {"name": f"rush-{start[:2]}", "start": start, "end": end, "ordersPerMinute": rate}
        for start, end, rate in spans
    ]


@pytest.mark.parametrize(
    ("spans", "levels"),
    [
        (
            [("07:00", "08:00", 100), ("08:00", "09:00", 100)],
            [("06:50", 100), ("09:00", 0)],
        ),
        (  # only what the second adds begins early
            [("07:00", "08:00", 100), ("08:00", "09:00", 300)],
            [("06:50", 100), ("07:50", 300), ("09:00", 0)],
        ),
        (
            [("07:00", "08:00", 300), ("08:00", "09:00", 100)],
            [("06:50", 300), ("08:00", 100), ("09:00", 0)],
        ),
        (  # between them is less than the lead
            [("07:00", "08:00", 100), ("08:05", "09:00", 300)],
            [("06:50", 100), ("07:55", 300), ("09:00", 0)],
        ),
    ],
)
def test_rushes_of_one_store_are_of_the_same_guests_and_not_added_together(spans, levels):
    assert plan(store(rushes=rushes(*spans))) == [("06:00", 0), *levels]
    two = [(at, 2 * level) for at, level in levels]
    assert plan(*[store(rushes=rushes(*spans))] * 2) == [("06:00", 0), *two]


def test_a_store_whose_rush_is_on_around_the_clock_is_never_expected_twice():
    both = rushes(("00:00", "12:00", 3000), ("12:00", "24:00", 3000))
    assert plan(store(rushes=both), hours=48) == [("06:00", 3000)]


def test_stores_in_two_zones_add_up_while_both_are_busy():
    both = plan(store(), store("Europe/Berlin", rate=400))
    assert both == [("06:00", 0), ("06:20", 400), ("07:20", 1000), ("08:30", 600), ("09:30", 0)]


@pytest.mark.parametrize(
    ("hours", "levels"),
    [
        ([("Mon", "07:00", "19:00")], [("07:20", 600), ("09:30", 0)]),
        ([("Tue", "07:00", "19:00")], []),
        ([("Mon", "08:00", "19:00")], [("07:50", 600), ("09:30", 0)]),
        ([("Mon", "18:00", "02:00")], []),
        ([("Sun", "18:00", "08:00")], [("07:20", 600), ("08:00", 0)]),  # since the evening before
        (
            [("Mon", "07:00", "08:00"), ("Mon", "09:00", "10:00")],
            [("07:20", 600), ("08:00", 0), ("08:50", 600), ("09:30", 0)],
        ),
    ],
)
def test_nobody_is_expected_while_a_store_is_closed_by_its_hours(hours, levels):
    week = [{"days": [day], "open": open_, "close": close} for day, open_, close in hours]
    assert plan(store(hours=week)) == [("06:00", 0), *levels]


def test_a_store_that_takes_no_orders_expects_none():
    assert plan(store(acceptingOrders=False)) == [("06:00", 0)]


def test_a_rush_that_is_on_counts_at_once():
    busy = levels(expected(store()), NOW + timedelta(hours=2), NOW + timedelta(hours=3))
    assert [level.orders_per_minute for level in busy] == [600]


@given(
    st.lists(st.tuples(st.sampled_from(["UTC", "Asia/Tokyo", "America/Lima"]), st.integers(1, 99))),
    st.integers(0, 86_399),
)
def test_the_level_is_the_sum_of_the_rushes_that_are_on_or_near(stores, second):
    moment = NOW + timedelta(seconds=second)
    specs = [store(zone, rate) for zone, rate in stores]
    level = levels(expected(*specs), moment, moment + timedelta(hours=1))[0]

    def is_on(spec):
        local = [moment + ahead for ahead in (timedelta(), AHEAD)]
        zone = ZoneInfo(spec.timezone)
        at = [f"{one.astimezone(zone):%H:%M:%S}" for one in local]
        return any("07:30:00" <= one < "09:30:00" for one in at)

    assert level.orders_per_minute == sum(
        spec.rushes[0].orders_per_minute for spec in specs if is_on(spec)
    )


@pytest.mark.parametrize(
    ("orders", "replicas"), [(0, 2), (2400, 2), (2401, 3), (4800, 4), (1_000_000, 6)]
)
def test_replicas_stay_between_what_the_owner_set(orders, replicas):
    assert Scaler("order", 1200, least=2, most=6, now=2).replicas(orders) == replicas


class Fleet:
    def __init__(self):
        self.kubernetes = FakeKubernetes()
        self.clock = FakeClock(NOW)
        self.events = RecordedEvents()
        self.keeper = RushKeeper(self.kubernetes, self.events, self.clock, "cloudcafe")

    async def add(self, name, annotations):
        await self.kubernetes.create(
            AUTOSCALERS,
            {
                "apiVersion": AUTOSCALERS.api_version,
                "kind": AUTOSCALERS.kind,
                "metadata": {"name": name, "namespace": "cloudcafe", "annotations": annotations},
                "spec": {"minReplicas": 2, "maxReplicas": 6},
            },
        )

    async def least(self, name):
        found = await self.kubernetes.get(Ref(AUTOSCALERS, name, "cloudcafe"))
        return found["spec"]["minReplicas"]


@pytest.fixture
async def fleet():
    made = Fleet()
    await made.add("order", {CAPACITY: "1200", LEAST: "2"})
    await made.add("strange", {})
    return made


async def test_replicas_come_before_the_rush_and_go_after_it(fleet):
    fleet.keeper.note("lisbon.corner", store(rate=6000))
    seen = []
    for _ in range(8 * 60):
        await fleet.keeper.round()
        seen.append((f"{fleet.clock.now():%H:%M}", await fleet.least("order")))
        fleet.clock.advance(60)
    changes = [one for one, before in zip(seen[1:], seen, strict=False) if one[1] != before[1]]
    assert changes == [("07:20", 5), ("09:30", 2)]
    assert [event.reason for event in fleet.events.published] == ["RushAhead", "RushOver"]
    assert await fleet.least("strange") == 2


async def test_an_autoscaler_that_cannot_be_written_is_told_of_and_holds_up_no_other(fleet):
    def deny(_, item):
        if item["metadata"]["name"] == "broken":
            raise AccessDenied("a policy denies it")

    await fleet.add("broken", {CAPACITY: "1200", LEAST: "2"})
    fleet.kubernetes.admission.append(deny)
    fleet.keeper.note("lisbon.corner", store(rate=6000))
    fleet.clock.advance(2 * 3600)
    await fleet.keeper.round()
    assert (await fleet.least("broken"), await fleet.least("order")) == (2, 5)
    told = [(one.kind, one.reason, one.message) for one in fleet.events.published]
    assert told == [
        ("Warning", "RushReplicasRefused", "broken: minReplicas 2 → 5: a policy denies it"),
        ("Normal", "RushAhead", "order: minReplicas 2 → 5, 6000 orders a minute are expected"),
    ]
    assert await fleet.kubernetes.get(Ref(CONFIG_MAPS, PLAN, "cloudcafe"))
    fleet.kubernetes.admission.clear()
    await fleet.keeper.round()
    assert await fleet.least("broken") == 5


async def test_an_autoscaler_that_is_deleted_meanwhile_is_not_made_again_without_a_target(fleet):
    fleet.keeper.note("lisbon.corner", store(rate=6000))
    fleet.clock.advance(2 * 3600)

    def gone_meanwhile(call, moment):
        if (call.verb, moment) == ("apply", "before"):
            fleet.kubernetes.recorder.hook = None
            fleet.kubernetes.objects.clear()

    fleet.kubernetes.recorder.hook = gone_meanwhile
    await fleet.keeper.round()
    assert fleet.kubernetes.find("HorizontalPodAutoscaler", "order", "cloudcafe") is None
    assert fleet.events.reasons == ["RushReplicasRefused"]


async def test_nothing_is_written_while_nothing_changes(fleet):
    fleet.keeper.note("lisbon.corner", store())
    await fleet.keeper.round()
    before = fleet.kubernetes.count("apply")
    for _ in range(20):
        fleet.clock.advance(30)
        await fleet.keeper.round()
    assert fleet.kubernetes.count("apply") == before


async def test_a_new_leader_does_not_show_the_same_plan_again(fleet):
    fleet.keeper.note("lisbon.corner", store())
    await fleet.keeper.round()
    before = fleet.kubernetes.count("apply")
    new = RushKeeper(fleet.kubernetes, fleet.events, fleet.clock, "cloudcafe")
    new.note("lisbon.corner", store())
    await new.round()
    assert fleet.kubernetes.count("apply") == before
    new.note("lisbon.harbour", store())
    await new.round()
    assert fleet.kubernetes.count("apply") == before + 1


async def test_the_plan_is_there_to_be_read(fleet):
    fleet.keeper.note("lisbon.corner", store(rate=6000))
    await fleet.keeper.round()
    shown = await fleet.kubernetes.get(Ref(CONFIG_MAPS, PLAN, "cloudcafe"))
    assert json.loads(shown["data"]["plan.json"])[1] == {
        "at": "2026-03-02T07:20:00Z",
        "ordersPerMinute": 6000,
        "minReplicas": {"order": 5},
    }


async def test_a_store_without_a_rush_is_counted_in_the_plan_too(fleet):
    await fleet.keeper.round()
    quiet = CafeStoreSpec.model_validate({"city": "Lisbon", "timezone": "UTC", "currency": "EUR"})
    fleet.keeper.note("lisbon.quiet", quiet)
    await fleet.keeper.round()
    shown = await fleet.kubernetes.get(Ref(CONFIG_MAPS, PLAN, "cloudcafe"))
    assert shown["data"]["stores"] == "1"


async def test_a_store_that_is_gone_expects_nothing(fleet):
    fleet.keeper.note("lisbon.corner", store(rate=6000))
    fleet.keeper.forget("lisbon.corner")
    fleet.clock.advance(7200)
    await fleet.keeper.round()
    assert await fleet.least("order") == 2


async def test_what_somebody_changed_by_hand_is_put_right_at_the_next_look(fleet):
    await fleet.kubernetes.patch(
        Ref(AUTOSCALERS, "order", "cloudcafe"), {"spec": {"minReplicas": 1}}
    )
    await fleet.keeper.round()
    assert await fleet.least("order") == 2


async def test_an_operator_that_starts_within_a_rush_does_not_take_it_for_over(fleet):
    fleet.kubernetes.seed(
        {
            "apiVersion": "cloudcafe.dev/v1alpha1",
            "kind": "CafeStore",
            "metadata": {"name": "corner", "namespace": "lisbon"},
            "spec": store(rate=6000).model_dump(by_alias=True, exclude_defaults=True),
        },
        {
            "apiVersion": "cloudcafe.dev/v1alpha1",
            "kind": "CafeStore",
            "metadata": {"name": "strange", "namespace": "lisbon"},
            "spec": {"city": "Lisbon"},
        },
    )
    fleet.clock.advance(2 * 3600)
    keeper = RushKeeper(fleet.kubernetes, fleet.events, fleet.clock, "cloudcafe")
    fleet.kubernetes.fail_next("list", Unavailable("no answer"))
    with pytest.raises(Unavailable):
        await keeper.round()
    assert await fleet.least("order") == 2
    await keeper.round()
    assert await fleet.least("order") == 5
    assert fleet.events.reasons == ["RushAhead"]
