"""A run stays one small object, however much its author selects."""

import json

import pytest
from cloudcafe_operator.planning.checks import MOST_SAID
from cloudcafe_operator.planning.samples import LIMIT, Sample, encode
from cloudcafe_operator.resources.run import JournalEntry, RunStatus, Target

from tests.crash.engines import all_finished, drive
from tests.crash.worlds import World, experiment

ETCD = 1_500_000
ENTRIES, PROBES = 500, 10


async def many_pods(**spec):
    world = World()
    for _ in range(300):
        world.pods.add()
    item = experiment("podKill", **spec)
    item["spec"]["steps"][0]["faults"][0]["mode"] = "all"
    world.kubernetes.seed(item)
    world.recorder.forget()
    await drive(world, until=all_finished)
    return world, world.runs()[0]["status"]


async def test_hundreds_of_targets_are_refused_by_their_number_and_not_read_one_by_one():
    world, status = await many_pods()
    assert "would hit 303 targets and limits.maxTargets is 2" in status["message"]
    pods_read = [call for call in world.recorder.calls if call.target.startswith("Pod ")]
    assert len(pods_read) == 100


async def test_a_preview_of_hundreds_lists_the_first_hundred_and_counts_all():
    _, status = await many_pods(mode="Preview")
    assert len(status["preview"]["targets"]) == 100
    assert (status["preview"]["total"], status["targets"]) == (303, "303")


async def test_one_sentence_for_each_of_hundreds_would_be_no_message():
    world = World()
    for _ in range(50):
        world.pods.add()
    closed = world.kubernetes.find("Namespace", "shop")
    closed["metadata"]["labels"] = {}
    world.kubernetes.seed(closed)
    item = experiment("podKill")
    item["spec"]["steps"][0]["faults"][0]["mode"] = "all"
    world.kubernetes.seed(item)
    await drive(world, until=all_finished)
    message = world.runs()[0]["status"]["message"]
    assert message.count("did not opt in") == MOST_SAID
    assert "and 43 more like it" in message


def test_the_longest_run_with_the_most_probes_and_entries_fits_into_etcd():
    samples = {
        f"a-probe-with-a-rather-long-name-{number}": [
            Sample(7199.99 * at / LIMIT, "refused", 60_000) for at in range(LIMIT)
        ]
        for number in range(PROBES)
    }
    now = "2026-03-01T09:00:00.123Z"
    entry = JournalEntry(
        step=19,
        slot=9,
        fault="securityGroupLockdown",
        target=Target(id="a" * 150, name="b" * 63, namespace="c" * 40, uid="d" * 36),
        state="Injected",
        captured={"rules": "e" * 600},
        claimed_by="cloudcafe-operator-6f7c8d9b5-abcde-01234567",
        claimed_at=now,
        injected_at=now,
        in_force_at=now,
        healthy_at=now,
        undone_at=now,
    )
    status = RunStatus(journal=(entry,) * ENTRIES, probes=encode(samples))
    assert len(json.dumps(status.manifest())) < ETCD


@pytest.mark.parametrize(("fault", "life"), [("cpuStress", "10m"), ("kinesisThrottle", "5m")])
async def test_a_hold_for_longer_than_the_fault_lives_is_refused_before_anything_is_touched(
    fault, life
):
    world = World()
    item = experiment(fault, limits={"maxDuration": "2h"})
    item["spec"]["steps"][0]["hold"] = "1h"
    world.kubernetes.seed(item)
    await drive(world, until=all_finished)
    (run,) = world.runs()
    said = f"step break holds for 1h and {fault} ends by itself after {life}: hold for less"
    assert said in run["status"]["message"]
    assert run["status"]["verdict"] == "Inconclusive"
    assert world.injections()[fault] == 0
