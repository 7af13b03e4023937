"""The sweep can fail: each of these bugs, put into the engine on purpose, is found by it."""

from dataclasses import replace

import pytest
from cloudcafe_operator.effects import execute, undo_run
from cloudcafe_operator.effects.execute import Executor
from cloudcafe_operator.effects.survey import fault_spec
from cloudcafe_operator.faults import dynamodb_throttle
from cloudcafe_operator.faults.aurora_failover import AuroraFailover
from cloudcafe_operator.faults.contract import Entry, Undone
from cloudcafe_operator.faults.dynamodb_throttle import DynamodbThrottle
from cloudcafe_operator.faults.pod_partition import PodPartition
from cloudcafe_operator.handlers import chaos
from cloudcafe_operator.planning import run as plan_run
from cloudcafe_operator.planning.steps import LetGo

from tests.crash.sweep import sweep
from tests.crash.test_every_write import delete_experiment
from tests.crash.test_two_operators import together
from tests.crash.worlds import Aurora
from tests.fakes import FakeKubernetes


@pytest.mark.parametrize("fault", ["auroraFailover", "dynamodbThrottle", "podKill"])
async def test_finds_an_engine_that_injects_before_it_records(monkeypatch, fault):
    capture = Executor._capture

    async def act_first(self, observed, step):
        outcome = await capture(self, observed, step)
        for entry in outcome.status.journal if outcome else ():
            written = observed.run.spec.template.steps[entry.step].faults[entry.slot]
            fault = self.surveyor.faults[entry.fault]
            seen = Entry("uid", "run", "shop", entry.target, entry.captured)
            await fault.inject(fault_spec(fault, written), seen, self.surveyor.world(observed.run))
        return outcome

    monkeypatch.setattr(Executor, "_capture", act_first)
    assert (await sweep(fault, first=True)).failures


async def test_finds_an_engine_whose_captured_state_is_kept_in_memory_only(monkeypatch):
    entry_for, memory = execute.outcomes.entry_for, {}

    def forgetful(observed, *, slot, target, captured):
        memory[observed.identity, target.id] = captured
        return entry_for(observed, slot=slot, target=target, captured={})

    def entry(run, index, _make=execute._entry):
        made = _make(run, index)
        identity = run.status.journal[index].claimed_by
        return replace(made, captured=memory.get((identity, made.target.id), {}))

    monkeypatch.setattr(execute.outcomes, "entry_for", forgetful)
    for module in (execute, undo_run):
        monkeypatch.setattr(module, "_entry", entry)
    assert (await sweep("dynamodbThrottle", first=True)).failures


async def test_finds_a_finalizer_that_goes_while_the_fault_stays(monkeypatch):
    right = chaos.next_step

    def wrong(observed):
        deleting = observed.run.deleting and observed.run.held
        return LetGo() if deleting else right(observed)

    monkeypatch.setattr(chaos, "next_step", wrong)
    assert (await sweep("dynamodbThrottle", meanwhile=delete_experiment, first=True)).failures


async def test_finds_operators_without_fencing_and_without_claims(monkeypatch):
    patch_status = FakeKubernetes.patch_status

    async def unfenced(self, ref, status, *, resource_version=None):
        return await patch_status(self, ref, status)

    async def without_looking(self, spec, entry, world):
        await world.aws.call("rds", "failover_db_cluster", DBClusterIdentifier=entry.target.name)
        return {}

    monkeypatch.setattr(Aurora, "status", "available")  # so fast that AWS itself refuses nothing
    monkeypatch.setattr(AuroraFailover, "inject", without_looking)
    assert await together("auroraFailover", 0) == ""  # fencing and claims suffice
    monkeypatch.setattr(plan_run, "claimed", lambda *_: None)
    monkeypatch.setattr(FakeKubernetes, "patch_status", unfenced)
    found = [await together("auroraFailover", start) for start in range(3)]
    assert any(found)


async def test_finds_a_revert_that_is_believed_without_being_read_back(monkeypatch):
    async def forgets(self, entry, world):
        return Undone("Reverted")

    async def believes(self, entry, world):
        return True

    monkeypatch.setattr(PodPartition, "revert", forgets)
    monkeypatch.setattr(PodPartition, "verify", believes)
    assert (await sweep("podPartition", first=True)).failures


async def inject_blindly(self, spec, entry, world):
    """Lower the table without looking, as often as called."""
    await dynamodb_throttle._ready_table(entry, world)
    await dynamodb_throttle._update(entry.target.name, entry.captured["wanted"], world)
    return {}


async def test_finds_an_injection_that_is_repeated_after_a_crash(monkeypatch):
    monkeypatch.setattr(DynamodbThrottle, "inject", inject_blindly)
    assert (await sweep("dynamodbThrottle", first=True)).failures
