"""Steps follow one another, each after the recovery from the one before; a step's faults do not."""

from datetime import datetime

import pytest
from cloudcafe_operator.errors import Unavailable

from tests.crash.engines import Engine, all_finished, drive
from tests.crash.worlds import FAULTS, World, experiment, experiment_spec

SLOW, KILL = (
    {name: FAULTS[name], "mode": "one"} for name in ("dynamodbThrottle", "auroraFailover")
)


def step(name, *faults, hold="5s", within="30s"):
    return {"name": name, "faults": [*faults], "hold": hold, "recovery": {"within": within}}


def world_with(*steps):
    world = World()
    world.kubernetes.seed(experiment("dynamodbThrottle", steps=[*steps]))
    return world


def status(world):
    return (world.runs() or [{}])[0].get("status", {})


def moment(text):
    return datetime.fromisoformat(text)


async def seen(world, ticks=120):
    """Drive a run to its end; return what was in force together at each moment."""
    engine, together = Engine(world), []
    for _ in range(ticks):
        await engine.tick()
        journal = status(world).get("journal", [])
        held = [one["fault"] for one in journal if one["state"] == "Injected"]
        together.append(sorted(held))
        if all_finished(world):
            engine.bury()
            return together
        world.clock.advance(1.0)
    raise AssertionError(world.runs())


async def test_the_faults_of_a_step_are_in_force_together():
    world = world_with(step("both", SLOW, KILL))
    assert ["auroraFailover", "dynamodbThrottle"] in await seen(world)
    assert status(world)["verdict"] == "Passed", status(world)["message"]


async def test_a_step_begins_after_the_recovery_from_the_one_before():
    world = world_with(step("first", SLOW), step("second", KILL))
    together = await seen(world)
    assert [one for one in together if len(one) > 1] == []
    assert status(world)["verdict"] == "Passed", status(world)["message"]
    first, second = status(world)["steps"]
    ends = [first["injectedAt"], first["undoneAt"], first["recoveredAt"], second["injectedAt"]]
    assert sorted(ends, key=moment) == ends
    assert second["recoveredAt"]


async def test_nothing_more_is_broken_where_users_are_not_served_again():
    world = world_with(step("first", SLOW, within="3s"), step("second", KILL))
    answers = world.http._hosts["order:8080"]

    def never_again(*request):
        return (503, None) if world.table.lowered else answers(*request)

    world.http.mount("order:8080", never_again)
    before = world.table.state()
    await drive(world, until=all_finished)
    assert status(world)["verdict"] == "Failed"
    assert "step first: users were not served again" in status(world)["message"]
    assert world.injections()["auroraFailover"] == 0
    assert world.table.state() == before


async def test_a_fault_whose_call_was_accepted_without_effect_is_inconclusive_and_named():
    world = world_with(step("break", SLOW))
    world.aws.on("dynamodb", "update_table", lambda **_: {})
    await drive(world, until=all_finished)
    assert status(world)["verdict"] == "Inconclusive"
    assert "dynamodbThrottle was never seen in force on" in status(world)["message"]


async def test_a_run_measures_all_that_a_fault_did_to_users():
    world = world_with(step("break", SLOW))
    menu, before = world.http._hosts["menu:8080"], world.table.state()

    def slowly(*request):
        world.clock.advance(0.05 if world.table.state() == before else 0.2)
        return menu(*request)

    world.http.mount("menu:8080", slowly)
    await drive(world, until=all_finished)
    (found,) = (one["measures"] for one in status(world)["steps"])
    for name in ("inForceAfter", "noticedAfter", "recoveredAfter", "undoneAfter"):
        assert found[name] is not None, name
    assert found["before"]["failedPercent"] == found["after"]["failedPercent"] == 0
    assert found["during"]["failedPercent"] > 0
    for share in ("p50Milliseconds", "p99Milliseconds"):
        assert found["before"][share] < found["during"][share] > found["after"][share]
    assert found["ordersRefused"] > 0
    assert found["budgetBurntPercent"] > 0


@pytest.mark.parametrize(
    ("every", "baseline", "within"),
    [("10s", "5s", "60s"), ("30s", "2m", "60s")],
)
async def test_probes_that_are_asked_seldom_are_waited_for(every, baseline, within):
    spec = experiment_spec("dynamodbThrottle")
    probes = [probe | {"every": every} for probe in spec["steadyState"]["probes"]]
    steady = {"baseline": baseline, "probes": probes}
    world = World()
    world.kubernetes.seed(
        experiment("dynamodbThrottle", steadyState=steady, steps=[step("x", SLOW, within=within)])
    )
    await drive(world, until=all_finished, ticks=600)
    assert status(world)["verdict"] == "Passed", status(world)["message"]


async def test_a_guard_that_answers_late_is_waited_for():
    spec = experiment_spec("dynamodbThrottle")
    guard = {"name": "alarm", "timeout": "30s", "measured": False, "cloudwatch": {"alarm": "a"}}
    steady = {"baseline": "3s", "probes": [*spec["steadyState"]["probes"], guard]}
    stop = [{"probe": "alarm", "failingFor": "10s"}]
    world = World()
    begun = world.clock.monotonic()

    def alarms(**_):
        if world.clock.monotonic() - begun < 20.0:
            raise Unavailable("no answer yet")
        return {"MetricAlarms": [{"AlarmName": "a", "StateValue": "OK"}], "CompositeAlarms": []}

    world.aws.on("cloudwatch", "describe_alarms", alarms)
    world.kubernetes.seed(experiment("dynamodbThrottle", steadyState=steady, stopWhen=stop))
    await drive(world, until=all_finished, ticks=200)
    assert status(world)["verdict"] == "Passed", status(world)["message"]


async def test_a_guard_that_is_asked_seldom_keeps_no_failed_run_waiting():
    spec = experiment_spec("dynamodbThrottle")
    guard = {"name": "alarm", "every": "2m", "measured": False, "cloudwatch": {"alarm": "a"}}
    steady = {"baseline": "3s", "probes": [*spec["steadyState"]["probes"], guard]}
    stop = [{"probe": "alarm", "failingFor": "10s"}]
    world = World()
    alarm = {"AlarmName": "a", "StateValue": "OK"}
    found = {"MetricAlarms": [alarm], "CompositeAlarms": []}
    world.aws.on("cloudwatch", "describe_alarms", lambda **_: found)
    world.kubernetes.seed(experiment("dynamodbThrottle", steadyState=steady, stopWhen=stop))
    engine = Engine(world)
    while status(world).get("phase") != "Holding":
        await engine.tick()
        world.clock.advance(1.0)
    world.http.unmount("order:8080")
    engine.bury()
    await drive(world, until=all_finished, ticks=120)
    assert status(world)["verdict"] == "Failed", status(world)["message"]
