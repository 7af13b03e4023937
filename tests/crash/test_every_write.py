"""The operator is killed before and after every write of a run, and started again."""

import pytest
from cloudcafe_operator.errors import Conflict, Throttled, Unavailable, UserError

from tests.crash.engines import all_finished, drive
from tests.crash.sweep import sweep
from tests.crash.worlds import FAULTS, NAMESPACE, World, experiment

FAIL_BACK = {
    "steps": [
        {
            "name": "break",
            "faults": [
                {
                    "auroraFailover": {
                        "selector": {"tags": {"cloudcafe.dev/chaos": "allowed"}},
                        "failBack": True,
                    }
                }
            ],
            "hold": "4s",
        }
    ]
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_kill_at_any_write_leaves_the_world_as_before_with_one_injection(fault):
    swept = await sweep(fault)
    assert swept.failures == []
    assert swept.plans > 25


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("error", [Conflict, Throttled, Unavailable])
async def test_an_error_at_any_write_also_after_it_happened_changes_nothing(fault, error):
    swept = await sweep(fault, error=lambda: error("the network was cut here"))
    assert swept.failures == []


@pytest.mark.parametrize("fault", FAULTS)
async def test_deleting_the_experiment_in_the_middle_reverts_first_whatever_is_killed(fault):
    swept = await sweep(fault, meanwhile=delete_experiment)
    assert swept.failures == []
    assert swept.plans > 25


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_terminating_namespace_is_let_go_after_the_revert_whatever_is_killed(fault):
    swept = await sweep(fault, meanwhile=delete_namespace)
    assert swept.failures == []
    assert swept.plans > 25


def delete_experiment(world):
    """Delete it once its fault is in force; done when nothing of it is left."""
    before = world.snapshot()
    deleted = []

    def until(world):
        if not deleted and _is_in_force(world):
            deleted.append(True)
            _mark(world, "ChaosExperiment")
        if not deleted or _left(world):
            return False
        after = world.snapshot()
        assert after == before, f"not as before: {after}"
        return True

    return until


def delete_namespace(world):
    """Delete everything in it as the namespace controller does; nothing can be created any more."""
    deleted = []

    def refuse(operation, manifest):
        if operation == "CREATE" and manifest["metadata"].get("namespace") == NAMESPACE:
            raise UserError("the namespace is being terminated")

    def until(world):
        if not deleted and _is_in_force(world):
            deleted.append(True)
            world.kubernetes.admission.append(refuse)
            for kind in ("ChaosExperiment", "ChaosRun"):
                _mark(world, kind)
        if not deleted or _left(world):
            return False
        kinds = {kind for _, kind, _, _ in world.kubernetes.objects}
        assert kinds == {"Namespace", "Node", "Pod"}, kinds
        assert not world.pods.stress
        assert world.aurora.state()["status"] == "available"
        assert world.table.state() == {"ReadCapacityUnits": 500, "WriteCapacityUnits": 500}
        return True

    return until


def _is_in_force(world):
    return any(
        entry.get("state") == "Injected"
        for run in world.runs()
        for entry in run.get("status", {}).get("journal", [])
    )


def _mark(world, kind):
    for (_, a_kind, _, _), item in list(world.kubernetes.objects.items()):
        if a_kind == kind and "deletionTimestamp" not in item["metadata"]:
            meta = {**item["metadata"], "deletionTimestamp": "2026-03-01T09:00:05Z"}
            world.kubernetes._store({**item, "metadata": meta}, "MODIFIED")


def _left(world):
    return [key for key in world.kubernetes.objects if key[1].startswith("Chaos")]


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_failing_back_ends_with_the_captured_writer_whatever_is_killed(moment):
    for number in range(1, 30):
        world = World()
        world.kubernetes.seed(experiment("auroraFailover", **FAIL_BACK))
        world.recorder.die_at(number, moment)
        await drive(world, until=all_finished)
        assert world.aurora.writer == "cloudcafe-1"
        assert world.aurora.failovers in (0, 2)  # there and back, or never begun
