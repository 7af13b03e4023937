"""Users who must be served again while the fault is still in force, as in a zone that is away."""

from pathlib import Path

import pytest
import yaml
from cloudcafe_operator.planning.checks import refusals
from cloudcafe_operator.planning.findings import Findings
from cloudcafe_operator.resources.experiment import ExperimentSpec

from tests.crash.engines import Engine, all_finished
from tests.crash.worlds import World, experiment, experiment_spec

ROOT = Path(__file__).parents[3]
SCENARIO = yaml.safe_load((ROOT / "chaos/experiments/02-az-network-partition.yaml").read_text())
DAY = yaml.safe_load((ROOT / "chaos/gamedays/master-chaos.yaml").read_text())
ALWAYS = ("Holding", "Reverting")


def shipped(item):
    step = SCENARIO["spec"]["steps"][0]
    item["spec"]["steps"][0] |= {name: step[name] for name in ("hold", "recovery")}
    item["spec"]["limits"] |= {"maxPercent": 100}
    return item


async def cut_off(*, seconds=None, undo_disturbs=False, item=None):
    """Run it; nobody is served for so many seconds of it, or for all of its time in force."""
    world = World()
    world.kubernetes.seed(item or shipped(experiment("azNetworkPartition")))
    route, engine, held, undone = world.http._hosts["order:8080"], Engine(world), 0, 0

    def is_served(phase):
        if seconds is None:
            return phase not in ALWAYS
        return not 0 < held <= seconds and not (undo_disturbs and 0 < undone <= 2)

    for _ in range(200):
        await engine.tick()
        status = (world.runs() or [{}])[0].get("status", {})
        held += status.get("phase") == "Holding"
        undone += status.get("phase") == "Recovering"
        if is_served(status.get("phase")):
            world.http.mount("order:8080", route)
        else:
            world.http.unmount("order:8080")
        if all_finished(world):
            break
        world.clock.advance(1.0)
    return status


async def test_who_is_served_only_by_the_undo_was_not_served_in_time():
    status = await cut_off()
    assert status["verdict"] == "Failed"
    assert "users were served again after 1m1" in status["message"]
    assert status["steps"][0]["measures"]["recoveredAfter"] >= 70


async def test_recovery_counts_from_the_injection():
    status = await cut_off(seconds=30)
    measured = status["steps"][0]["measures"]
    assert status["verdict"] == "Passed", status["message"]
    assert measured["recoveredAfter"] == 31
    assert measured["outage"] == 30


async def test_what_the_undo_disturbs_is_no_part_of_a_recovery_before_it():
    status = await cut_off(seconds=30, undo_disturbs=True)
    measured = status["steps"][0]["measures"]
    assert (status["verdict"], measured["recoveredAfter"]) == ("Passed", 31)
    assert measured["badSeconds"] == 32


async def test_who_was_served_all_the_time_is_measured_from_the_undo_of_its_targets():
    status = await cut_off(seconds=0)
    assert status["verdict"] == "Passed", status["message"]
    assert "no probe noticed the fault" in status["message"]
    assert status["steps"][0]["measures"]["recoveredAfter"] < 10


async def test_without_it_the_undo_is_a_recovery():
    item = shipped(experiment("azNetworkPartition"))
    item["spec"]["steps"][0]["recovery"] = {"within": "60s"}
    assert (await cut_off(item=item))["verdict"] == "Passed"


@pytest.mark.parametrize(("hold", "refused"), [("59s", True), ("60s", False)])
def test_a_hold_that_is_too_short_for_it_is_refused(hold, refused):
    spec = experiment_spec("podKill")
    spec["steps"][0] |= {"hold": hold, "recovery": {"within": "60s", "whileInForce": True}}
    found = refusals(Findings(spec=ExperimentSpec.model_validate(spec), namespace="shop", slots=()))
    assert ("HoldTooShort" in [one.reason for one in found]) == refused


def test_the_scenario_and_the_game_day_promise_what_the_hypothesis_says():
    assert "while it is still away" in SCENARIO["spec"]["hypothesis"]
    (step,) = [one for one in DAY["spec"]["steps"] if one["name"] == "az-network-partition"]
    for one in (SCENARIO["spec"]["steps"][0], step):
        assert one["recovery"] == {"within": "60s", "whileInForce": True}
