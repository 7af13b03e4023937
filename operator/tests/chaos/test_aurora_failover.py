"""auroraFailover: what only this fault knows."""

import pytest
from cloudcafe_operator.errors import Retry, UserError
from cloudcafe_operator.faults.aurora_failover import AuroraFailover

from tests.crash.bench import Bench


async def test_refuses_a_cluster_without_a_reader():
    bench = Bench(AuroraFailover())
    bench.world.aurora.members = ["cloudcafe-1"]
    with pytest.raises(UserError, match="no reader to promote: add an instance"):
        await bench.entry()


async def test_refuses_a_cluster_that_is_failing_over():
    bench = Bench(AuroraFailover())
    bench.world.aurora.failover("cloudcafe")
    with pytest.raises(UserError, match="failing-over: wait until it is available"):
        await bench.entry()


async def test_does_not_fail_over_a_cluster_whose_writer_moved_by_itself():
    bench = Bench(AuroraFailover())
    entry = await bench.entry()
    bench.world.aurora.writer = "cloudcafe-2"
    await bench.inject(entry)
    assert bench.writes() == []


async def test_waits_with_the_undo_until_the_cluster_is_available():
    bench = Bench(AuroraFailover())
    entry = await bench.entry()
    await bench.inject(entry)
    with pytest.raises(Retry, match="failing-over"):
        await bench.revert(entry)


async def test_fails_back_only_when_asked_and_then_once():
    bench = Bench(AuroraFailover(), failBack=True)
    entry = await bench.entry()
    await bench.inject(entry)
    bench.world.clock.advance(10)
    with pytest.raises(Retry, match="fails back to cloudcafe-1"):
        await bench.revert(entry)
    bench.world.clock.advance(10)
    assert (await bench.revert(entry)).outcome == "Reverted"
    assert bench.world.aurora.writer == "cloudcafe-1"
    assert bench.world.aurora.failovers == 2


async def test_says_diverged_when_the_former_writer_left_the_cluster():
    bench = Bench(AuroraFailover(), failBack=True)
    entry = await bench.entry()
    await bench.inject(entry)
    bench.world.clock.advance(10)
    bench.world.aurora.members = ["cloudcafe-2", "cloudcafe-3"]
    assert (await bench.revert(entry)).outcome == "Diverged"


@pytest.mark.parametrize(
    ("selector", "hit"),
    [
        ({"names": ["cloudcafe"]}, 1),
        ({"names": ["another"]}, 0),
        ({"tags": {"cloudcafe.dev/chaos": "forbidden"}}, 0),
        ({"arns": ["arn:aws:rds:eu-west-1:000000000000:cluster:cloudcafe"]}, 1),
        ({}, 0),
    ],
)
async def test_selects_by_name_tag_and_arn_and_never_everything(selector, hit):
    assert len(await Bench(AuroraFailover(), selector=selector).targets()) == hit


async def test_the_command_by_hand_names_cluster_and_writer():
    bench = Bench(AuroraFailover())
    command = bench.fault.by_hand(await bench.entry())
    assert "--db-cluster-identifier cloudcafe" in command
    assert command.endswith("cloudcafe-1")
