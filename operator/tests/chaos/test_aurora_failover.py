"""auroraFailover: what only this fault knows."""

import pytest
from cloudcafe_operator.errors import Retry, UserError
from cloudcafe_operator.faults.aurora_failover import AuroraFailover

from tests.crash.bench import Bench
from tests.crash.engines import Engine, all_finished, drive
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


class Slow:
    """Shows a failover only some seconds after it has taken the call."""

    def __init__(self, world, seconds):
        self.world, self.seconds, self.asked = world, seconds, []
        world.aws.on("rds", "describe_db_clusters", self.describe)
        world.aws.on("rds", "failover_db_cluster", self.failover)

    def failover(self, **asked):
        self.asked.append((self.world.clock.monotonic() + self.seconds, asked))
        return {"DBCluster": {}}

    def describe(self, **asked):
        while self.asked and self.asked[0][0] <= self.world.clock.monotonic():
            self.world.aurora.failover(**self.asked.pop(0)[1])
        return self.world.aurora.describe(**asked)


async def halted_at_once(*, fail_back):
    """Pull the lever as soon as the call was made; return the world and its run's status."""
    world = World()
    fault = {"auroraFailover": {**FAULTS["auroraFailover"], "failBack": fail_back}}
    step = {"name": "away", "hold": "4s", "recovery": {"within": "60s"}, "faults": [fault]}
    world.kubernetes.seed(experiment("auroraFailover", steps=[step]))
    slow, engine = Slow(world, 3.0), Engine(world)
    while not slow.asked:
        await engine.tick()
        world.clock.advance(0.5)
    world.halt()
    engine.bury()
    await drive(world, until=all_finished)
    return world, world.runs()[0]["status"], slow


async def test_a_writer_gets_its_role_back_though_the_failover_shows_only_after_the_halt():
    world, status, slow = await halted_at_once(fail_back=True)
    assert [one["state"] for one in status["journal"]] == ["Reverted"]
    assert (slow.asked, world.aurora.failovers, world.aurora.writer) == ([], 2, "cloudcafe-1")


async def test_an_undo_that_gives_nothing_back_is_believed_at_once():
    _, status, slow = await halted_at_once(fail_back=False)
    assert [one["state"] for one in status["journal"]] == ["Reverted"]
    assert slow.asked


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
