"""The master game day: the scenarios, in order, with a yes before each."""

from pathlib import Path

import yaml
from cloudcafe_operator.faults.registry import faults
from cloudcafe_operator.generate_gameday import build
from cloudcafe_operator.planning.checks import refusals
from cloudcafe_operator.planning.findings import Findings
from cloudcafe_operator.resources.common import parse
from cloudcafe_operator.resources.experiment import ExperimentSpec

from tests.crash.engines import Engine, all_finished
from tests.crash.worlds import World, experiment

ROOT = Path(__file__).parents[3]
DAY = ROOT / "chaos/gamedays/master-chaos.yaml"
FILES = [ROOT / "chaos/experiments" / name for name in sorted(
    path.name for path in (ROOT / "chaos/experiments").glob("*.yaml") if path.name < "11"
)]  # fmt: skip


def scenario(name, fault, **changes):
    made = experiment(fault, name, **changes)
    made["spec"]["hypothesis"] = f"Guests survive {name}."
    return made


def test_it_is_the_scenarios_up_to_ten_in_their_order():
    day = yaml.safe_load(DAY.read_text())
    steps = day["spec"]["steps"]
    for path, step in zip(FILES, steps, strict=True):
        spec = yaml.safe_load(path.read_text())["spec"]
        assert step["name"] == path.stem[3:]
        assert step["faults"] == spec["steps"][0]["faults"]
    assert ["approval" in step for step in steps] == [False] + [True] * (len(steps) - 1)


def test_the_operator_understands_it_and_the_time_suffices():
    spec = parse(ExperimentSpec, yaml.safe_load(DAY.read_text())["spec"])
    for step in spec.steps:
        for entry in step.faults:
            parse(faults()[entry.fault].spec_type, entry.arguments, where=entry.fault)
    found = refusals(Findings(spec=spec, namespace="cloudcafe", slots=()))
    assert found == ()


def test_what_one_scenario_needs_the_day_has():
    first = scenario("one", "podKill", consent=["elasticacheFlush"])
    second = scenario("two", "podKill", limits={"maxTargets": 4, "maxPercent": 80})
    spec = build([first, second])["spec"]
    assert "elasticacheFlush" in spec["consent"]
    assert (spec["limits"]["maxTargets"], spec["limits"]["maxPercent"]) == (4, 80)
    assert [probe["name"] for probe in spec["steadyState"]["probes"]] == ["menu", "coffee", "books"]
    assert spec["steps"][1]["approval"]["message"] == "Next is two. Guests survive two."


def test_a_probe_that_means_something_else_is_called_after_its_scenario():
    other = scenario("two", "podKill")
    other["spec"]["steadyState"]["probes"][0]["http"]["url"] = "http://elsewhere"
    day = build([scenario("one", "podKill"), other, scenario("three", "podKill"), other])
    probes = {one["name"]: one for one in day["spec"]["steadyState"]["probes"]}
    assert list(probes) == ["menu", "coffee", "menu-two", "books"]
    assert probes["menu-two"]["http"]["url"] == "http://elsewhere"


async def test_a_day_waits_for_each_yes_and_passes():
    day = build([scenario("kill", "podKill"), scenario("slow", "dynamodbThrottle")])
    probes = day["spec"]["steadyState"]["probes"]
    day["spec"]["steadyState"]["probes"] = [one for one in probes if one["name"] != "books"]
    world = World()
    day["metadata"]["namespace"] = "shop"
    world.kubernetes.seed(day)
    engine = Engine(world)
    for _ in range(90):
        await engine.tick()
        if world.runs() and world.runs()[0].get("status", {}).get("phase") == "Approving":
            item = world.kubernetes.find("ChaosExperiment", "master-chaos", "shop")
            item["metadata"]["annotations"] = {
                "cloudcafe.dev/approved": f"{world.runs()[0]['metadata']['name']}/slow"
            }
            world.kubernetes._store(item, "MODIFIED")
        if all_finished(world):
            break
        world.clock.advance(1.0)
    status = world.runs()[0]["status"]
    assert status["verdict"] == "Passed", status["message"]
    assert [step["name"] for step in status["steps"]] == ["kill", "slow"]
