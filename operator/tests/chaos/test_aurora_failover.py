"""auroraFailover: what only this fault knows."""

import pytest
from cloudcafe_operator.errors import Retry, UserError
from cloudcafe_operator.faults.aurora_failover import AuroraFailover

from tests.crash.bench import Bench
from tests.crash.engines import all_finished, drive
from tests.crash.worlds import FAULTS, World, experiment


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


async def failed_back(hold):
    """Drive a run that gives the writer its role back; return the world and the run's status."""
    world = World()
    fault = {"auroraFailover": {**FAULTS["auroraFailover"], "failBack": True}}
    step = {"name": "away", "hold": hold, "recovery": {"within": "60s"}, "faults": [fault]}
    world.kubernetes.seed(experiment("auroraFailover", steps=[step]))
    await drive(world, until=all_finished, ticks=300)
    (run,) = world.runs()
    return world, run["status"]


async def test_the_way_back_is_no_part_of_the_recovery_from_the_failover():
    world, status = await failed_back(hold="70s")
    assert status["verdict"] == "Passed", status["message"]
    measures = status["steps"][0]["measures"]
    assert measures["recoveredAfter"] < 10
    assert measures["outage"] < 10
    assert measures["badSeconds"] > measures["outage"]  # the way back hurt as well
    assert (world.aurora.failovers, world.aurora.writer) == (2, "cloudcafe-1")


async def test_a_way_back_before_the_recovery_is_one_outage_with_the_failover():
    _, status = await failed_back(hold="1s")
    assert status["verdict"] == "Passed", status["message"]
    measures = status["steps"][0]["measures"]
    assert measures["recoveredAfter"] >= 8  # two failovers of four seconds each


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
