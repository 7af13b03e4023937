"""The Aurora consequence against fakes: what it does to members, status and connections."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from localaws.consequences.aurora_failover import AuroraFailover
from localaws.world import ClusterKey

from localaws.tests.fakes import FakeClock, FakeClusters, FakeToxiproxy, request, world

CAFE = ClusterKey("000000000000", "eu-west-1", "cloudcafe")
OTHER = ClusterKey("000000000000", "eu-west-1", "other")


class Stage:
    """A cluster of two, `a` writing, behind a proxy; failovers last six seconds."""

    def __init__(self, *, toxiproxy=True):
        self.clock = FakeClock()
        self.clusters = FakeClusters({CAFE: ["a", "available"], OTHER: ["a", "available"]})
        self.toxiproxy = FakeToxiproxy() if toxiproxy else None
        self.subject = AuroraFailover(world(self.clock, self.clusters), self.toxiproxy)

    async def fail_over(self, key=CAFE, name=None):
        body = f"Action=FailoverDBCluster&DBClusterIdentifier={name or key.identifier}".encode()
        asked = request("rds", "FailoverDBCluster", body)
        return await self.subject.answer(asked, self.clusters.fail_over(key))

    async def after(self, seconds):
        self.clock.now += seconds
        return await self.subject.tick()


async def test_connections_are_cut_before_the_call_returns():
    stage = Stage()
    await stage.fail_over()
    assert stage.toxiproxy.enabled is False


async def test_the_answer_shows_the_old_writer_and_so_does_the_cluster():
    stage = Stage()
    reply = await stage.fail_over()
    assert b">a</DBInstanceIdentifier>\n <IsClusterWriter>true<" in reply.body
    assert b">b</DBInstanceIdentifier>\n <IsClusterWriter>false<" in reply.body
    assert stage.clusters.held[CAFE] == ["a", "failing-over"]


async def test_the_new_writer_shows_while_connections_are_still_refused():
    stage = Stage()
    await stage.fail_over()
    await stage.after(3)
    assert stage.clusters.held[CAFE] == ["b", "failing-over"]
    assert stage.toxiproxy.enabled is False


async def test_connections_and_status_come_back_together():
    stage = Stage()
    await stage.fail_over()
    await stage.after(6)
    assert stage.clusters.held[CAFE] == ["b", "available"]
    assert stage.toxiproxy.enabled is True
    assert stage.subject.state() == {"writerEndpoint": "serving", "failingOver": {}}


async def test_events_tell_begin_and_end():
    stage = Stage()
    await stage.fail_over()
    await stage.after(6)
    assert stage.clusters.events == [
        "Started failover to DB instance: b",
        "Completed failover to DB instance: b",
    ]


async def test_a_second_failover_is_refused_and_does_not_prolong_the_first():
    stage = Stage()
    await stage.fail_over()
    await stage.after(3)
    reply = await stage.fail_over()
    assert b"InvalidDBClusterStateFault" in reply.body
    await stage.after(3)
    assert stage.toxiproxy.enabled is True


async def test_failing_over_and_back_restores_the_first_writer():
    stage = Stage()
    for expected in ("b", "a"):
        await stage.fail_over()
        await stage.after(6)
        assert stage.clusters.held[CAFE] == [expected, "available"]


async def test_the_identifier_is_not_case_sensitive_and_may_be_an_arn():
    for name in ("CloudCafe", "arn:aws:rds:eu-west-1:000000000000:cluster:cloudcafe"):
        stage = Stage()
        await stage.fail_over(name=name)
        assert stage.toxiproxy.enabled is False


async def test_another_cluster_does_not_cut_the_cafe():
    stage = Stage()
    await stage.fail_over(OTHER)
    assert stage.clusters.held[OTHER] == ["a", "failing-over"]
    assert stage.toxiproxy.enabled is True
    await stage.after(6)
    assert stage.clusters.held[OTHER] == ["b", "available"]


async def test_a_restarted_toxiproxy_is_cut_again():
    stage = Stage()
    await stage.fail_over()
    stage.toxiproxy.restart()
    await stage.after(1)
    assert stage.toxiproxy.enabled is False


async def test_a_restarted_localaws_lets_connections_back():
    stage = Stage()
    await stage.fail_over()
    fresh = AuroraFailover(world(stage.clock, stage.clusters), stage.toxiproxy)
    await fresh.tick()
    assert stage.toxiproxy.enabled is True


async def test_an_unreachable_toxiproxy_is_said_and_made_up_for():
    stage = Stage()
    stage.toxiproxy.reachable = False
    await stage.fail_over()
    assert stage.subject.state()["writerEndpoint"] == "unreachable, should be cut"
    stage.toxiproxy.reachable = True
    await stage.after(1)
    assert stage.toxiproxy.enabled is False


async def test_without_toxiproxy_only_the_state_moves():
    stage = Stage(toxiproxy=False)
    await stage.fail_over()
    assert "state only" in stage.subject.state()["writerEndpoint"]
    await stage.after(6)
    assert stage.clusters.held[CAFE] == ["b", "available"]


async def test_a_cluster_deleted_meanwhile_ends_its_failover():
    stage = Stage()
    await stage.fail_over()
    del stage.clusters.held[CAFE]
    await stage.after(6)
    assert stage.toxiproxy.enabled is True


async def test_it_asks_to_be_called_when_the_next_phase_is_due():
    stage = Stage()
    await stage.fail_over()
    assert await stage.after(2.5) == pytest.approx(0.5)
    assert await stage.after(0.5) == 1


steps = st.lists(
    st.one_of(
        st.just("fail over"),
        st.just("restart"),
        st.just("lose"),
        st.just("find"),
        st.floats(min_value=0, max_value=8),
    ),
    max_size=25,
)


@given(steps)
def test_whatever_happens_connections_follow_the_status_and_heal(sequence):
    async def play():
        stage = Stage()
        for step in sequence:
            if step == "fail over":
                await stage.fail_over()
            elif step == "restart":
                stage.toxiproxy.restart()
            elif isinstance(step, str):
                stage.toxiproxy.reachable = step == "find"
            else:
                await stage.after(step)
            await stage.subject.tick()
            if stage.toxiproxy.reachable:
                status = stage.clusters.held[CAFE][1]
                assert stage.toxiproxy.enabled == (status == "available")
        stage.toxiproxy.reachable = True
        await stage.after(6.001)  # sums of fractions may fall short of six by their rounding
        assert stage.toxiproxy.enabled is True
        assert stage.clusters.held[CAFE][1] == "available"

    asyncio.run(play())
