"""Somebody else's act on a target before ours is no injection; ours from before a crash is."""

import pytest
from cloudcafe_operator.effects.observe_run import Memory
from cloudcafe_operator.effects.report_run import report_stored
from cloudcafe_operator.errors import Unavailable
from cloudcafe_operator.resources.run import JournalEntry, RunStatus, StepStatus, Target

from tests.crash.engines import all_finished, drive
from tests.crash.worlds import NAMESPACE, World, experiment
from tests.fakes import Died, FakeClock


def kill_pod(world, target):
    key = next(key for key in world.kubernetes.objects if key[1:] == ("Pod", NAMESPACE, target))
    world.kubernetes._remove(key, world.kubernetes.objects[key])


def stop_task(world, target):
    service = world.parts["ecs"]
    service.stop("cloudcafe", next(arn for arn in service.tasks if arn.endswith(target)), "rollout")


def terminate(world, target):
    world.parts["autoscaling"].terminate(target, ShouldDecrementDesiredCapacity=False)


def fail_over(world, target):
    world.aurora.failover(target)


ACTS = {
    "podKill": ("delete", kill_pod),
    "ecsTaskKill": ("ecs.stop_task", stop_task),
    "asgInstanceTerminate": ("autoscaling.terminate_instance_in_auto_scaling_group", terminate),
    "auroraFailover": ("rds.failover_db_cluster", fail_over),
}
EVERY = pytest.mark.parametrize("fault", ACTS)


def world_of(fault):
    world = World()
    world.kubernetes.seed(experiment(fault))
    return world


def once_captured(world, act):
    """Let somebody act when the targets are in the journal and nothing is injected yet."""
    done = []

    def watch(_change, item):
        journal = (item.get("status") or {}).get("journal") if item["kind"] == "ChaosRun" else ()
        if journal and not done:
            done.append(True)
            act(world, journal[0]["target"]["name"])

    world.kubernetes.watchers.append(watch)


def verdict(world):
    status = world.runs()[0]["status"]
    return status["verdict"], status["message"]


@EVERY
async def test_what_somebody_else_did_between_capture_and_injection_is_no_injection(fault):
    world = world_of(fault)
    once_captured(world, ACTS[fault][1])
    await drive(world, until=all_finished)
    found, said = verdict(world)
    assert found == "Inconclusive"
    assert "somebody else removed it first" in said
    assert [event.reason for event in world.events.published].count("Forestalled") == 1


@EVERY
@pytest.mark.parametrize("trouble", [Died, lambda: Unavailable("the answer was lost")])
async def test_what_is_found_done_after_a_crash_or_a_lost_answer_was_our_own_act(fault, trouble):
    world, hits = world_of(fault), []

    def hook(write, now):
        if now == "after" and write.verb == ACTS[fault][0] and not hits:
            hits.append(write)
            raise trouble()

    world.recorder.hook = hook
    await drive(world, until=all_finished)
    assert hits
    assert verdict(world)[0] == "Passed"


def test_a_process_that_takes_an_entry_back_does_not_know_who_acted_meanwhile():
    clock, memory = FakeClock(), Memory()
    target = Target(id="Pod/shop/p", name="p")
    entry = JournalEntry(step=0, slot=0, fault="podKill", target=target, state="Injecting",
                         claimed_by="me", claimed_at=clock.now())  # fmt: skip
    mine, theirs = (
        RunStatus(steps=(StepStatus(name="a"),), journal=(one,))
        for one in (entry, entry.model_copy(update={"claimed_by": "another"}))
    )
    report_stored(RunStatus(), mine, memory, clock)
    report_stored(mine, mine, memory, clock)
    assert memory.untried == {0}
    report_stored(theirs, mine, memory, clock)
    assert memory.untried == set()
