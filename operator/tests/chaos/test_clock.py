"""A clock that is set back or forth while something is in force: nothing stays longer for it."""

import pytest
from cloudcafe_operator.errors import Throttled
from cloudcafe_operator.planning.moments import HOLD
from cloudcafe_operator.planning.run import facts
from cloudcafe_operator.planning.steps import Observed

from tests.crash.engines import Engine
from tests.crash.worlds import World, experiment
from tests.fakes import Died

BACK = [0.0, 600.0]
HOLD_S = 4.0


class Shop:
    """A run of dynamodbThrottle and the operator that drives it."""

    def __init__(self, **changes):
        self.world = World()
        self.clock = self.world.clock
        self.world.kubernetes.seed(experiment("dynamodbThrottle", **changes))
        self.engine = Engine(self.world)

    @property
    def status(self):
        return (self.world.runs() or [{}])[0].get("status", {})

    @property
    def in_force(self):
        return self.world.table.units["ReadCapacityUnits"] == 1

    async def until(self, reached, most=900.0):
        """Drive it on; return after how many seconds it was so."""
        began = self.clock.monotonic()
        while not reached():
            assert self.clock.monotonic() - began < most, self.status
            await self.engine.tick()
            self.clock.advance(0.5)
        return self.clock.monotonic() - began

    async def until_phase(self, phase):
        return await self.until(lambda: self.status.get("phase") == phase)

    async def until_undone(self):
        return await self.until(lambda: not self.in_force)

    def restart(self):
        self.engine.bury()
        self.engine = Engine(self.world)

    def change(self, **fields):
        item = self.world.kubernetes.find("ChaosExperiment", "try", "shop")
        self.world.kubernetes._store({**item, "spec": {**item["spec"], **fields}}, "MODIFIED")


@pytest.mark.parametrize("back", BACK)
async def test_a_hold_ends_on_time_though_the_clock_is_set_back(back):
    shop = Shop()
    await shop.until_phase("Holding")
    shop.clock.jump(-back)
    assert HOLD_S - 1 <= await shop.until_undone() <= HOLD_S + 2


@pytest.mark.parametrize("back", BACK)
async def test_a_stop_condition_is_seen_though_the_clock_is_set_back(back):
    spec = experiment("dynamodbThrottle")["spec"]
    rules = [{"probe": "coffee", "failingFor": "3s"}]
    shop = Shop(stopWhen=rules, steps=[{**spec["steps"][0], "hold": "200s"}])
    await shop.until_phase("Holding")
    shop.clock.jump(-back)
    shop.world.http.unmount("order:8080")
    assert await shop.until_undone() <= 8
    assert shop.status["stop"]["reason"] == "StopCondition"


@pytest.mark.parametrize("back", BACK)
async def test_who_takes_a_run_over_holds_it_no_longer_than_its_hold(back):
    shop = Shop()
    await shop.until_phase("Holding")
    shop.clock.jump(-back)
    shop.restart()
    assert await shop.until_undone() <= HOLD_S + 2


@pytest.mark.parametrize("back", BACK)
async def test_what_a_dead_process_claimed_is_undone_once_its_claim_is_old(back):
    shop = Shop()
    shop.world.aws.on("dynamodb", "update_table", lambda **asked: dies(shop, asked))
    with pytest.raises(Died):
        await shop.until_phase("Holding")
    shop.world.aws.on("dynamodb", "update_table", shop.world.table.update)
    assert shop.in_force
    shop.world.halt()
    shop.clock.jump(-back)
    shop.restart()
    assert 20 <= await shop.until_undone() <= 30


def dies(shop, asked):
    shop.world.table.update(**asked)
    raise Died


@pytest.mark.parametrize("back", BACK)
async def test_a_paused_step_is_in_force_no_longer_than_its_hold(back):
    lambdas = {"selector": {"tags": {"cloudcafe.dev/chaos": "allowed"}}}
    shop = Shop()
    spec = shop.world.kubernetes.find("ChaosExperiment", "try", "shop")["spec"]
    faults = [*spec["steps"][0]["faults"], {"lambdaConcurrencyZero": lambdas}]
    shop = Shop(steps=[{**spec["steps"][0], "faults": faults}])
    shop.world.aws.on("lambda", "put_function_concurrency", throttled)
    await shop.until(lambda: shop.in_force)
    shop.change(paused=True)
    shop.clock.jump(-back)
    assert await shop.until_undone() <= HOLD_S + 2


def throttled(**_):
    raise Throttled("TooManyRequestsException", after=1.0)


@pytest.mark.parametrize("back", BACK)
async def test_the_longest_duration_counts_whatever_the_clock_says(back):
    shop = Shop(limits={"maxDuration": "30s"})
    shop.world.aws.on("dynamodb", "update_table", throttled)
    await shop.until_phase("Injecting")
    shop.clock.jump(-back)
    assert await shop.until(lambda: shop.status.get("stop")) <= 30
    assert shop.status["stop"]["reason"] == "DeadlineExceeded"


async def test_a_clock_that_is_set_forth_ends_a_hold_early():
    shop = Shop()
    await shop.until_phase("Holding")
    shop.clock.jump(600.0)
    assert await shop.until_undone() <= 2


async def test_a_moment_that_is_another_is_counted_anew():
    shop = Shop()
    await shop.until_phase("Holding")
    observer, (run,) = shop.engine.engine._observer, shop.world.runs()
    shop.clock.advance(2.0)
    seen = await observer.observe("shop", run["metadata"]["name"])
    assert seen.counted[HOLD] >= 2.0
    steps = [{**run["status"]["steps"][0], "holdUntil": "2026-03-01T10:00:00Z"}]
    shop.world.kubernetes.set_status(
        "ChaosRun", run["metadata"]["name"], "shop", {**run["status"], "steps": steps}
    )
    shop.clock.advance(2.0)
    later: Observed = await observer.observe("shop", run["metadata"]["name"])
    assert later.counted[HOLD] == 0.0
    assert not facts(later).hold_over


BEFORE = ["Baseline", "Holding", "Reverting", "Recovering"]


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("back", [0.0, 300.0])
@pytest.mark.parametrize("phase", BEFORE)
async def test_what_is_measured_does_not_depend_on_a_clock_that_is_set_back(phase, back, restarted):
    spec = experiment("dynamodbThrottle")["spec"]
    shop = Shop(steps=[{**spec["steps"][0], "hold": "20s"}])
    meanwhile = [lambda: shop.clock.jump(-back)] + [shop.restart] * restarted

    def over():
        if shop.status.get("phase") == phase:
            while meanwhile:
                meanwhile.pop(0)()
        return shop.status.get("phase") == "Finished"

    await shop.until(over)
    assert not meanwhile
    assert shop.status["verdict"] == "Passed", shop.status["message"]
    found = shop.status["steps"][0]["measures"]
    assert found["noticedAfter"] <= 1.5
    assert found["recoveredAfter"] <= 2.5
    assert found["undoneAfter"] <= 2.0
    assert 19 <= found["outage"] <= 24


@pytest.mark.parametrize("back", [0.0, 300.0])
async def test_no_moment_of_a_run_is_before_an_earlier_one(back):
    shop = Shop()
    await shop.until_phase("Holding")
    shop.clock.jump(-back)
    await shop.until_phase("Finished")
    (step,), (entry,) = shop.status["steps"], shop.status["journal"]
    moments = [
        shop.status["startedAt"], entry["claimedAt"], step["injectedAt"], entry["inForceAt"],
        step["revertAt"], entry["undoneAt"], step["undoneAt"], entry["healthyAt"],
        step["recoveredAt"], shop.status["finishedAt"],
    ]  # fmt: skip
    assert moments == sorted(moments)
