"""After a start a fleet is looked at one after the other, and what is open at once."""

import asyncio
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest
from cloudcafe_operator.effects.turns import looks
from cloudcafe_operator.errors import OperatorError, QuotaExceeded, Throttled
from cloudcafe_operator.handlers.store import PROVED_AGAIN_S
from cloudcafe_operator.kinds import CAFE_STORES, key_of
from cloudcafe_operator.planning.pace import (
    ALARMS_PER_SECOND,
    LOOKS_AT_ONCE,
    LOOKS_PER_SECOND,
    TOGETHER_SECONDS,
    alarms_after,
    next_look,
    resync_after,
)
from cloudcafe_operator.ports import Ref
from cloudcafe_operator.resources.store import example
from cloudcafe_operator.workqueue import WorkQueue

from tests.fakes import FakeClock
from tests.fakes.stores import ID, REF, StoreWorld

NEW = {"city": "Porto"}


@pytest.fixture
def world():
    return StoreWorld()


@pytest.fixture
async def late(world):
    """A converged store after a restart, and nobody's turn for a while."""
    await world.apply()
    await world.settle()
    world.restart()
    for number in range(round(LOOKS_AT_ONCE)):
        world.reconciler.turns.seconds(f"default.other-{number}")
    world.recorder.forget()
    return world


def looked(world):
    return [call for call in world.recorder.calls if call.api in ("aws", "http")]


def test_a_small_fleet_is_looked_at_at_once_and_a_large_one_at_its_pace():
    turns = looks(FakeClock())
    waits = [turns.seconds(f"store-{number}") for number in range(1000)]
    at_once = round(LOOKS_AT_ONCE)
    assert not any(waits[: at_once - 1])
    assert waits == sorted(waits)
    pace = (1000 - at_once) / LOOKS_PER_SECOND
    assert pace <= waits[-1] <= pace + TOGETHER_SECONDS


@pytest.mark.parametrize("every", [0.5, 10.0, 600.0, 1000.0])
def test_a_store_is_looked_at_in_time_though_it_waits_for_none(every):
    for number in range(500):
        due = next_look(1000.3, f"store-{number}", every=every) - 1000.3
        assert 0.65 * every - TOGETHER_SECONDS < due <= every
        assert due > 0.6 * every


def test_stores_that_are_due_about_together_are_looked_at_in_the_same_moment():
    now, every, stores = 1000.3, 1000.0, 10_000
    moments = Counter(next_look(now, f"store-{n}", every=every) for n in range(stores))
    assert len(moments) <= 0.25 * every / TOGETHER_SECONDS + 2
    turns = looks(FakeClock())
    waits = Counter(turns.seconds(f"store-{number}") for number in range(1000))
    del waits[0.0]
    assert max(waits.values()) <= LOOKS_PER_SECOND * TOGETHER_SECONDS + 1
    assert len(waits) <= 700 / max(waits.values()) + 2


@pytest.mark.parametrize("stores", [5000, 6000, 10_000, 30_000])
def test_a_large_fleet_is_looked_at_at_its_pace_on_average(stores):
    every = resync_after(600.0, stores=stores)
    names = [f"lisbon.store-{number}" for number in range(stores)]
    per_second = sum(1 / (next_look(1000.3, name, every=every) - 1000.3) for name in names)
    assert 0.85 * LOOKS_PER_SECOND < per_second <= 1.005 * LOOKS_PER_SECOND


async def create(world, *names):
    refs = [Ref(CAFE_STORES, name, "default") for name in names]
    for name in names:
        manifest = example()
        manifest["metadata"]["name"] = name
        await world.kubernetes.create(CAFE_STORES, manifest)
    for _ in range(20):
        for ref in refs:
            await world.reconciler.reconcile(ref)
        world.clock.advance(1.0)
    return refs


@pytest.mark.parametrize(("old", "requests"), [(False, 3), (True, 12)])
async def test_looks_at_the_same_moment_share_their_requests_to_the_services(world, old, requests):
    refs = await create(world, "one", "two", "three")
    world.restart()
    world.cafe.old = old
    world.cafe.stores["default.two"]["city"] = "Porto"
    world.recorder.forget()
    await asyncio.gather(*(world.reconciler.reconcile(ref) for ref in refs))
    reads = [one for one in world.recorder.calls if one.api == "http" and one.verb == "GET"]
    assert len([one for one in reads if "/ledger" not in one.target]) == requests
    drifts = [len(world.kubernetes.find("CafeStore", ref.name, "default")["status"]["drift"] or [])
              for ref in refs]  # fmt: skip
    assert drifts == [0, 1, 0]


def test_a_turn_comes_once_and_is_kept_while_it_is_waited_for():
    clock = FakeClock()
    turns = looks(clock)
    waits = {name: turns.seconds(name) for name in (f"store-{n}" for n in range(400))}
    last = waits["store-399"]
    assert turns.seconds("store-399") == last
    clock.advance(last)
    assert turns.seconds("store-399") == 0
    turns.looked("store-399")
    assert turns.seconds("store-399") == 0


async def test_a_store_in_order_waits_for_its_turn_and_is_then_looked_at(late):
    after = await late.reconcile()
    assert 0 < after <= 1 / LOOKS_PER_SECOND + TOGETHER_SECONDS
    assert looked(late) == []
    late.clock.advance(after)
    await late.reconcile()
    assert looked(late)
    assert late.recorder.writes == []


async def test_a_waiting_store_counts_in_the_fleet(late):
    await late.reconcile()
    assert sum(late.reconciler.fleet._numbers.values()) == 1
    assert late.reconciler.rush.stores() == 1


@pytest.mark.parametrize(
    "status",
    [
        {"observedGeneration": 0},
        {"applied": None},
        {"open": False},
        {"nextRush": {"name": "gone", "start": "2026-03-01T08:00:00Z",
                      "end": "2026-03-01T09:00:00Z", "ordersPerMinute": 7}},
        {"orderPath": None},
        {"drift": [{"kind": "Menu", "resource": "m", "field": "f", "want": "w", "got": "g",
                    "since": "2026-03-01T09:00:00Z"}]},
    ],
    ids=lambda status: next(iter(status)),
)  # fmt: skip
async def test_a_store_for_which_something_is_open_is_looked_at_at_once(late, status):
    await late.kubernetes.patch_status(REF, status)
    await late.reconcile()
    assert looked(late)


@pytest.mark.parametrize("type_", ["Ready", "DataTierReady", "MenuSynced", "Watched"])
async def test_a_store_in_trouble_is_looked_at_at_once(late, type_):
    rows = [
        row | {"status": "False"} if row["type"] == type_ else row
        for row in late.store["status"]["conditions"]
    ]
    await late.kubernetes.patch_status(REF, {"conditions": rows})
    await late.reconcile()
    assert looked(late)


async def test_a_new_wish_does_not_wait_for_the_turn(late):
    await late.kubernetes.patch(REF, {"spec": NEW})
    await late.settle()
    assert late.cafe.stores["default.corner"]["city"] == "Porto"


async def test_after_a_long_outage_coffees_that_are_due_are_bought_one_after_the_other(late):
    late.clock.advance(7200)
    ahead = [late.reconciler.turns.seconds(f"default.more-{n}") for n in range(600)]
    after = await late.reconcile()
    assert looked(late) == []
    assert after >= max(ahead) > 20
    late.clock.advance(after)
    await late.reconcile()
    assert any("orders" in call.target for call in looked(late))


async def test_a_store_that_is_gone_has_no_turn(late):
    await late.reconcile()
    await late.kubernetes.delete(REF)
    await late.reconcile()
    assert "default.corner" not in late.reconciler.turns._due


async def test_a_store_that_is_gone_leaves_its_place_to_buy(world):
    world.cafe.ending = "rejected"
    await world.apply()
    line = world.reconciler.verifier.turns._due
    await world.settle_for(60.0, until=lambda: bool(line))
    assert list(line) == ["default.corner"]
    await world.kubernetes.delete(REF)
    await world.settle_for(60.0, until=lambda: not line)
    assert not line


def test_stores_that_wait_for_their_alarms_come_one_after_the_other():
    moments = [alarms_after(10_000, f"default.store-{number}") for number in range(10_000)]
    per_second = len(moments) / max(moments)
    assert per_second == pytest.approx(ALARMS_PER_SECOND / 2, rel=0.05)


async def after_throttled(world, ref):
    """Reconcile until CloudWatch throttles; when to try again."""
    while True:
        try:
            world.clock.advance(await world.reconciler.reconcile(ref))
        except Throttled as told:
            return told.after


async def test_throttled_alarms_of_many_stores_are_tried_less_often(world):
    world.fake_aws.fail_next("cloudwatch", "put_metric_alarm", *[Throttled("slow")] * 500)
    waits = []
    for number in range(60):
        manifest = example()
        manifest["metadata"]["name"] = f"store-{number}"
        await world.kubernetes.create(CAFE_STORES, manifest)
        ref = Ref(CAFE_STORES, f"store-{number}", "default")
        waits.append(await after_throttled(world, ref))
    assert max(waits[:2]) <= 4
    assert max(waits) > 20


async def test_a_look_at_everything_tries_no_alarms_whose_turn_has_not_come(world):
    world.fake_aws.fail_next("cloudwatch", "put_metric_alarm", *[Throttled("slow")] * 50)
    world.reconciler.converger._in_wait.update(f"default.other-{n}" for n in range(10_000))
    await world.apply()
    turn = await after_throttled(world, REF)
    for seconds, tries in ((620.0, 0), (620.0, 0), (turn - 1240.0, 1)):
        world.recorder.forget()
        world.clock.advance(seconds)
        with pytest.raises(Throttled):
            await world.reconcile()
        assert any("/stores/" in call.target for call in looked(world))
        assert world.fake_aws.count("cloudwatch", "put_metric_alarm") == tries


async def test_a_store_of_a_large_fleet_is_looked_at_less_often_from_the_first_on(world):
    world.reconciler.converger.fleet = lambda: 10_000
    await world.apply()
    await world.reconcile()
    longest = 10_000 / LOOKS_PER_SECOND
    assert longest * 0.75 <= world.reconciler.converger.seconds_believed("default.corner") + 1


class Wishes:
    """Implements ports.WakeUp: what is asked for last, by key."""

    def __init__(self):
        self.after = {}

    def add(self, key, *, after=0.0, news=False):
        self.after[key] = after


async def without_end(world):
    while True:
        world.clock.advance(await world.reconcile())


async def test_a_store_opens_in_time_though_its_alarms_wait_for_a_quota(world):
    wishes = Wishes()
    world.reconciler = replace(world.reconciler, queue=wishes)
    await world.apply(hours=[{"open": "09:05", "close": "18:00"}])
    world.fake_aws.fail_next("cloudwatch", "put_metric_alarm", *[QuotaExceeded("full")] * 9)
    with pytest.raises(QuotaExceeded):
        await without_end(world)
    opens = world.clock.now().replace(hour=9, minute=5, second=0)
    left = (opens - world.clock.now()).total_seconds()
    assert wishes.after == {"CafeStore/default/corner": pytest.approx(left, abs=1.0)}


async def test_whatever_wakes_a_store_its_alarms_keep_their_place_in_line(world):
    world.reconciler = replace(world.reconciler, queue=Wishes())
    world.fake_aws.fail_next("cloudwatch", "put_metric_alarm", *[QuotaExceeded("full")] * 99)
    await world.apply()
    with pytest.raises(QuotaExceeded):
        await without_end(world)
    tried = world.fake_aws.count("cloudwatch", "put_metric_alarm")
    for seconds, again in ((20.0, 0), (20.0, 0), (25.0, 1)):
        world.clock.advance(seconds)
        with pytest.raises(QuotaExceeded):
            await world.reconcile()
        found = world.fake_aws.count("cloudwatch", "put_metric_alarm") > tried
        assert found == bool(again), seconds


async def drive(world, seconds):
    """Let the store's own queue work for so long."""
    if world.reconciler.queue is None:
        queue = WorkQueue(lambda _: world.reconcile(), clock=world.clock, chance=lambda: 0.0)
        world.reconciler = replace(world.reconciler, queue=queue)
        queue.add(key_of(REF))
    for _ in range(round(seconds)):
        await world.reconciler.queue.drain()
        world.clock.advance(1.0)


def refused(world):
    """When alarms are tried, while their quota is used up."""
    tried = []

    def full(**_asked):
        tried.append(world.clock.monotonic())
        raise QuotaExceeded("full")

    world.fake_aws.on("cloudwatch", "put_metric_alarm", full)
    return tried


def least_apart(moments):
    assert len(moments) > 1
    return min(later - earlier for earlier, later in pairwise(moments))


@pytest.mark.parametrize("opens", ["09:02", "09:04"])
async def test_opening_hours_do_not_try_alarms_before_their_turn(world, opens):
    tried = refused(world)
    world.clock.advance(30.0)
    await world.apply(hours=[{"days": [], "open": opens, "close": "23:00"}], timezone="UTC")
    await drive(world, 420.0)
    assert world.cafe.stores[ID]["acceptingOrders"]
    assert least_apart(tried) >= 60.0


async def test_what_a_store_lost_is_made_again_though_its_alarms_wait_for_a_quota(world):
    tried = refused(world)
    world.reconciler.converger.resync_seconds = 10_000.0
    await world.apply()
    await drive(world, 60.0)
    world.cafe.stores.clear()
    await drive(world, 600.0 + PROVED_AGAIN_S)
    assert list(world.cafe.stores) == [ID]
    assert world.condition("Ready")[0] == "True"
    assert least_apart(tried) >= 60.0


async def test_alarms_keep_their_place_while_what_a_coffee_needs_is_looked_at_again(world):
    tried = refused(world)
    await world.apply()
    with pytest.raises(QuotaExceeded):
        await without_end(world)
    world.http.mount("menu:8080", lambda *_: (503, {"title": "Away"}))
    for seconds, times in ((20.0, 1), (20.0, 1), (25.0, 2), (20.0, 2)):
        world.reconciler.converger.doubt(ID)
        world.clock.advance(seconds)
        with pytest.raises(OperatorError):
            await world.reconcile()
        assert world.condition("MenuSynced")[0] == "False"
        assert len(tried) == times, seconds
    world.open_services()
    with pytest.raises(QuotaExceeded):
        await world.reconcile()
    assert world.condition("MenuSynced")[0] == "True"
    assert len(tried) == 2
