"""Many targets, many runs, long runs: what is read, written and held does not follow their number.

Times belong to `make bench-chaos`; here are the counts that they rest on.
"""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager

import pytest
from cloudcafe_operator.effects.execute import Executor
from cloudcafe_operator.faults.pod_partition import PodPartition
from cloudcafe_operator.kinds import CHAOS_EXPERIMENTS
from cloudcafe_operator.planning.run import save_every
from cloudcafe_operator.ports import Ref

from tests.crash.engines import Engine, all_finished, drive
from tests.crash.worlds import NAMESPACE, World, experiment
from tests.fakes import Died

STORED_BY_ONE = 9  # status writes of a run of one step and one target that recovers at once
TOGETHER = 100


def crowd(fault, targets, pods=160, **changes):
    """A world of many pods, and an experiment on some of them."""
    world = World()
    for _ in range(pods):
        world.pods.add()
    limits = {"maxTargets": 100, "maxPercent": 100, "maxDuration": "5m"}
    item = experiment(fault, limits=limits, **changes)
    item["spec"]["steps"][0]["faults"][0] |= {"mode": "fixed", "value": targets}
    world.kubernetes.seed(item)
    world.recorder.forget()
    return world


def die_at(world, number, moment):
    """Die once; writes that are under way side by side are counted each by itself."""
    seen = 0

    def hook(_write, now):
        nonlocal seen
        seen += now == moment
        if seen == number and now == moment:
            world.recorder.hook = None
            raise Died

    world.recorder.hook = hook


async def ticks(world, engine, number):
    for _ in range(number):
        await engine.tick()
        world.clock.advance(1.0)


@asynccontextmanager
async def working(engine):
    """Let the engine work by itself; a reconcile may wait while others go on."""
    work = asyncio.create_task(engine.queue.run())
    yield
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    engine.bury()


async def seconds(world, engine, number):
    for _ in range(number):
        world.clock.advance(1.0)
        await engine.engine.sampler.round()
        engine.queue.add("ChaosExperiment/nobody/wakes-the-queue")
        for _ in range(400):
            await asyncio.sleep(0)


def calls(world):
    """Count calls by verb and kind: `list pods`, `get ChaosRun`."""
    return Counter(f"{call.verb} {call.target.split()[0]}" for call in world.recorder.calls)


def stored(world):
    return sum(w.verb == "patch_status" and "ChaosRun" in w.target for w in world.recorder.writes)


@pytest.mark.parametrize("fault", ["podKill", "podPartition"])
async def test_more_targets_do_not_list_the_pods_more_often(fault):
    lists, few = [], []
    for targets in (2, 40):
        world = crowd(fault, targets)
        await drive(world, until=all_finished)
        noticed_by_nobody = "Inconclusive" if fault == "podPartition" else "Passed"
        assert world.runs()[0]["status"]["verdict"] == noticed_by_nobody
        assert len(world.runs()[0]["status"]["journal"]) == targets
        whole = [c for c in world.recorder.calls if (c.verb, c.target) == ("list", "pods")]
        lists.append(len(whole))
        few.append(calls(world)["list pods"] - len(whole))
    assert lists[0] == lists[1] <= 4
    assert few[1] <= 16  # only those that the run has cut off, for all who ask at the same time


async def test_a_pod_more_costs_a_partition_two_reads_and_two_writes():
    asked = []
    for targets in (48, 96):
        world = crowd("podPartition", targets)
        await drive(world, until=all_finished)
        asked.append(len(world.recorder.calls))
    looked, cut, healed, batch = 2, 1, 1, 12  # a batch has lists for all
    assert asked[1] - asked[0] <= 48 * (looked + cut + healed) + batch


async def test_a_hundred_targets_ask_once_for_their_policy_and_once_for_its_end():
    world = crowd("podPartition", 100)
    await drive(world, until=all_finished)
    assert calls(world)["create NetworkPolicy"] == 1
    assert calls(world)["delete NetworkPolicy"] == 1


@pytest.mark.parametrize("targets", [1, 48, 100])
async def test_a_run_is_stored_once_for_a_hundred_targets_that_share_nothing(targets):
    world = crowd("podPartition", targets)
    await drive(world, until=all_finished)
    saves = 2  # of samples alone, in the twelve seconds that it takes
    batches = -(-targets // TOGETHER)
    assert stored(world) <= STORED_BY_ONE + 2 * (batches - 1) + saves


@pytest.mark.parametrize("targets", [3, 96])
async def test_events_follow_the_writes_and_not_the_targets(targets):
    world = crowd("podPartition", targets)
    await drive(world, until=all_finished)
    batches = -(-targets // TOGETHER)
    assert len(world.events.published) <= 13 + 2 * (batches - 1)
    longest = max(len(one.message) for one in world.events.published)
    assert longest < 1024


async def test_each_target_of_a_crowd_is_recorded_before_it_is_touched():
    world, seen = crowd("podKill", 40), []

    def look(write, moment):
        if (write.verb, moment) == ("delete", "before"):
            entries = world.runs()[0]["status"]["journal"]
            state = {f"Pod {e['target']['namespace']}/{e['target']['name']}": e for e in entries}
            seen.append(state[write.target]["state"])

    world.recorder.hook = look
    await drive(world, until=all_finished)
    assert seen == ["Injecting"] * 40


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_kill_at_any_write_of_a_crowd_leaves_nothing_behind(moment):
    plans = 0
    for number in range(1, 60):
        world = crowd("podPartition", 5, pods=9)
        before = world.snapshot()
        die_at(world, number, moment)
        deaths = await drive(world, until=all_finished)
        assert world.snapshot() == before
        (run,) = world.runs()
        assert {entry["state"] for entry in run["status"]["journal"]} <= {"Reverted"}
        plans += 1
        if not deaths:
            break
    assert plans > 20


async def test_nobody_of_a_crowd_acts_on_after_the_operator_died():
    world = crowd("podKill", 40)

    def die(write, moment):
        if (write.verb, moment) == ("delete", "after"):
            raise Died

    world.recorder.hook = die
    engine = Engine(world)
    with pytest.raises(Died):
        await ticks(world, engine, 30)
    world.recorder.forget()
    world.recorder.hook = None
    engine.bury()
    for _ in range(100):  # whoever was left behind would act now
        await asyncio.sleep(0)
    assert world.recorder.writes == []


async def test_looking_at_many_runs_costs_as_many_calls_as_looking_at_one():
    counted = []
    for runs in (1, 12):
        world = World()
        for _ in range(2 * runs):
            world.pods.add()
        for number in range(runs):
            item = experiment("podKill", f"try-{number}")
            item["spec"]["steps"][0] |= {"hold": "40s"}
            selector = {"names": [f"order-abc-{number + 1}"]}
            item["spec"]["steps"][0]["faults"] = [{"podKill": {"selector": selector}}]
            world.kubernetes.seed(item)
        engine = Engine(world)
        await ticks(world, engine, 15)
        phases = {run["status"]["phase"] for run in world.runs()}
        assert phases == {"Holding"}
        world.recorder.forget()
        await ticks(world, engine, 4)  # until samples are stored again
        found = calls(world)
        counted.append({name: found[name] for name in found if not name.startswith("patch")})
    one, many = counted
    assert many["list chaosruns"] == one["list chaosruns"] == 4
    assert many["list chaosexperiments"] == one["list chaosexperiments"] == 4
    assert many["get ConfigMap"] == one["get ConfigMap"]
    assert many.get("get ChaosRun", 0) == 0


async def test_a_fault_ends_on_time_while_many_others_are_captured_slowly(monkeypatch):
    world, captured = World(), asyncio.Event()
    for _ in range(30):
        world.pods.add()
    world.kubernetes.seed(experiment("podPartition", "first"))
    engine = Engine(world)
    while not world.runs() or world.runs()[0].get("status", {}).get("phase") != "Holding":
        await ticks(world, engine, 1)
    capture = PodPartition.capture

    async def slowly(self, spec, target, within):
        await captured.wait()
        return await capture(self, spec, target, within)

    monkeypatch.setattr(PodPartition, "capture", slowly)
    for number in range(24):
        world.kubernetes.seed(experiment("podPartition", f"other-{number}"))
        engine.queue.add(f"ChaosExperiment/{NAMESPACE}/other-{number}")
    async with working(engine):
        await seconds(world, engine, 12)
    (first,) = (run for run in world.runs() if run["metadata"]["name"].startswith("first"))
    waiting = [run for run in world.runs() if not run.get("status", {}).get("journal")]
    assert len(waiting) == 24
    assert first["status"]["journal"][0]["state"] == "Reverted"


async def test_a_run_that_goes_while_it_waits_for_its_capture_lets_the_next_one_in(monkeypatch):
    world, captured = World(), asyncio.Event()
    for _ in range(6):
        world.pods.add()
    capture = Executor._capture

    async def slowly(self, observed, step):
        await captured.wait()
        return await capture(self, observed, step)

    monkeypatch.setattr(Executor, "_capture", slowly)
    engine = Engine(world)
    async with working(engine):
        for name in ("first", "second", "third"):
            world.kubernetes.seed(experiment("podPartition", name))
            engine.queue.add(f"ChaosExperiment/{NAMESPACE}/{name}")
            await seconds(world, engine, 12)
        assert {run["status"]["phase"] for run in world.runs()} == {"Injecting"}
        await world.kubernetes.delete(Ref(CHAOS_EXPERIMENTS, "second", NAMESPACE))
        await seconds(world, engine, 12)
        captured.set()
        await seconds(world, engine, 30)
    found = {run["metadata"]["name"]: run["status"]["journal"] for run in world.runs()}
    assert {name for name, journal in found.items() if journal} == {"first-1", "third-1"}


def test_the_longest_run_stores_its_samples_some_three_hundred_times():
    at, stores = 0.0, 0
    while at < 7200:
        at, stores = at + save_every(at), stores + 1
    assert stores < 300
    assert max(save_every(at) for at in range(7200)) == 30


def test_a_short_run_stores_its_samples_every_five_seconds():
    assert {save_every(at) for at in range(100)} == {5.0}
