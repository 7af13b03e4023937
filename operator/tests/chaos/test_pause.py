"""A pause begins nothing and keeps nothing in force: what is broken is undone in its time."""

import pytest
from cloudcafe_operator.errors import Conflict, Retry, Unavailable
from cloudcafe_operator.kinds import CHAOS_RUNS

from tests.crash.engines import Engine, all_finished
from tests.crash.worlds import FAULTS, World, experiment
from tests.fakes.aws_lambda import PAYMENTS

SECOND = {
    "name": "second",
    "faults": [{"auroraFailover": FAULTS["auroraFailover"]}],
    "hold": "2s",
    "recovery": {"within": "30s"},
}


class Paused:
    """An experiment that is paused and let go on while its run is under way."""

    def __init__(self, **changes):
        self.world = World()
        self.world.kubernetes.seed(experiment("dynamodbThrottle", **changes))
        self.engine = Engine(self.world)
        self.before = self.world.table.state()

    @property
    def status(self):
        return (self.world.runs() or [{}])[0].get("status", {})

    def change(self, **fields):
        item = self.world.kubernetes.find("ChaosExperiment", "try", "shop")
        self.world.kubernetes._store({**item, "spec": {**item["spec"], **fields}}, "MODIFIED")

    async def go(self, seconds, until=lambda: False):
        for _ in range(seconds):
            await self.engine.tick()
            if until():
                return
            self.world.clock.advance(1.0)

    async def reach(self, phase):
        await self.go(60, until=lambda: self.status.get("phase") == phase)
        assert self.status["phase"] == phase

    async def end(self):
        await self.go(90, until=lambda: all_finished(self.world))
        assert self.status["phase"] == "Finished"


async def test_a_run_that_has_not_broken_anything_yet_waits_for_the_pause_to_end():
    run = Paused()
    await run.reach("Baseline")
    run.change(paused=True)
    await run.go(30)
    assert run.status["phase"] == "Baseline"
    assert run.world.table.lowered == 0
    run.change(paused=False)
    await run.end()
    assert run.status["verdict"] == "Passed", run.status["message"]


async def test_a_pause_does_not_keep_a_fault_in_force():
    run = Paused()
    await run.reach("Holding")
    run.change(paused=True)
    await run.go(10)
    assert run.world.table.state() == run.before
    assert [one["state"] for one in run.status["journal"]] == ["Reverted"]
    await run.end()
    assert run.status["verdict"] == "Passed", run.status["message"]


async def test_a_pause_between_two_steps_breaks_nothing_more_until_it_ends():
    run = Paused()
    spec = run.world.kubernetes.find("ChaosExperiment", "try", "shop")["spec"]
    run = Paused(steps=[*spec["steps"], SECOND])
    await run.reach("Recovering")
    run.change(paused=True)
    await run.go(30)
    assert run.world.injections()["auroraFailover"] == 0
    run.change(paused=False)
    await run.end()
    assert run.world.injections()["auroraFailover"] == 1
    assert run.status["verdict"] == "Passed", run.status["message"]


async def test_a_pause_that_outlasts_the_deadline_ends_the_run():
    run = Paused(limits={"maxDuration": "30s"})
    await run.reach("Baseline")
    run.change(paused=True)
    await run.end()
    assert (run.status["verdict"], run.status["stop"]["reason"]) == ("Aborted", "DeadlineExceeded")
    assert run.world.table.lowered == 0


@pytest.mark.parametrize("minutes", [6, 600])
async def test_a_pause_skips_the_starts_of_a_schedule_and_makes_up_for_none(minutes):
    run = Paused(schedule={"cron": "*/5 * * * *", "startingDeadline": "30s"}, paused=True)
    await run.go(60 * min(minutes, 6))
    run.world.clock.advance(60 * max(0, minutes - 6))
    await run.go(60)
    assert run.world.runs() == []
    run.change(paused=False)
    await run.go(20)
    assert run.world.runs() == []
    await run.go(300, until=lambda: bool(run.world.runs()))
    assert len(run.world.runs()) == 1


async def test_a_pause_in_the_middle_of_a_step_keeps_its_first_fault_no_longer_than_the_hold():
    faults = [{name: FAULTS[name]} for name in ("dynamodbThrottle", "lambdaConcurrencyZero")]
    run = Paused(steps=[{"name": "both", "faults": faults, "hold": "4s"}])
    busy = [Retry("busy", after=1.0)] * 2
    run.world.aws.fail_next("lambda", "put_function_concurrency", *busy)
    await run.go(60, until=lambda: run.world.table.lowered)
    run.change(paused=True)
    await run.go(10)
    assert run.world.table.state() == run.before
    await run.end()
    assert run.status["verdict"] == "Inconclusive"


async def test_a_pause_does_not_keep_an_injection_in_force_whose_answer_was_lost():
    faults = [{"lambdaConcurrencyZero": FAULTS["lambdaConcurrencyZero"]}]
    run = Paused(steps=[{"name": "stop", "faults": faults, "hold": "4s"}])
    functions = run.world.parts["lambda"]
    before, put = dict(functions.reserved), functions.put

    def lose_answer(**asked):
        answer = put(**asked)
        if asked["ReservedConcurrentExecutions"] == 0:
            run.change(paused=True)
            raise Unavailable("no answer within 8s")
        return answer

    run.world.aws.on("lambda", "put_function_concurrency", lose_answer)
    await run.go(20)
    assert functions.reserved == before
    await run.end()


BOTH = [{name: FAULTS[name]} for name in ("dynamodbThrottle", "lambdaConcurrencyZero")]


def captured(*, hold="4s", **changes):
    """Return a run that is paused when its targets are captured, and before any is touched."""
    run = Paused(steps=[{"name": "both", "faults": BOTH, "hold": hold}], **changes)
    store = run.world.kubernetes.patch_status
    run.stored = []

    async def patch_status(ref, status, **how):
        stored = await store(ref, status, **how)
        journal = stored["status"].get("journal", [])
        if journal and not any(run.stored):
            run.change(paused=True)
            run.world.clock.advance(1.0)  # so that the experiment is read again
        run.stored.append(journal)
        return stored

    run.world.kubernetes.patch_status = patch_status
    return run


async def until_paused(run):
    await run.go(60, until=lambda: any(run.stored))
    assert any(run.stored)
    await run.go(20)


async def test_a_pause_before_the_first_injection_is_waited_for_longer_than_the_hold():
    run = captured()
    await until_paused(run)
    assert (run.status["phase"], run.status.get("journal", [])) == ("Injecting", [])
    assert sum(run.world.injections().values()) == 0
    run.change(paused=False)
    await run.end()
    assert run.status["verdict"] == "Passed", run.status["message"]
    assert run.world.table.state() == run.before


async def test_what_was_captured_before_a_pause_is_captured_anew_after_it():
    run = captured()
    await until_paused(run)
    functions = run.world.parts["lambda"].reserved
    functions[PAYMENTS] = 7  # somebody has other plans meanwhile
    run.change(paused=False)
    await run.end()
    assert run.world.injections()["lambdaConcurrencyZero"] == 1
    assert functions[PAYMENTS] == 7


async def test_a_pause_before_the_first_injection_that_outlasts_the_deadline_ends_the_run():
    run = captured(limits={"maxDuration": "30s", "maxTargets": 2})
    await until_paused(run)
    await run.end()
    assert (run.status["verdict"], run.status["stop"]["reason"]) == ("Aborted", "DeadlineExceeded")
    assert sum(run.world.injections().values()) == 0


async def test_who_takes_a_paused_run_over_undoes_what_may_have_been_injected():
    run = captured(hold="10s")
    await run.go(60, until=lambda: any(run.stored))
    run.engine.bury()
    run.engine = Engine(run.world)
    await run.go(90, until=lambda: run.status["phase"] == "Recovering")
    assert {one["state"] for one in run.status["journal"]} == {"Reverted"}
    await run.end()
    assert run.world.table.state() == run.before


async def test_what_went_from_the_journal_without_an_answer_does_not_count_as_untried():
    run = captured()
    store = run.world.kubernetes.patch_status

    async def lose_answer(ref, status, **how):
        stored = await store(ref, status, **how)
        if ref.resource == CHAOS_RUNS and run.stored[-2] and not run.stored[-1]:
            raise Unavailable("no answer within 8s")
        return stored

    run.world.kubernetes.patch_status = lose_answer
    await until_paused(run)
    assert not run.status.get("journal")
    (memory,) = run.engine.engine._observer._memories.values()
    assert memory.untried == set()


async def test_what_could_not_leave_the_journal_yet_is_still_known_to_be_untried():
    run = captured()
    store, refused = run.world.kubernetes.patch_status, []

    async def refuse_once(ref, status, **how):
        leaves = ref.resource == CHAOS_RUNS and status.get("journal", ...) in (None, [])
        if leaves and any(run.stored) and not refused:
            refused.append(status)
            raise Conflict("somebody wrote an annotation")
        return await store(ref, status, **how)

    run.world.kubernetes.patch_status = refuse_once
    await until_paused(run)
    assert refused
    assert (run.status["phase"], run.status.get("journal", [])) == ("Injecting", [])
