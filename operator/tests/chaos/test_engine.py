"""The engine on a small world: what a user applies, does meanwhile, and finds afterwards."""

import pytest
from cloudcafe_operator.errors import AccessDenied, QuotaExceeded, Unavailable, UserError
from cloudcafe_operator.handlers.chaos import SLOWEST_S
from cloudcafe_operator.kinds import CHAOS_RUNS, PODS
from cloudcafe_operator.ports import Ref

from tests.crash.engines import Engine, all_finished, drive
from tests.crash.worlds import FAULTS, NAMESPACE, World, experiment


def world_with(fault, **changes):
    world = World()
    world.kubernetes.seed(experiment(fault, **changes))
    return world


def status(world):
    (run,) = world.runs()
    return run["status"]


async def until_in_force(world):
    engine = Engine(world)
    for _ in range(30):
        await engine.tick()
        if world.runs() and status(world).get("phase") == "Holding":
            return engine
        world.clock.advance(1.0)
    raise AssertionError(world.runs())


async def finish(world, engine):
    for _ in range(60):
        await engine.tick()
        if all_finished(world):
            return status(world)
        world.clock.advance(1.0)
    raise AssertionError(world.runs())


async def test_tells_the_story_of_a_run_in_events():
    world = world_with("auroraFailover")
    await drive(world, until=all_finished)
    assert world.events.reasons == [
        "RunCreated",
        "Started",
        "PreflightPassed",
        "BaselineSteady",
        "Injecting",
        "Injected",
        "Holding",
        "InForce",
        "Reverting",
        "Reverted",
        "Recovering",
        "WholeAgain",
        "Recovered",
        "Passed",
    ]


async def test_the_experiment_shows_its_last_run():
    world = world_with("podKill")
    await drive(world, until=all_finished)
    engine = Engine(world)
    await engine.tick()
    shown = world.kubernetes.find("ChaosExperiment", "try", NAMESPACE)
    assert shown["status"]["run"] == "try-1"
    assert shown["status"]["verdict"] == "Passed"
    assert "finalizers" not in shown["metadata"] or not shown["metadata"]["finalizers"]


async def test_an_experiment_whose_run_is_under_way_looks_again_though_nobody_tells_it_more():
    world = world_with("podKill")
    engine = await until_in_force(world)
    key = f"ChaosExperiment/{NAMESPACE}/try"
    assert await engine.engine.experiment(key) == 30.0
    await finish(world, engine)
    assert await engine.engine.experiment(key) is None


async def test_an_experiment_that_goes_while_it_is_looked_at_is_no_failure():
    world = world_with("podKill")

    def vanish(write, moment):
        if (write.verb, moment) == ("patch_status", "before") and "Experiment" in write.target:
            gone = [key for key in world.kubernetes.objects if key[1] == "ChaosExperiment"]
            for key in gone:
                del world.kubernetes.objects[key]

    world.recorder.hook = vanish
    engine = Engine(world)
    key = f"ChaosExperiment/{NAMESPACE}/try"
    assert await engine.engine.experiment(key) == SLOWEST_S
    assert await engine.engine.experiment(key) is None


async def test_writes_nothing_when_nothing_changes():
    world = world_with("podKill")
    await drive(world, until=all_finished)
    engine = Engine(world)
    await engine.tick()
    world.recorder.forget()
    for _ in range(50):
        await engine.tick()
        world.clock.advance(5.0)
    assert world.recorder.writes == []


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_preview_touches_nothing_and_says_what_it_would_do(fault):
    world = world_with(fault, mode="Preview")
    before = world.snapshot()
    await drive(world, until=all_finished)
    assert world.snapshot() == before
    writes = {(write.verb, write.target.split()[0]) for write in world.recorder.writes}
    assert writes == {
        ("create", "ChaosRun"),
        ("patch_status", "ChaosRun"),
        ("patch_status", "ChaosExperiment"),
    }
    preview = status(world)["preview"]
    assert len(preview["targets"]) == 1
    assert preview["targets"][0]["calls"]
    assert preview["iamActions"] or preview["rbac"]


async def test_the_halt_lever_reverts_running_runs_and_refuses_new_ones():
    world = world_with("dynamodbThrottle")
    engine = await until_in_force(world)
    world.halt(reason="the till queue is on fire")
    found = await finish(world, engine)
    assert (found["verdict"], found["stop"]["reason"]) == ("Aborted", "Halted")
    assert found["message"].endswith("says halted: the till queue is on fire")
    assert world.table.state()["ReadCapacityUnits"] == 500
    world.kubernetes.seed(experiment("podKill", name="second"))
    await drive(world, until=all_finished)
    assert world.injections()["podKill"] == 0


async def test_a_deadline_reverts():
    world = world_with("dynamodbThrottle", limits={"maxDuration": "8s"})
    await drive(world, until=all_finished)
    assert status(world)["stop"]["reason"] == "DeadlineExceeded"
    assert world.table.state()["ReadCapacityUnits"] == 500


async def test_a_stop_condition_reverts():
    rules = [{"probe": "coffee", "failingFor": "2s"}]
    world = world_with("dynamodbThrottle", stopWhen=rules)
    await drive(world, until=all_finished)
    assert status(world)["stop"]["reason"] == "StopCondition"
    assert world.table.state()["ReadCapacityUnits"] == 500


async def test_a_paused_experiment_begins_nothing():
    world = world_with("podKill", paused=True)
    engine = Engine(world)
    for _ in range(10):
        await engine.tick()
        world.clock.advance(1.0)
    assert world.runs() == []


async def test_an_unsteady_baseline_is_inconclusive_and_touches_nothing():
    world = world_with("auroraFailover")
    world.http.unmount("order:8080")
    await drive(world, until=all_finished)
    assert status(world)["verdict"] == "Inconclusive"
    assert "repair the system first" in status(world)["message"]
    assert status(world)["message"].endswith("coffee met connection refused")
    assert world.injections()["auroraFailover"] == 0


async def test_no_targets_is_inconclusive():
    spec = {"podKill": {"selector": {"labels": {"app": "nobody"}}}}
    world = world_with("podKill", steps=[{"name": "x", "faults": [spec]}])
    await drive(world, until=all_finished)
    assert status(world)["verdict"] == "Inconclusive"
    assert "selector matches nothing" in status(world)["message"]


async def test_a_namespace_that_did_not_opt_in_is_refused_in_a_condition_and_an_event():
    world = World()
    world.kubernetes.objects["", "Namespace", "", NAMESPACE]["metadata"]["labels"] = {}
    world.kubernetes.seed(experiment("podKill"))
    await drive(world, until=all_finished)
    accepted = next(c for c in status(world)["conditions"] if c["type"] == "Accepted")
    assert (accepted["status"], accepted["reason"]) == ("False", "NotOptedIn")
    assert "kubectl label namespace shop" in accepted["message"]
    assert "NotOptedIn" in world.events.reasons


async def test_a_changed_spec_makes_a_new_run_and_pausing_does_not():
    world = world_with("podKill")
    await drive(world, until=all_finished)
    change(world, paused=True)
    change(world, paused=False)
    await drive(world, until=all_finished)
    assert [run["metadata"]["name"] for run in world.runs()] == ["try-1"]
    change(world, seed=7)
    await drive(world, until=lambda w: len(w.runs()) == 2 and all_finished(w))
    assert {run["metadata"]["name"] for run in world.runs()} == {"try-1", "try-4"}


async def test_an_undo_that_fails_says_so_with_the_command_and_goes_on():
    world = world_with("dynamodbThrottle")
    engine = await until_in_force(world)
    denied = [AccessDenied("grant dynamodb:UpdateTable") for _ in range(3)]
    world.aws.fail_next("dynamodb", "update_table", *denied)
    seen = []
    for _ in range(60):
        await engine.tick()
        seen += [c["message"] for c in status(world)["conditions"] if c["type"] == "UndoBlocked"]
        if all_finished(world):
            break
        world.clock.advance(1.0)
    assert "by hand: aws dynamodb update-table --table-name cloudcafe-orders" in seen[0]
    assert status(world)["journal"][0]["state"] == "Reverted"
    assert all(c["type"] != "UndoBlocked" for c in status(world)["conditions"])


async def test_somebody_elses_change_is_kept_and_said():
    world = world_with("dynamodbThrottle")
    engine = await until_in_force(world)
    world.table.units = {"ReadCapacityUnits": 277, "WriteCapacityUnits": 277}
    found = await finish(world, engine)
    assert world.table.state()["ReadCapacityUnits"] == 277
    assert found["journal"][0]["state"] == "Diverged"
    assert found["verdict"] == "Inconclusive"


@pytest.mark.parametrize(("away", "verdict"), [(3.0, "Passed"), (9.0, "Inconclusive")])
async def test_a_restarted_operator_shows_the_gap_it_left_in_the_samples(away, verdict):
    world = world_with("auroraFailover")
    engine = await until_in_force(world)
    engine.bury()
    world.clock.advance(away)
    found = await finish(world, Engine(world))
    assert found["steps"][0]["measures"]["gaps"]
    assert found["verdict"] == verdict


async def test_time_without_an_operator_is_no_baseline():
    world = world_with("auroraFailover")
    engine = Engine(world)
    while not world.runs() or status(world).get("phase") != "Baseline":
        await engine.tick()
        world.clock.advance(0.2)
    engine.bury()
    world.clock.advance(60.0)  # nobody watches
    found = await finish(world, Engine(world))
    assert found["verdict"] == "Passed", found["message"]


async def test_a_target_in_the_journal_of_another_run_is_refused():
    world = world_with("dynamodbThrottle")
    engine = await until_in_force(world)
    world.kubernetes.seed(experiment("dynamodbThrottle", name="other"))
    for _ in range(60):
        await engine.tick()
        world.clock.advance(1.0)
    by_name = {run["metadata"]["name"]: run["status"] for run in world.runs()}
    assert "held by run shop/try-1" in by_name["other-1"]["message"]
    assert by_name["try-1"]["verdict"] == "Passed"


async def test_a_workload_that_never_becomes_whole_again_fails_the_run_though_nobody_noticed():
    world = world_with("podKill")
    world.kubernetes.watchers.remove(world.pods.replace)  # nobody replaces what is killed
    await drive(world, until=all_finished)
    assert status(world)["verdict"] == "Failed"
    assert "targets not whole" in status(world)["message"]


async def test_an_api_server_that_does_not_answer_for_a_while_delays_the_undo_by_seconds_only():
    world = world_with("dynamodbThrottle")
    engine = await until_in_force(world)
    world.kubernetes.fail_next("get", *[Unavailable("no answer") for _ in range(12)])
    began = world.clock.monotonic()
    found = await finish(world, engine)
    assert found["journal"][0]["state"] == "Reverted"
    assert world.clock.monotonic() - began < 40


@pytest.mark.parametrize(
    "refused", [UserError("invalid"), AccessDenied("forbidden"), QuotaExceeded("no room")]
)
async def test_a_refused_write_of_a_run_delays_the_undo_by_seconds_only(refused):
    world = world_with("dynamodbThrottle")
    engine = await until_in_force(world)
    world.kubernetes.fail_next("patch_status", refused, refused)
    began = world.clock.monotonic()
    found = await finish(world, engine)
    assert found["journal"][0]["state"] == "Reverted"
    assert world.clock.monotonic() - began < 60


async def test_a_run_that_somebody_tore_away_is_sampled_no_longer():
    world = world_with("auroraFailover")
    engine = await until_in_force(world)
    key = next(key for key in world.kubernetes.objects if key[1] == "ChaosRun")
    item = world.kubernetes.objects[key]
    world.kubernetes._remove(key, item)
    world.clock.advance(1.0)
    await engine.tick()
    assert engine.engine.sampler._watches == {}


async def test_removing_a_finished_run_does_not_break_anything_again():
    world = world_with("podKill")
    await drive(world, until=all_finished)
    engine = Engine(world)
    await engine.tick()
    (run,) = world.runs()
    await world.kubernetes.delete(Ref(CHAOS_RUNS, run["metadata"]["name"], NAMESPACE))
    for _ in range(5):
        await engine.tick()
        world.clock.advance(1.0)
    assert world.runs() == []
    for paused in (True, False):
        change(world, paused=paused)
        await engine.tick()
    assert world.runs() == []
    change(world, seed=7)
    await finish(world, engine)
    assert world.injections()["podKill"] == 2


def change(world, **fields):
    item = world.kubernetes.find("ChaosExperiment", "try", NAMESPACE)
    world.kubernetes._store({**item, "spec": {**item["spec"], **fields}}, "MODIFIED")


async def test_two_runs_at_once_do_not_take_the_same_target():
    world = World()
    for name in ("one", "two"):
        world.kubernetes.seed(experiment("auroraFailover", name))
    await drive(world, until=lambda world: len(world.runs()) == 2 and all_finished(world))
    verdicts = sorted(run["status"]["verdict"] for run in world.runs())
    assert verdicts == ["Inconclusive", "Passed"]
    refused = next(run for run in world.runs() if run["status"]["verdict"] == "Inconclusive")
    assert refused["status"]["stop"]["reason"] == "TargetBusy"
    assert world.aurora.failovers == 1


async def test_a_target_is_held_until_it_was_seen_whole_after_the_undo():
    world = world_with("podKill")
    world.kubernetes.watchers.remove(world.pods.replace)
    engine = Engine(world)
    for _ in range(40):
        await engine.tick()
        if world.runs() and status(world).get("phase") == "Recovering":
            break
        world.clock.advance(1.0)
    (entry,) = status(world)["journal"]
    assert entry["state"] == "Reverted"
    world.kubernetes.seed(
        pod := {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": entry["target"]["name"],
                "namespace": NAMESPACE,
                "labels": {"again": "yes"},
            },
            "spec": {},
            "status": {"phase": "Running"},
        }
    )
    later = experiment("podKill", "later")
    later["spec"]["steps"][0]["faults"] = [
        {"podKill": {"selector": {"names": [pod["metadata"]["name"]]}}}
    ]
    world.kubernetes.seed(later)
    world.clock.advance(1.0)
    await engine.tick()
    await engine.tick()
    second = next(run for run in world.runs() if run["metadata"]["name"] == "later-1")
    assert "is held by run shop/try-1: wait" in second["status"]["message"]


async def test_events_count_in_english():
    world = world_with("podKill")
    await drive(world, until=all_finished)
    (told,) = [one.message for one in world.events.published if one.reason == "PreflightPassed"]
    assert told.startswith("1 target; watching a baseline of")


async def test_a_run_that_is_deleted_while_it_is_looked_at_is_no_error():
    world = world_with("podKill", mode="Preview")  # held by no finalizer: it touches nothing
    engine = Engine(world)
    listed = world.kubernetes.list

    async def deletes(resource, **options):
        for run in world.runs() if resource == PODS else ():
            await world.kubernetes.delete(Ref(CHAOS_RUNS, run["metadata"]["name"], NAMESPACE))
        return await listed(resource, **options)

    await engine.engine.experiment(f"ChaosExperiment/{NAMESPACE}/try")
    world.kubernetes.list = deletes
    key = f"ChaosRun/{NAMESPACE}/try-1"
    assert await engine.engine.run(key) == SLOWEST_S
    assert await engine.engine.run(key) is None
