"""What every fault owes the engine, and what its file, scenario and tests are called."""

from pathlib import Path

import pytest
import yaml
from cloudcafe_operator import kinds
from cloudcafe_operator.effects.aws_errors import Refusal
from cloudcafe_operator.errors import Retry
from cloudcafe_operator.faults.registry import faults
from cloudcafe_operator.resources.common import parse
from cloudcafe_operator.resources.experiment import ExperimentSpec
from pydantic.alias_generators import to_snake

from tests.crash.bench import Bench
from tests.crash.parts import RARE_ACTIONS

ROOT = Path(__file__).parents[3]
SCENARIOS = {path.stem: path for path in sorted((ROOT / "chaos/experiments").glob("*.yaml"))}
EVERY = pytest.mark.parametrize("fault", faults().values(), ids=lambda fault: fault.name)


@EVERY
async def test_selecting_capturing_and_previewing_only_read(fault):
    bench = Bench(fault)
    entry = await bench.entry()
    assert fault.calls(bench.spec, entry.target)
    assert bench.writes() == []


@EVERY
async def test_injecting_twice_makes_the_change_once(fault):
    bench = Bench(fault)
    entry = await bench.entry()
    before = bench.world.injections()[fault.name]
    await bench.inject(entry)
    bench.world.clock.advance(30)
    await bench.inject(entry)
    assert bench.world.injections()[fault.name] == before + 1


@EVERY
async def test_it_is_in_force_after_the_injection_and_not_before(fault):
    bench = Bench(fault)
    entry = await bench.entry()
    assert not await bench.in_force(entry)
    await bench.inject(entry)
    bench.world.clock.advance(30)
    assert await bench.in_force(entry)


@EVERY
async def test_reverting_restores_the_world_and_may_be_repeated(fault):
    bench = Bench(fault)
    before = bench.world.snapshot()
    entry = await bench.entry()
    await bench.inject(entry)
    bench.world.clock.advance(30)
    for _ in range(2):
        assert (await bench.revert(entry)).outcome == "Reverted"
        bench.world.clock.advance(30)
    assert await bench.verify(entry)
    assert bench.world.snapshot() == before


@EVERY
async def test_reverting_what_was_never_injected_writes_nothing(fault):
    bench = Bench(fault)
    entry = await bench.entry()
    assert (await bench.revert(entry)).outcome == "Reverted"
    assert await bench.verify(entry)
    assert bench.writes() == []


@EVERY
async def test_the_permissions_it_declares_are_exactly_those_it_uses(fault):
    bench = Bench(fault)
    entry = await bench.entry()
    await bench.capacity(entry)
    await bench.inject(entry)
    bench.world.clock.advance(30)
    await bench.in_force(entry)
    try:
        await bench.revert(entry)
    except Retry:
        bench.world.clock.advance(30)
    await bench.verify(entry)
    used = {_permission(call) for call in bench.calls() if call.api != "admin"}
    declared = {*fault.iam_actions, *fault.rbac}
    assert used <= declared
    assert declared - used <= RARE_ACTIONS


@EVERY
def test_it_says_how_to_undo_it_by_hand(fault):
    assert fault.summary.endswith(".")
    assert fault.name not in ("", fault.summary)


@EVERY
def test_file_scenario_and_tests_share_a_stem(fault):
    stem = to_snake(fault.name)
    assert type(fault).__module__.endswith(f".{stem}")
    assert (Path(__file__).parent / f"test_{stem}.py").exists()
    assert any(name[3:] == stem.replace("_", "-") for name in SCENARIOS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_is_an_experiment_that_this_operator_understands(name):
    manifest = yaml.safe_load(SCENARIOS[name].read_text())
    assert manifest["metadata"]["name"] == name[3:]
    spec = parse(ExperimentSpec, manifest["spec"])
    for step in spec.steps:
        for entry in step.faults:
            parse(faults()[entry.fault].spec_type, entry.arguments, where=entry.fault)


def _permission(call):
    if call.api == "aws":
        service, operation = call.verb.split(".")
        return Refusal(service, operation, "", "", 0).action
    kind, _, part = call.target.split()[0].partition("/")
    found = next(item for item in kinds.ALL if kind in (item.kind, item.plural))
    group = f"{found.group}/" if found.group else ""
    return f"{call.verb} {group}{found.plural}{part and '/'}{part}"
