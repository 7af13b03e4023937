"""What the owner of a store allows: protected hours by its own clock, and how many runs at once."""

from datetime import UTC, datetime

import pytest
from cloudcafe_operator.errors import Unavailable
from cloudcafe_operator.planning.guards import Guard, Reach, guards, reach
from cloudcafe_operator.resources.run import Target

from tests.crash.engines import Engine, all_finished, drive
from tests.crash.worlds import NAMESPACE, TABLE_ARN, TAGS, World, experiment

RUSH = [{"start": "07:00", "end": "11:00"}]  # the worlds begin on a Sunday at 09:00 UTC


def store(chaos, *, name="soho", namespace=NAMESPACE, timezone="Europe/London"):
    return {
        "apiVersion": "cloudcafe.dev/v1alpha1",
        "kind": "CafeStore",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"city": "London", "timezone": timezone, "currency": "GBP", "chaos": chaos},
    }


def guard(hours, timezone="Europe/London") -> Guard:
    (found,) = guards([store({"protectedHours": hours}, timezone=timezone)])
    return found


def at(*parts):
    return datetime(2026, 3, *parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "zone", "now", "until"),
    [
        ([{"start": "07:00", "end": "11:00"}], "Europe/London", at(1, 9), at(1, 11)),
        ([{"start": "07:00", "end": "11:00"}], "Europe/London", at(1, 11), None),
        ([{"start": "07:00", "end": "11:00"}], "Asia/Tokyo", at(1, 9), None),
        ([{"start": "22:00", "end": "02:00"}], "Europe/London", at(1, 1), at(1, 2)),
        ([{"days": ["Mon"], "start": "07:00", "end": "11:00"}], "Europe/London", at(1, 9), None),
        ([{"days": ["Sun"], "start": "00:00", "end": "24:00"}], "Europe/London", at(1, 9), at(2)),
        (
            [{"start": "07:00", "end": "10:00"}, {"start": "09:00", "end": "12:00"}],
            "Europe/London",
            at(1, 9),
            at(1, 12),
        ),
    ],
)
def test_a_store_is_protected_by_its_own_clock(hours, zone, now, until):
    assert guard(hours, zone).protected_until(now) == until


def test_what_nobody_can_read_protects_nothing():
    odd = store({"protectedHours": [{"start": "soon"}]})
    nowhere = store({"protectedHours": RUSH}, timezone="Mars/Olympus")
    assert guards([odd, nowhere, store({"allowed": True}), store({})]) == ()


def test_what_is_a_stores_own_touches_that_store_alone():
    own = Target(id="q", name="q", owner="tenant/corner")
    assert reach([own], "shop") == Reach(owners=frozenset({"tenant/corner"}))
    assert "tenant/corner" in reach([own], "shop")
    assert "shop/soho" not in reach([own], "shop")


def test_what_is_shared_touches_the_stores_of_its_namespace_and_of_the_experiments():
    pod = Target(id="p", name="p", namespace="cafe")
    touched = reach([pod], "shop")
    assert "shop/soho" in touched
    assert "cafe/lisbon" in touched
    assert "tenant/corner" not in touched
    assert "shop/soho" not in reach([], "shop")


async def driven(fault, one, **changes):
    world = World()
    world.kubernetes.seed(one)
    world.kubernetes.seed(experiment(fault, **changes))
    await drive(world, until=all_finished)
    return world, world.runs()[0]["status"]


@pytest.mark.parametrize("fault", ["podKill", "eksNodeDrain", "auroraFailover"])
async def test_nothing_that_a_store_depends_on_is_broken_in_its_protected_hours(fault):
    world, status = await driven(fault, store({"protectedHours": RUSH}))
    assert (status["verdict"], status["stop"]["reason"]) == ("Inconclusive", "StoreProtected")
    assert "store shop/soho is protected until Sun 11:00" in status["message"]
    assert world.injections()[fault] == 0


async def test_a_preview_says_who_is_protected():
    _, status = await driven("podKill", store({"protectedHours": RUSH}), mode="Preview")
    assert "is protected until Sun 11:00 Europe/London" in status["preview"]["refusals"][0]


async def test_the_protected_hours_of_a_store_elsewhere_do_not_count():
    far = store({"protectedHours": RUSH}, namespace="tenant")
    _, status = await driven("podKill", far)
    assert status["verdict"] == "Passed", status["message"]


async def test_a_stores_own_table_is_spared_wherever_the_experiment_is():
    world = World()
    owner = {"Key": "cloudcafe.dev/owner", "Value": "tenant/soho/some-uid"}
    world.table.tagged = lambda: {TABLE_ARN: [*TAGS, owner]}
    world.kubernetes.seed(store({"protectedHours": RUSH}, namespace="tenant"))
    world.kubernetes.seed(experiment("dynamodbThrottle"))
    await drive(world, until=all_finished)
    assert world.runs()[0]["status"]["stop"]["reason"] == "StoreProtected"
    assert world.table.lowered == 0


def phase(world):
    return (world.runs() or [{}])[0].get("status", {}).get("phase")


async def until_holding(world):
    engine = Engine(world)
    for _ in range(60):
        await engine.tick()
        if phase(world) == "Holding":
            return engine
        world.clock.advance(1.0)
    raise AssertionError(world.runs())


async def finished(world, engine):
    for _ in range(60):
        await engine.tick()
        if all_finished(world):
            return world.runs()[0]["status"]
        world.clock.advance(1.0)
    raise AssertionError(world.runs())


def throttled(hold="40s", **changes):
    """A fault that the probes do not notice, so that only its end can tell."""
    item = experiment("sqsBacklog", **changes)
    item["spec"]["steps"][0]["hold"] = hold
    return item


@pytest.mark.parametrize("back", [0, 5])
async def test_what_is_in_force_when_protected_hours_begin_by_the_clock_is_undone(back):
    world = World()
    begins = [{"start": "09:00", "end": "11:00"}]
    world.clock.advance(-20.0)
    world.kubernetes.seed(store({"protectedHours": begins}, timezone="UTC"))
    world.kubernetes.seed(throttled())
    before = world.snapshot()
    engine = await until_holding(world)
    world.clock.jump(-back)  # the run counts on, and people read the clock
    status = await finished(world, engine)
    assert (status["verdict"], status["stop"]["reason"]) == ("Aborted", "ProtectedHours")
    assert status["stop"]["at"] == f"2026-03-01T09:00:0{back}Z"
    assert {entry["state"] for entry in status["journal"]} == {"Reverted"}
    assert world.snapshot() == before


async def test_stores_that_cannot_be_read_keep_no_run_from_its_undo():
    world = World()
    world.kubernetes.seed(throttled(hold="40s"))
    engine = await until_holding(world)
    listed = world.kubernetes.list

    async def refuses(resource, **options):
        if resource.kind == "CafeStore":
            raise Unavailable("the API server is silent")
        return await listed(resource, **options)

    world.kubernetes.list = refuses
    status = await finished(world, engine)
    assert status["verdict"] == "Passed", status["message"]


async def test_one_run_more_than_a_store_bears_is_refused_until_the_first_is_over():
    world = World()
    world.kubernetes.seed(store({"maxConcurrent": 1}))
    world.kubernetes.seed(throttled())
    engine = await until_holding(world)
    world.kubernetes.seed(experiment("podKill", name="second"))
    for _ in range(5):
        await engine.tick()
    second = next(run for run in world.runs() if run["metadata"]["name"] == "second-1")
    assert second["status"]["stop"]["reason"] == "StoreBusy"
    assert "touched by shop/try-1" in second["status"]["message"]
    assert world.injections()["podKill"] == 0
    await finished(world, engine)
    world.kubernetes.seed(experiment("podKill", name="third"))
    await drive(world, until=all_finished)
    third = next(run for run in world.runs() if run["metadata"]["name"] == "third-1")
    assert third["status"]["verdict"] == "Passed"
