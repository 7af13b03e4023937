"""Leader election: one leader, taken over when silent, given back when stopped."""

import asyncio

import pytest
from cloudcafe_operator.effects.lease import Leadership, LeaseLost, Timing
from cloudcafe_operator.errors import Retry, Unavailable
from cloudcafe_operator.kinds import LEASES
from cloudcafe_operator.ports import Ref

from tests.fakes import FakeClock, FakeKubernetes

REF = Ref(LEASES, "cloudcafe-operator", "cloudcafe")
FAST = Timing(duration=15, deadline=10, retry=0)


@pytest.fixture
def server():
    return FakeKubernetes()


@pytest.fixture
def clock():
    return FakeClock()


def candidate(server, clock, name):
    return Leadership(server, clock, ref=REF, identity=name, timing=FAST)


async def test_only_one_candidate_leads(server, clock):
    assert await candidate(server, clock, "a").try_once()
    assert not await candidate(server, clock, "b").try_once()


async def test_a_silent_leader_is_replaced_after_the_lease_and_not_before(server, clock):
    await candidate(server, clock, "a").try_once()
    other = candidate(server, clock, "b")
    assert not await other.try_once()
    clock.advance(14)
    assert not await other.try_once()
    clock.advance(1)
    assert await other.try_once()
    lease = server.find("Lease", "cloudcafe-operator", "cloudcafe")
    assert lease["spec"]["holderIdentity"] == "b"
    assert lease["spec"]["leaseTransitions"] == 1


async def test_a_leader_is_sure_only_as_long_as_nobody_else_can_take_over(server, clock):
    leader, other = candidate(server, clock, "a"), candidate(server, clock, "b")
    with pytest.raises(Retry):
        leader.confirm()
    await leader.try_once()
    await other.try_once()
    clock.advance(14.9)
    leader.confirm()
    clock.advance(0.1)
    with pytest.raises(Retry):
        leader.confirm()
    assert await other.try_once()
    other.confirm()
    assert not await leader.try_once()
    with pytest.raises(Retry):
        leader.confirm()


async def test_a_leader_that_renews_stays(server, clock):
    leader, other = candidate(server, clock, "a"), candidate(server, clock, "b")
    await leader.try_once()
    for _ in range(10):
        clock.advance(10)
        await leader.try_once()
        assert not await other.try_once()


async def test_a_released_lease_is_free_at_once(server, clock):
    leader = candidate(server, clock, "a")
    await leader.acquire()
    await leader.release()
    assert await candidate(server, clock, "b").try_once()


async def test_releasing_leaves_another_leader_alone(server, clock):
    await candidate(server, clock, "a").try_once()
    await candidate(server, clock, "b").release()
    assert not await candidate(server, clock, "b").try_once()


async def test_holding_ends_when_another_took_over(server, clock):
    leader = candidate(server, clock, "a")
    await leader.acquire()
    await server.patch(REF, {"spec": {"holderIdentity": "b"}})
    with pytest.raises(LeaseLost, match="held by another"):
        await leader.hold()


async def test_holding_ends_when_the_api_server_is_silent_for_too_long(server, clock):
    leader = candidate(server, clock, "a")
    await leader.acquire()
    holding = asyncio.create_task(leader.hold())
    server.fail_next("get", *[Unavailable("no answer")] * 10_000)
    tries = server.count("get")
    for _ in range(100):
        await asyncio.sleep(0)
    assert server.count("get") > tries
    assert not holding.done()
    clock.advance(10)
    with pytest.raises(LeaseLost, match="not renewed in time"):
        await holding


async def test_two_candidates_never_both_take_an_abandoned_lease(server, clock):
    await candidate(server, clock, "a").try_once()
    others = [candidate(server, clock, name) for name in "bcd"]
    for one in others:
        await one.try_once()
    clock.advance(15)
    results = await asyncio.gather(*(one.try_once() for one in others))
    assert sum(results) == 1
