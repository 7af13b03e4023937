"""elasticacheFlush: what only this fault knows."""

import pytest
from cloudcafe_operator.errors import UserError
from cloudcafe_operator.faults.elasticache_flush import ElasticacheFlush
from cloudcafe_operator.kinds import PODS

from tests.crash.bench import Bench


def bench(**changes):
    made = Bench(ElasticacheFlush(), **changes)
    return made, made.world.parts["elasticache"]


async def test_recovered_is_the_asked_share_of_the_hit_ratio_that_was():
    made, cache = bench(recoveredPercent=50)
    entry = await made.entry()
    assert entry.captured["wantedRatio"] == pytest.approx(0.45)
    await made.inject(entry)
    assert not await made.fault.healthy(entry, made.reach)
    made.world.clock.advance(3)
    assert await made.fault.healthy(entry, made.reach)
    cache.requests = 0
    assert not await made.fault.healthy(entry, made.reach)


async def test_guests_may_be_with_another_replica_than_the_first():
    made, cache = bench()
    for number in (1, 2):
        await made.world.kubernetes.create(
            PODS,
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {
                    "name": f"menu-{number}",
                    "namespace": made.reach.namespace,
                    "labels": {"app.kubernetes.io/name": "menu"},
                },
                "status": {"phase": "Running", "podIP": f"10.0.0.{number}"},
            },
        )
    cache.idle_pods = {"10.0.0.1"}
    entry = await made.entry()
    await made.inject(entry)
    made.world.clock.advance(3)
    assert await made.fault.healthy(entry, made.reach)


async def test_a_cache_that_nobody_asked_before_has_to_hit_as_if_it_always_had():
    made, cache = bench()
    cache.requests = 0
    assert (await made.entry()).captured["wantedRatio"] == pytest.approx(0.8)


async def test_a_group_whose_service_keeps_its_copies_elsewhere_is_refused():
    made, cache = bench()
    cache.host = "primary.other.abc.euw1.cache.amazonaws.com"
    with pytest.raises(UserError, match="keeps its copies at primary"):
        await made.entry()


async def test_a_clustered_group_is_known_by_its_configuration_endpoint():
    made, cache = bench()
    cache.host = "clustercfg.cloudcafe.abc.euw1.cache.amazonaws.com"
    group = {"Status": "available", "ConfigurationEndpoint": {"Address": cache.host}}
    made.world.aws.on(
        "elasticache",
        "describe_replication_groups",
        lambda ReplicationGroupId: {"ReplicationGroups": [group]},
    )
    assert (await made.entry()).captured["service"] == "menu"


async def test_a_cache_of_the_embedded_tier_has_no_endpoint_to_compare():
    made, cache = bench()
    cache.host = "redis-menu"
    assert (await made.entry()).captured["service"] == "menu"


async def test_somebody_elses_flush_is_not_taken_for_ours():
    made, cache = bench()
    entry = await made.entry()
    cache.answer("POST", "/cache/flush", "", {"by": "run/another"})
    assert not await made.in_force(entry)
    await made.inject(entry)
    assert (cache.flushed_by, cache.flushes) == ("run/run-uid", 2)


async def test_refuses_a_group_that_is_busy():
    made, cache = bench()
    cache.status = "modifying"
    with pytest.raises(UserError, match="the group is modifying: wait"):
        await made.entry()


async def test_refuses_a_service_that_is_none_of_the_cafes():
    with pytest.raises(UserError, match="bakery is no service of the cafe"):
        await bench(service="bakery")[0].entry()


def test_it_says_that_it_cannot_be_undone_and_how_recovery_is_recognised():
    assert "cannot be undone" in ElasticacheFlush.irreversible
    assert "hit ratio" in ElasticacheFlush.irreversible
