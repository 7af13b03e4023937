"""Two operators live at once, and one that reads the past: nothing is injected twice."""

import asyncio
import itertools

import pytest
from cloudcafe_operator.errors import Unavailable
from cloudcafe_operator.faults.registry import faults

from tests.crash.engines import Engine, all_finished
from tests.crash.sweep import judge
from tests.crash.worlds import FAULTS, World, experiment
from tests.fakes import Died


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("head_start", range(6))
async def test_two_live_operators_inject_once(fault, head_start):
    assert await together(fault, head_start) == ""


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_operator_that_reads_old_runs_is_refused_and_reads_again(fault):
    world = World()
    world.kubernetes.seed(experiment(fault))
    before = world.snapshot()
    engine = Engine(world, kubernetes=Stale(world.kubernetes))
    for _ in range(80):
        await engine.tick()
        world.clock.advance(0.5)
    assert all_finished(world)
    assert judge(world, before, fault) == ""


async def test_a_fault_is_undone_though_etcd_was_restored_from_before():
    world = throttled()
    world.kubernetes._versions = itertools.count(100_000)
    before, engine = world.table.state(), Engine(world)
    await ticked(world, engine, "Holding")
    restore(world.kubernetes)
    await ticked(world, engine, "Finished")
    assert (world.table.lowered, world.table.state()) == (1, before)


def restore(kubernetes):
    """Number all objects as a snapshot of long ago would, and count on from there."""
    kubernetes._versions = itertools.count(1)
    for item in kubernetes.objects.values():
        item["metadata"]["resourceVersion"] = str(next(kubernetes._versions))


async def cut_off(world):
    """Return an engine and its API server, cut off since the answer to its capture."""
    wire = Wire(world)
    engine = Engine(world, kubernetes=wire)
    while not wire.is_cut:
        await engine.tick()
        world.clock.advance(0.5)
    world.clock.advance(30.0)
    return engine, wire


async def ticked(world, engine, phase):
    """Drive an engine until the run is in a phase."""
    for _ in range(200):
        await engine.tick()
        if world.runs()[0]["status"]["phase"] == phase:
            return
        world.clock.advance(0.5)
    raise AssertionError(world.runs())


async def test_who_was_cut_off_undoes_what_another_injected_meanwhile():
    world = throttled()
    before = world.table.state()
    first, wire = await cut_off(world)
    second = Engine(world)
    await ticked(world, second, "Holding")
    second.bury()
    world.halt()
    wire.is_cut = False
    await ticked(world, first, "Finished")
    assert (world.table.lowered, world.table.state()) == (1, before)


async def test_what_another_had_may_be_injected_though_it_is_ours_again():
    world = throttled()
    before = world.table.state()
    first, wire = await cut_off(world)
    world.aws.on("dynamodb", "update_table", lambda **asked: dies(world.table.update(**asked)))
    second = Engine(world)
    with pytest.raises(Died):
        await ticked(world, second, "Holding")
    second.bury()
    world.aws.on("dynamodb", "update_table", world.table.update)
    world.halt()
    world.clock.advance(30.0)
    wire.is_cut, wire.loses_next = False, True  # the answer to the claim
    await ticked(world, first, "Finished")
    assert (world.table.lowered, world.table.state()) == (1, before)


def throttled():
    world = World()
    world.kubernetes.seed(experiment("dynamodbThrottle"))
    return world


def dies(_):
    raise Died


async def together(fault, head_start):
    """Run two engines side by side, interleaved at every call; return what is wrong."""
    world = World()
    world.kubernetes.seed(experiment(fault))
    before = world.snapshot()
    engines = [Engine(world)]
    for tick in range(80):
        if tick == head_start:
            engines.append(Engine(world))
        await asyncio.gather(*(engine.tick() for engine in engines))
        if all_finished(world):
            verdict = world.runs()[0]["status"]["verdict"]
            unnoticed = "Inconclusive" if faults()[fault].unproven else "Passed"
            return judge(world, before, fault) or ("" if verdict == unnoticed else verdict)
        world.clock.advance(1.0)
    return f"not finished: {world.runs()}"


class Wire:
    """One operator's way to the API server: cut from when it has stored what it captured."""

    def __init__(self, world):
        self._world, self._inner = world, world.kubernetes
        self._was_cut, self.is_cut, self.loses_next = False, False, False

    def __getattr__(self, name):
        if self.is_cut and name in ("get", "list", "list_metadata"):
            return self._refuse
        return getattr(self._inner, name)

    async def patch_status(self, ref, status, **how):
        if self.is_cut:
            await self._refuse()
        stored = await self._inner.patch_status(ref, status, **how)
        if self.loses_next and status.get("journal"):
            self.loses_next = False
            await self._refuse()
        if status.get("journal") and not self._was_cut:
            self._was_cut = self.is_cut = True
            self._world.clock.advance(2.0)  # until what was read before must be read again
        return stored

    async def _refuse(self, *_, **__):
        raise Unavailable("no answer within 8s")


class Stale:
    """A cache that lags: every third read of a run returns what the read before it saw."""

    KIND = "ChaosRun"

    def __init__(self, inner):
        self._inner = inner
        self._last = None
        self._reads = 0

    def __getattr__(self, name):
        return getattr(self._inner, name)

    async def get(self, ref):
        fresh = await self._inner.get(ref)
        if ref.resource.kind != self.KIND:
            return fresh
        self._reads += 1
        seen, self._last = self._last, fresh
        return seen if seen is not None and self._reads % 3 == 0 else fresh
