"""What comes to light when an undo found nothing of it: late requests, old reads, early ends."""

import asyncio

import pytest
from cloudcafe_operator.effects import look_run
from cloudcafe_operator.errors import Unavailable, UserError
from cloudcafe_operator.faults.lambda_concurrency_zero import LambdaConcurrencyZero
from cloudcafe_operator.faults.registry import faults
from cloudcafe_operator.resources.common import holds_null

from tests.crash import engines
from tests.crash.engines import Engine, all_finished, drive
from tests.crash.worlds import World, experiment
from tests.fakes.aws_lambda import ARN, OTHER, PAYMENTS

FAULT = "lambdaConcurrencyZero"
LATE_S = 3.0


class Lambda:
    """The functions of a world; requests may come late, and reads may show what was before."""

    def __init__(self, world):
        self.world, self.functions = world, world.parts["lambda"]
        self.due, self.stale_until, self.before = [], 0.0, {}
        world.aws.on("lambda", "get_function_concurrency", self.get)
        world.aws.on("lambda", "put_function_concurrency", self.put)
        self.on_stop = lambda **_: None

    def get(self, FunctionName):
        now = self.world.clock.monotonic()
        while self.due and self.due[0][0] <= now:
            self.functions.put(**self.due.pop(0)[1])
        if now < self.stale_until:
            return {"ReservedConcurrentExecutions": self.before[FunctionName]}
        return self.functions.get(FunctionName)

    def put(self, **asked):
        if asked["ReservedConcurrentExecutions"] == 0:
            self.on_stop(**asked)
        return self.functions.put(**asked)


def lambda_world(**changes):
    world = World()
    world.kubernetes.seed(experiment(FAULT, **changes))
    return world, Lambda(world)


def status(world):
    (run,) = world.runs()
    return run["status"]


async def test_a_request_that_takes_effect_after_its_undo_is_undone_as_well():
    world, functions = lambda_world()

    def late(**asked):
        functions.due.append((world.clock.monotonic() + LATE_S, asked))
        world.halt(reason="enough")
        raise Unavailable("no answer within 8s")

    functions.on_stop = late
    await drive(world, until=all_finished)
    assert functions.due == []
    assert functions.functions.reserved[PAYMENTS] == 20
    assert status(world)["stop"]["reason"] == "Halted"


async def test_an_injection_that_reads_do_not_show_yet_is_undone_once_they_do():
    world, functions = lambda_world()

    def hidden(**_):
        functions.before = dict(functions.functions.reserved)
        functions.stale_until = world.clock.monotonic() + LATE_S
        world.halt(reason="enough")

    functions.on_stop = hidden
    await drive(world, until=all_finished)
    assert functions.functions.reserved[PAYMENTS] == 20


async def test_an_injection_that_was_seen_in_force_is_undone_at_once():
    world, _ = lambda_world()
    await drive(world, until=all_finished)
    (entry,) = status(world)["journal"]
    assert entry["state"] == "Reverted"
    assert status(world)["steps"][0]["measures"]["undoneAfter"] <= 1.0


async def test_a_fault_that_somebody_ended_during_the_hold_is_not_passed():
    world, functions = lambda_world()
    engine = Engine(world)
    while not (world.runs() and "inForceAt" in str(status(world).get("journal"))):
        await engine.tick()
        world.clock.advance(1.0)
    functions.functions.reserved[PAYMENTS] = 20
    engine.bury()
    await drive(world, until=all_finished)
    found = status(world)
    assert found["verdict"] == "Inconclusive"
    assert "not in force any more on cloudcafe-payment-processor" in found["message"]
    assert "Lapsed" in world.events.reasons


@pytest.mark.parametrize("name", ["auroraFailover", "dynamodbThrottle", "memorydbRestart"])
async def test_a_hold_in_which_nobody_could_look_ends_with_a_look(name, monkeypatch):
    world, kind = World(), type(faults()[name])
    world.kubernetes.seed(experiment(name))
    in_force, busy_until = kind.in_force, world.clock.monotonic() + 20.0

    async def later(*asked):
        if world.clock.monotonic() < busy_until:
            raise Unavailable("the machine has other things to do")
        return await in_force(*asked)

    monkeypatch.setattr(kind, "in_force", later)
    engine = Engine(world)
    while not (world.runs() and status(world).get("phase") == "Holding"):
        await engine.tick()
        world.clock.advance(0.5)
    engine.bury()
    world.clock.advance(20.0)
    await drive(world, until=all_finished)
    assert all(entry["inForceAt"] for entry in status(world)["journal"])
    assert "nobody can say whether users noticed" in status(world)["message"]  # and nothing else
    assert "Lapsed" not in world.events.reasons


async def test_a_hold_ends_though_this_operator_does_not_know_the_fault(monkeypatch):
    world, _ = lambda_world()
    engine = Engine(world)
    while not (world.runs() and status(world).get("phase") == "Holding"):
        await engine.tick()
        world.clock.advance(0.5)
    engine.bury()
    fewer = {name: fault for name, fault in faults().items() if name != FAULT}
    monkeypatch.setattr(engines, "faults", lambda: fewer)
    engine = Engine(world)
    for _ in range(30):
        await engine.tick()
        world.clock.advance(1.0)
    assert status(world)["phase"] == "Reverting"
    assert "does not know the fault" in status(world)["journal"][0]["trouble"]


async def test_an_undo_does_not_wait_for_a_last_look_that_hangs(monkeypatch):
    world, functions = lambda_world()
    in_force, seen = LambdaConcurrencyZero.in_force, []

    async def hang(*asked):
        if seen:
            await asyncio.Event().wait()
        seen.append(await in_force(*asked))
        return seen[-1]

    monkeypatch.setattr(LambdaConcurrencyZero, "in_force", hang)
    monkeypatch.setattr(look_run, "LAST_LOOK_S", 0.05)
    await drive(world, until=all_finished)
    assert (seen, functions.functions.reserved[PAYMENTS]) == ([True], 20)
    assert status(world)["verdict"] == "Passed"


async def test_a_function_without_a_reservation_is_stopped_and_let_go_again():
    spec = {FAULT: {"selector": {"arns": [ARN + OTHER]}}}
    steps = [{"name": "x", "faults": [spec], "hold": "4s", "recovery": {"within": "60s"}}]
    world, functions = lambda_world(steps=steps)
    await drive(world, until=all_finished)
    assert (status(world)["verdict"], functions.functions.stopped) == ("Passed", 1)
    assert functions.functions.reserved[OTHER] is None


def test_a_null_is_found_wherever_it_is():
    assert holds_null({"a": [{"b": None}]})
    assert not holds_null({"a": [{"b": ""}], "c": 0, "d": {}})


@pytest.mark.parametrize(
    "part", ["select", "capacity", "capture", "inject", "in_force", "healthy", "revert", "by_hand"]
)
async def test_a_fault_with_a_bug_ends_its_run_with_a_sentence_and_leaves_nothing(
    part, monkeypatch
):
    world, functions = lambda_world()
    broken = [part] if part != "by_hand" else ["by_hand", "revert"]
    bugs = dict.fromkeys(broken, 3)

    def with_bug(name):
        original = getattr(LambdaConcurrencyZero, name)

        def method(self, *arguments):
            bugs[name] -= 1
            if bugs[name] >= 0 or part in ("in_force", "healthy"):
                raise KeyError("was")
            return original(self, *arguments)

        monkeypatch.setattr(LambdaConcurrencyZero, name, method)

    for name in broken:
        with_bug(name)
    began = world.clock.monotonic()
    await drive(world, until=all_finished)
    assert functions.functions.reserved[PAYMENTS] == 20
    assert world.clock.monotonic() - began < 120
    found = status(world)
    wanted = {"revert": "Passed", "by_hand": "Passed", "healthy": "Failed"}
    assert found["verdict"] == wanted.get(part, "Inconclusive")
    if part in ("select", "capacity", "capture", "inject"):
        assert "KeyError 'was'" in found["message"]


async def test_a_null_in_what_was_captured_refuses_the_run(monkeypatch):
    async def capture(self, spec, target, world):
        return {"was": None}

    monkeypatch.setattr(LambdaConcurrencyZero, "capture", capture)
    world, functions = lambda_world()
    await drive(world, until=all_finished)
    assert status(world)["verdict"] == "Inconclusive"
    assert "captured a null" in status(world)["message"]
    assert functions.functions.stopped == 0


async def test_a_refused_injection_is_looked_at_until_it_is_sure_that_nothing_was_done():
    world, functions = lambda_world()

    def half_done(**asked):
        functions.due.append((world.clock.monotonic() + LATE_S, asked))
        raise UserError("the second of two calls was refused")

    functions.on_stop = half_done
    await drive(world, until=all_finished)
    assert functions.due == []
    assert functions.functions.reserved[PAYMENTS] == 20
