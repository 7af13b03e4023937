"""More bugs that somebody could make, each found: in faults, in the journal and in finalizers.

Each entry puts one wrong line in the place of a right one; the sweep ends with the first failure.
"""

from dataclasses import replace

import pytest
from cloudcafe_operator.effects import execute
from cloudcafe_operator.effects.undo_run import RunUndoer
from cloudcafe_operator.faults import (
    cpu_stress,
    dynamodb_throttle,
    eks_node_drain,
    lambda_concurrency_zero,
    sqs_backlog,
)
from cloudcafe_operator.faults.alb_routing_failure import AlbRoutingFailure
from cloudcafe_operator.faults.contract import Undone
from cloudcafe_operator.faults.cpu_stress import CpuStress
from cloudcafe_operator.faults.pod_kill import PodKill
from cloudcafe_operator.handlers import chaos
from cloudcafe_operator.kinds import PODS
from cloudcafe_operator.planning import experiment as plan_experiment
from cloudcafe_operator.planning.steps import Hold, Undo, changed
from cloudcafe_operator.ports import Ref

from tests.crash.sweep import sweep
from tests.crash.test_every_write import delete_experiment


def nobody_is_asked_whose_stress_it_is(patch):
    patch.setattr(cpu_stress, "_is_ours", lambda *_: False)


def stress_is_stopped_in_a_wrong_name(patch):
    right = cpu_stress._call

    async def wrong(*words, query="", body=None):
        query = query and "?owner=somebody"
        return await right(*words, query=query, body=body)

    async def believed(*_):
        return True

    patch.setattr(cpu_stress, "_call", wrong)
    patch.setattr(CpuStress, "verify", believed)


def a_cordon_carries_no_mark(patch):
    right = eks_node_drain._patch

    async def wrong(entry, node, world, *, cordoned, mark):
        await right(entry, node, world, cordoned=cordoned, mark=None)

    patch.setattr(eks_node_drain, "_patch", wrong)


def a_node_was_never_ours(patch):
    patch.setattr(eks_node_drain, "_mark", lambda _: "")


def undo_takes_the_mark_and_leaves_the_cordon(patch):
    right = eks_node_drain._patch

    async def wrong(entry, node, world, *, cordoned, mark):
        await right(entry, node, world, cordoned=True, mark=mark)

    patch.setattr(eks_node_drain, "_patch", wrong)


def any_pod_of_the_workload_is_killed(patch):
    async def wrong(self, spec, entry, world):
        pods = await world.kubernetes.list(PODS, namespace=entry.target.namespace)
        await world.kubernetes.delete(Ref(PODS, pods[0]["metadata"]["name"], "shop"))
        return {}

    patch.setattr(PodKill, "inject", wrong)


def undo_is_written_down_and_not_done(patch):
    async def wrong(self, run, entry, fault):
        return Undone("Reverted")

    patch.setattr(RunUndoer, "_revert", wrong)


def an_undone_entry_stays_open_in_the_status(patch):
    right = execute.outcomes.finish

    def wrong(observed, status, story):
        journal = tuple(one.model_copy(update={"state": "Injected"}) for one in status.journal)
        return right(observed, changed(status, journal=journal), story)

    patch.setattr(execute.outcomes, "finish", wrong)


def nobody_holds_the_run(patch):
    right, right_build = chaos.next_step, plan_experiment.build_run

    def build(*words):
        made = right_build(*words)
        made["metadata"].pop("finalizers", None)
        return made

    def wrong(observed):
        held = observed.run.model_copy(update={"held": True})
        step = right(replace(observed, run=held))
        assert not isinstance(step, Hold)
        return step

    patch.setattr(plan_experiment, "build_run", build)
    patch.setattr(chaos, "next_step", wrong)


def an_undo_that_failed_is_not_tried_again(patch):
    right, tried = chaos.next_step, set()

    def wrong(observed):
        step = right(observed)
        if isinstance(step, Undo):
            if observed.run.uid in tried:
                return execute.outcomes.undone(observed, step.index, "Reverted", "")
            tried.add(observed.run.uid)
        return step

    patch.setattr(chaos, "next_step", wrong)


def undo_throws_the_owners_policy_away(patch):
    patch.setattr(sqs_backlog, "_text", lambda *_: "")


def undo_forgets_that_there_was_a_reservation(patch):
    right = lambda_concurrency_zero._reserve

    async def wrong(target, number, world):
        await right(target, None if number else number, world)

    patch.setattr(lambda_concurrency_zero, "_reserve", wrong)


def our_own_answer_is_taken_for_somebody_elses(patch):
    async def diverged(self, entry, world):
        return Undone("Diverged", "it does something else now")

    async def believed(*_):
        return True

    patch.setattr(AlbRoutingFailure, "revert", diverged)
    patch.setattr(AlbRoutingFailure, "verify", believed)


def undo_gives_a_table_the_throughput_of_another_moment(patch):
    right = dynamodb_throttle._update

    async def wrong(name, throughput, world):
        more = {**throughput, "write": throughput["write"] + 1}
        await right(name, more if throughput["write"] > 1 else throughput, world)

    patch.setattr(dynamodb_throttle, "_update", wrong)


BUGS = [
    (undo_throws_the_owners_policy_away, "sqsBacklog", None),
    (undo_forgets_that_there_was_a_reservation, "lambdaConcurrencyZero", None),
    (our_own_answer_is_taken_for_somebody_elses, "albRoutingFailure", None),
    (undo_gives_a_table_the_throughput_of_another_moment, "dynamodbThrottle", None),
    (nobody_is_asked_whose_stress_it_is, "cpuStress", None),
    (stress_is_stopped_in_a_wrong_name, "cpuStress", None),
    (a_cordon_carries_no_mark, "eksNodeDrain", None),
    (a_node_was_never_ours, "eksNodeDrain", None),
    (undo_takes_the_mark_and_leaves_the_cordon, "eksNodeDrain", None),
    (any_pod_of_the_workload_is_killed, "podKill", None),
    (undo_is_written_down_and_not_done, "podPartition", None),
    (an_undone_entry_stays_open_in_the_status, "podPartition", None),
    (nobody_holds_the_run, "dynamodbThrottle", delete_experiment),
    (an_undo_that_failed_is_not_tried_again, "dynamodbThrottle", None),
]


@pytest.mark.parametrize(("bug", "fault", "meanwhile"), BUGS, ids=[one[0].__name__ for one in BUGS])
async def test_finds_that(monkeypatch, bug, fault, meanwhile):
    bug(monkeypatch)
    assert (await sweep(fault, meanwhile=meanwhile, first=True)).failures
