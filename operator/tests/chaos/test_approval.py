"""A step that waits for a human."""

import pytest
from cloudcafe_operator.planning.approval import APPROVED, approved_steps

from tests.crash.engines import Engine, all_finished, drive
from tests.crash.sweep import sweep
from tests.crash.worlds import FAULTS, NAMESPACE, World, experiment

FIRST = {"name": "kill", "faults": [{"podKill": FAULTS["podKill"]}], "hold": "2s"}
SECOND = {
    "name": "fail-over",
    "approval": {"message": "Is the till quiet?", "within": "30s"},
    "faults": [{"auroraFailover": FAULTS["auroraFailover"]}],
    "hold": "6s",
}


class Run:
    """An experiment of two steps, driven second by second."""

    def __init__(self, *steps):
        self.world = World()
        self.world.kubernetes.seed(experiment("podKill", steps=list(steps or (FIRST, SECOND))))
        self.engine = Engine(self.world)

    @property
    def status(self):
        runs = self.world.runs()
        return runs[0].get("status", {}) if runs else {}

    async def until(self, phase, ticks=60):
        for _ in range(ticks):
            await self.engine.tick()
            if self.status.get("phase") == phase:
                return
            self.world.clock.advance(1.0)
        raise AssertionError(self.status)

    def annotate(self, value):
        (item,) = [
            item
            for (_, kind, *_), item in self.world.kubernetes.objects.items()
            if kind == "ChaosExperiment"
        ]
        meta = {**item["metadata"]}
        meta["annotations"] = {**meta["annotations"], APPROVED: value}
        self.world.kubernetes._store({**item, "metadata": meta}, "MODIFIED")


async def test_asks_before_the_step_and_begins_it_after_the_yes():
    run = Run()
    await run.until("Approving")
    (asked,) = [one for one in run.world.events.published if one.reason == "ApprovalNeeded"]
    assert "Is the till quiet? To agree within 30s: kubectl annotate" in asked.message
    assert f"chaosexperiment try {APPROVED}=try-1/fail-over" in asked.message
    assert run.world.injections()["auroraFailover"] == 0
    run.annotate("try-1/fail-over")
    await run.until("Finished")
    assert run.status["verdict"] == "Passed", run.status["message"]
    step = run.status["steps"][1]
    assert step["approvalAskedAt"] < step["approvedAt"] <= step["injectedAt"]


async def test_the_first_step_may_ask_too():
    run = Run(SECOND)
    await run.until("Approving")
    run.annotate("try-1/fail-over")
    await run.until("Finished")
    assert run.status["verdict"] == "Passed", run.status["message"]


@pytest.mark.parametrize("said", ["", "try-0/fail-over", "try-1/kill", "fail-over"])
async def test_without_the_yes_for_this_run_and_step_it_is_aborted(said):
    run = Run()
    await run.until("Approving")
    run.annotate(said)
    await run.until("Finished")
    assert (run.status["verdict"], run.status["stop"]["reason"]) == ("Aborted", "NotApproved")
    assert run.status["message"] == "step fail-over was not begun: nobody agreed within 30s"
    assert run.world.injections()["auroraFailover"] == 0


async def test_a_yes_is_not_enough_while_users_are_not_served():
    run = Run()
    await run.until("Approving")
    run.world.http.unmount("order:8080")
    run.annotate("try-1/fail-over")
    await run.until("Finished")
    assert "users were not served meanwhile" in run.status["message"]


def test_an_annotation_may_agree_to_several_steps():
    assert approved_steps("a-1/x, a-1/y,a-2/z,,nonsense", "a-1") == {"x", "y"}


async def test_a_kill_at_any_write_around_the_question_asks_once_and_injects_once():
    def meanwhile(world):
        world.kubernetes.objects["cloudcafe.dev", "ChaosExperiment", NAMESPACE, "try"]["metadata"][
            "annotations"
        ][APPROVED] = "try-1/break"
        return all_finished

    steps = [{**SECOND, "name": "break"}]
    swept = await sweep("auroraFailover", meanwhile=meanwhile, steps=steps)
    assert swept.failures == []
    world = World()
    world.kubernetes.seed(experiment("auroraFailover", steps=steps))
    await drive(world, until=meanwhile(world))
    assert world.events.reasons.count("ApprovalNeeded") == 1
