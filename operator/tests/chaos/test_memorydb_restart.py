"""memorydbRestart: what only this fault knows."""

import pytest
from cloudcafe_operator.errors import Retry, UserError
from cloudcafe_operator.faults.memorydb_restart import MemorydbRestart

from tests.crash.bench import Bench

CALLED = "FailoverShard API called for shard 0001"


def bench(**changes):
    made = Bench(MemorydbRestart(), **changes)
    return made, made.world.parts["memorydb"]


async def test_chooses_the_shard_that_has_a_replica():
    made, _ = bench()
    assert (await made.entry()).captured["shard"] == "0001"


async def test_refuses_a_shard_without_a_replica_and_one_that_does_not_exist():
    with pytest.raises(UserError, match="no shard of it has a replica to promote: add one"):
        await bench(shard="0002")[0].entry()
    with pytest.raises(UserError, match="no shard 0009: choose one of 0001, 0002"):
        await bench(shard="0009")[0].entry()


async def test_refuses_a_cluster_that_is_busy():
    made, cluster = bench()
    cluster.status = "updating"
    with pytest.raises(UserError, match="is updating: wait until it is available"):
        await made.entry()


async def test_refuses_when_the_days_failovers_are_used_up_on_whichever_cluster():
    made, cluster = bench()
    for number in range(5):
        cluster.note(CALLED, "cloudcafe" if number % 2 else "another")
        made.world.clock.advance(60)
    with pytest.raises(UserError, match=r"5 failovers .* used up: wait until the oldest"):
        await made.entry()


async def test_earlier_failovers_and_those_of_other_clusters_are_not_taken_for_ours():
    made, cluster = bench()
    cluster.note(CALLED)
    made.world.clock.advance(60)
    entry = await made.entry()
    cluster.note(CALLED, "another")
    assert not await made.in_force(entry)
    await made.inject(entry)
    assert (cluster.failovers, await made.in_force(entry)) == (1, True)


async def test_after_a_crash_the_failover_under_way_is_found_in_the_events():
    made, cluster = bench()
    entry = await made.entry()
    cluster.fail_over("cloudcafe", "0001")
    assert await made.inject(entry) == {"already": True}
    assert cluster.failovers == 1


async def test_whole_again_only_after_the_promotion():
    made, _ = bench()
    entry = await made.entry()
    await made.inject(entry)
    assert not await made.fault.healthy(entry, made.reach)
    made.world.clock.advance(10)
    assert await made.fault.healthy(entry, made.reach)


async def test_waits_with_injection_and_undo_while_the_cluster_is_busy():
    made, cluster = bench()
    entry = await made.entry()
    cluster.status = "updating"
    for act in (made.inject, made.revert):
        with pytest.raises(Retry, match="is updating"):
            await act(entry)


async def test_a_cluster_that_is_gone_is_undone():
    made, cluster = bench()
    entry = await made.entry()
    cluster.gone = True
    assert (await made.revert(entry)).detail == "the cluster is gone"
    assert await made.verify(entry)
