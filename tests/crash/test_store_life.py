"""A store's whole life under every trouble: nothing doubled, nothing lost, nothing left behind."""

import asyncio

import pytest
from cloudcafe_operator.effects.leader import LeaderAws, LeaderHttp
from cloudcafe_operator.effects.lease import Leadership, Timing
from cloudcafe_operator.errors import Conflict, OperatorError, Retry, Throttled, Unavailable
from cloudcafe_operator.kinds import LEASES
from cloudcafe_operator.ports import Ref

from tests.crash.stores import Life, busy_at_rest, doubled, left, swept
from tests.crash.test_two_operators import Stale
from tests.fakes import Died
from tests.fakes.stores import QUEUE, REF, SECRET, StoreWorld

LEASE = Ref(LEASES, "cloudcafe-operator", "cloudcafe")
MOMENTS = ["before", "after"]
DAY = 86_400


def fail_at(world, number, moment, error):
    """Answer the write of that number with an error, before it happens or after."""
    seen = 0

    def hook(_write, now):
        nonlocal seen
        seen += now == "before"
        if seen == number and now == moment:
            world.recorder.hook = None
            raise error

    world.recorder.hook = hook


@pytest.mark.parametrize("moment", MOMENTS)
async def test_killed_at_any_write_it_lives_on_without_doubling_or_leaving_anything(moment):
    number, died = 0, True
    while died:
        number += 1
        life = Life()
        life.world.recorder.die_at(number, moment)
        assert await life.lived() == [], (number, moment)
        died = life.deaths
    assert number > 27


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("error", [Conflict, Throttled, Unavailable])
async def test_an_error_at_any_write_also_after_it_happened_changes_nothing(error, moment):
    number, met = 0, True
    while met:
        number += 1
        life = Life(most_coffees=2)  # an order without an answer proves nothing
        fail_at(life.world, number, moment, error("the network was cut here"))
        assert await life.lived() == [], (number, error, moment)
        met = life.world.recorder.hook is None
    assert number > 27


@pytest.mark.parametrize("moment", MOMENTS)
async def test_whatever_a_kill_leaves_when_the_cluster_is_lost_orphans_finds(moment):
    number, died, most = 0, True, 0
    while died:
        number += 1
        life = Life()
        life.world.recorder.die_at(number, moment)
        try:
            await life.world.apply(tier="flagship")
            await life.world.settle()
            await life.world.kubernetes.delete(REF)
            await life.world.settle()
        except Died:
            pass
        else:
            died = False
        found, missed = swept(life.world)
        assert missed == set(), (number, moment)
        assert {one.remedy for one in found} <= {"delete"}
        most = max(most, len(found))
    assert most == 9


@pytest.mark.parametrize("head_start", range(8))
async def test_two_live_operators_make_everything_once_and_come_to_rest(head_start):
    world = StoreWorld()
    await world.apply()
    await together(world, head_start=head_start, rounds=30)
    assert world.condition("Ready")[0] == "True"
    assert len(world.cafe.orders) == 1
    assert await busy_at_rest(world) == []
    await world.kubernetes.delete(REF)
    await together(world, head_start=head_start, rounds=10)
    assert doubled(world) + left(world) == []


async def together(world, *, head_start, rounds):
    """Let two operators reconcile side by side, interleaved at every call."""
    operators = [world.operator()]
    for round_ in range(rounds):
        if round_ == head_start:
            operators.append(world.operator())
        await asyncio.gather(*(_tried(one) for one in operators))
        world.clock.advance(0.5)


async def _tried(operator):
    try:
        await operator.reconcile(REF)
    except (Retry, Conflict):
        return


async def test_an_operator_that_reads_the_past_is_refused_and_loses_nothing():
    world = StoreWorld()
    await world.apply()
    world.reconciler = world.operator(kubernetes=StaleStores(world.kubernetes))
    await world.settle_for(60)
    await world.kubernetes.patch(REF, {"spec": {"city": "Porto"}})
    await world.settle_for(60)
    assert world.cafe.stores["default.corner"]["city"] == "Porto"
    assert world.store["status"]["observedGeneration"] == 2
    history = [one["what"] for one in world.store["status"]["history"]]
    assert len(history) == len(set(history)) == 7


async def test_a_status_that_was_judged_before_somebody_else_wrote_is_not_written():
    world = StoreWorld()
    await world.apply()
    late = LateStatus(world.kubernetes)
    stale = asyncio.create_task(world.operator(kubernetes=late).reconcile(REF))
    await late.reached.wait()
    await world.kubernetes.patch(REF, {"spec": {"acceptingOrders": False}})
    await world.settle()
    late.thawed.set()
    await asyncio.gather(stale, return_exceptions=True)
    assert isinstance(stale.exception(), Conflict)
    assert world.store["status"]["observedGeneration"] == 2
    assert world.condition("Ready")[:2] == ("False", "NotAcceptingOrders")


class LateStatus:
    """Kubernetes whose status writes wait until the test lets them."""

    def __init__(self, inner):
        self._inner = inner
        self.reached, self.thawed = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name):
        return getattr(self._inner, name)

    async def patch_status(self, *words, **options):
        self.reached.set()
        await self.thawed.wait()
        return await self._inner.patch_status(*words, **options)


class StaleStores(Stale):
    """Every third read of a store returns what the read before it saw."""

    KIND = "CafeStore"


class Frozen:
    """AWS that stops answering a read until the test lets it: the process is frozen there."""

    def __init__(self, inner):
        self.inner = inner
        self.reached, self.thawed = asyncio.Event(), asyncio.Event()

    async def call(self, service, operation, **parameters):
        return await self.inner.call(service, operation, **parameters)

    async def pages(self, service, operation, *words, **parameters):
        if operation == "describe_alarms":  # what is looked at of a new store, before all writes
            self.reached.set()
            await self.thawed.wait()
        return await self.inner.pages(service, operation, *words, **parameters)


def candidate(world, name):
    timing = Timing(duration=15, deadline=10, retry=0)
    return Leadership(world.kubernetes, world.clock, ref=LEASE, identity=name, timing=timing)


def led_by(world, leader, aws):
    return world.operator(aws=LeaderAws(aws, leader), http=LeaderHttp(world.http, leader))


async def frozen_while_another_deletes(world, leader, other):
    """Freeze the leader before its first write; the other takes over and ends the store."""
    await leader.try_once()
    aws = Frozen(world.fake_aws)
    stale = asyncio.create_task(led_by(world, leader, aws).reconcile(REF))
    await aws.reached.wait()
    await other.try_once()
    world.clock.advance(15)
    assert await other.try_once()
    await world.kubernetes.delete(REF)
    world.reconciler = led_by(world, other, world.fake_aws)
    await world.settle()
    assert world.store is None
    aws.thawed.set()
    await asyncio.gather(stale, return_exceptions=True)
    return stale.exception()


async def test_a_leader_that_wakes_up_after_its_lease_makes_nothing_for_a_store_that_is_gone():
    world = StoreWorld()
    await world.apply()
    stopped = await frozen_while_another_deletes(
        world, candidate(world, "a"), candidate(world, "b")
    )
    assert isinstance(stopped, OperatorError)
    assert world.aws.queues == world.aws.secrets == world.cafe.stores == world.cafe.menus == {}


async def test_without_the_fence_it_would():
    world = StoreWorld()
    await world.apply()
    careless = candidate(world, "a")
    careless.confirm = lambda: None
    await frozen_while_another_deletes(world, careless, candidate(world, "b"))
    assert QUEUE in world.aws.queues
    found, missed = swept(world)  # and even then it is found
    assert missed == set()
    assert SECRET in {one.name for one in found}


@pytest.mark.parametrize("seconds", [DAY, -DAY, 3600, -3600])
@pytest.mark.parametrize("after_rounds", range(4))
async def test_a_clock_that_jumps_doubles_nothing_and_the_proof_stays_fresh(seconds, after_rounds):
    world = StoreWorld()
    await world.apply()
    for _ in range(after_rounds):
        after = await world.reconcile()
        world.clock.advance(min(after, 1.0))
    world.clock.jump(seconds)
    await world.settle_for(60)
    assert world.condition("Ready")[0] == "True"
    assert len(world.cafe.orders) <= 2
    assert await busy_at_rest(world) == []
    bought = len(world.cafe.orders)
    await world.settle_for(1500)  # it is proved again, not only after the clock has caught up
    assert bought < len(world.cafe.orders) <= bought + 3
    assert doubled(world) == []


async def test_a_jump_over_the_closing_time_closes_the_store_at_the_next_look():
    world = StoreWorld()
    await world.apply(hours=[{"open": "08:00", "close": "18:00"}])
    await world.settle()
    world.clock.jump(10 * 3600)
    await world.settle_for(700)
    assert not world.cafe.stores["default.corner"]["acceptingOrders"]
    world.clock.jump(-10 * 3600)
    await world.settle_for(700)
    assert world.cafe.stores["default.corner"]["acceptingOrders"]
