"""Two operators live at once, and one that reads the past: nothing is injected twice."""

import asyncio

import pytest
from cloudcafe_operator.faults.registry import faults

from tests.crash.engines import Engine, all_finished
from tests.crash.sweep import judge
from tests.crash.worlds import FAULTS, World, experiment


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
