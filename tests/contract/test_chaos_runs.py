"""`cafectl` reads what the operator really stores: both sides on one run of the engine."""

import pytest
from cafectl.chaos import explain
from cafectl.chaos.history import compare
from cafectl.chaos.page import page
from cafectl.chaos.samples import decode
from cafectl.chaos.story import story
from cafectl.chaos.view import read
from cloudcafe_operator.planning import samples
from cloudcafe_operator.planning.verdict import ABORTS

from tests.crash.engines import all_finished, drive
from tests.crash.worlds import World, experiment


async def finished(fault, **changes):
    world = World()
    world.kubernetes.seed(experiment(fault, **changes))
    await drive(world, until=all_finished)
    return read(world.runs()[0])


def test_samples_are_read_as_the_operator_writes_them():
    seen = [
        samples.Sample(1.25, "good", 12),
        samples.Sample(2.5, "refused", 0),
        samples.Sample(3.0, "delayed", 2100),
    ]
    (log,) = samples.encode({"coffee": seen})
    assert [(one.at, one.result, one.milliseconds) for one in decode(log.samples)] == [
        (one.at, one.result, one.milliseconds) for one in seen
    ]


@pytest.mark.parametrize("fault", ["auroraFailover", "dynamodbThrottle", "podPartition"])
async def test_a_run_of_the_engine_is_a_story_and_a_page(fault):
    run = await finished(fault)
    words = [one.word for one in story(run)]
    ends = "Inconclusive" if fault == "podPartition" else "Passed"  # here no probe notices it
    for word in ("Started", "Injecting", "InForce", "Undoing", "Reverted", "Recovered", ends):
        assert word in words
    assert run.probes[0].samples
    assert f"{fault}" in page(run, compare([run]))


async def test_a_refusal_of_the_engine_is_explained():
    run = await finished("podKill", limits={"maxTargets": 1, "maxPercent": 1})
    lines = explain.verdict(run)
    assert any(line.startswith("TooLargeShare: limits.maxPercent") for line in lines)


def test_each_reason_to_abort_is_explained():
    assert all(explain.explain(reason) for reason in ABORTS)
