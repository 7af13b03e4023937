"""managementPolicy: what has no owner is refused, adopted after a word, or only observed."""

import base64

import pytest
from cloudcafe_operator.errors import ThrottledByAws, Unavailable

from tests.fakes import Died
from tests.fakes.stores import CLUSTER, DEAD_LETTERS, ID, QUEUE, REF, SECRET, StoreWorld

OWNER = "cloudcafe.dev/owner"
TERRAFORM = {"cloudcafe.dev/part-of": "cloudcafe", "team": "till"}
ARN = "arn:aws:sqs:eu-west-1:000000000000:"


def by_terraform(world):
    """Make both queues and the secret as somebody else would, without an owner."""
    for name in (DEAD_LETTERS, QUEUE):
        settings = {"FifoQueue": "true", "VisibilityTimeout": "45", "QueueArn": ARN + name}
        world.aws.queues[name] = {
            "attributes": settings | {"MessageRetentionPeriod": "345600"},
            "tags": dict(TERRAFORM),
        }
    world.aws.create_secret(
        Name=SECRET, ClientRequestToken="v1", SecretString="their-key", Tags=[], Description=""
    )


async def started(**spec):
    world = StoreWorld()
    by_terraform(world)
    await world.apply(**spec)
    await world.settle_for(60)
    return world


async def say(world, word):
    await world.kubernetes.patch(REF, {"metadata": {"annotations": {"cloudcafe.dev/adopt": word}}})


def changes(world):
    return {(c["resource"], c["field"], c["want"], c["got"]) for c in adoption(world)["changes"]}


def adoption(world):
    return world.store["status"].get("adoption")


def aws_writes(world):
    return [write.verb for write in world.recorder.writes if write.api == "aws"]


async def test_without_adoption_what_has_no_owner_is_refused_with_the_remedy():
    world = await started()
    status, reason, message = world.condition("Ready")
    assert (status, reason) == ("False", "Unowned")
    assert "spec.managementPolicy: Adopt shows what taking it over would change" in message
    assert QUEUE in message
    assert aws_writes(world) == []


async def test_the_difference_is_shown_first_with_the_word_that_agrees_to_it():
    world = await started(managementPolicy="Adopt")
    owner = f"default/corner/{world.store['metadata']['uid']}"
    assert (QUEUE, f"tags.{OWNER}", owner, "") in changes(world)
    assert (QUEUE, "VisibilityTimeout", "30", "45") in changes(world)
    assert (SECRET, f"tags.{OWNER}", owner, "") in changes(world)
    status, reason, message = world.condition("Ready")
    assert (status, reason) == ("False", "AwaitingAdoption")
    word = adoption(world)["word"]
    assert f"cafestore -n default corner cloudcafe.dev/adopt={word}" in message
    assert "AwaitingAdoption" in world.events.reasons
    assert aws_writes(world) == []


async def test_on_the_word_it_is_tagged_and_corrected_and_keeps_its_key_and_others_tags():
    world = await started(managementPolicy="Adopt")
    await say(world, adoption(world)["word"])
    await world.settle_for(60)
    owner = f"default/corner/{world.store['metadata']['uid']}"
    tags = world.aws.queues[QUEUE]["tags"]
    assert tags == {**TERRAFORM, OWNER: owner, "cloudcafe.dev/cluster": CLUSTER}
    settings = world.aws.queues[QUEUE]["attributes"]
    assert settings["VisibilityTimeout"] == "30"
    assert DEAD_LETTERS in settings["RedrivePolicy"]
    till = world.kubernetes.find("Secret", "corner-till", "default")
    assert base64.b64decode(till["data"]["key"]) == b"their-key"
    assert world.condition("Ready")[0] == "True"
    assert adoption(world) is None
    why = {one["why"] for one in world.store["status"]["history"]}
    assert any(reason.startswith("adopted: its owner said") for reason in why)


async def test_another_word_adopts_nothing():
    world = await started(managementPolicy="Adopt")
    await say(world, "yes")
    await world.settle_for(60)
    assert aws_writes(world) == []
    assert world.condition("Ready")[1] == "AwaitingAdoption"


async def test_a_difference_that_was_not_shown_needs_a_new_word():
    world = await started(managementPolicy="Adopt")
    word = adoption(world)["word"]
    world.aws.queues[QUEUE]["attributes"]["VisibilityTimeout"] = "3600"
    await say(world, word)
    await world.settle_for(60)
    assert world.aws.queues[QUEUE]["attributes"]["VisibilityTimeout"] == "3600"
    assert adoption(world)["word"] != word
    await say(world, adoption(world)["word"])
    await world.settle_for(60)
    assert world.condition("Ready")[0] == "True"


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_dying_at_any_write_of_an_adoption_needs_no_second_word(moment):
    number, died = 0, True
    while died:
        number += 1
        world = await started(managementPolicy="Adopt")
        await say(world, adoption(world)["word"])
        world.recorder.die_at(number, moment)
        died = False
        try:
            await world.settle_for(60)
        except Died:
            died = True
            world.restart()
            await world.settle_for(60)
        assert world.condition("Ready")[0] == "True", number
        for name in (QUEUE, DEAD_LETTERS):
            assert OWNER in world.aws.queues[name]["tags"]
    assert number > 8


async def test_adopted_things_are_managed_by_the_drift_policy_from_then_on():
    world = await started(managementPolicy="Adopt")
    await say(world, adoption(world)["word"])
    await world.settle_for(60)
    world.aws.queues[QUEUE]["attributes"]["VisibilityTimeout"] = "5"
    world.recorder.forget()
    await world.settle_for(700)
    assert aws_writes(world) == []
    assert world.condition("Drifted")[0] == "True"


@pytest.mark.parametrize("policy", ["Adopt", "Manage"])
async def test_a_foreign_owner_is_refused_whatever_word_is_said(policy):
    world = StoreWorld()
    by_terraform(world)
    world.aws.queues[QUEUE]["tags"][OWNER] = "north/harbour/uid-7"
    await world.apply(managementPolicy="Adopt")
    await world.settle_for(60)
    if word := (adoption(world) or {}).get("word"):
        await say(world, word)
        await world.settle_for(60)
    status, reason, message = world.condition("Ready")
    assert (status, reason) == ("False", "OwnedBySomeoneElse")
    assert f"{QUEUE} belongs to north/harbour/uid-7" in message
    assert world.aws.queues[QUEUE]["tags"][OWNER] == "north/harbour/uid-7"


async def test_a_kubernetes_object_without_an_owner_is_adopted_too():
    world = StoreWorld()
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "corner-store", "namespace": "default"},
        "data": {"CAFE_ORDER_URL": "http://elsewhere", "note": "keep"},
    }
    world.kubernetes.seed(config)
    await world.apply(managementPolicy="Adopt")
    await world.settle_for(60)
    assert ("corner-store", "data.CAFE_ORDER_URL", "http://order:8080", "http://elsewhere") in (
        changes(world)
    )
    await say(world, adoption(world)["word"])
    await world.settle_for(60)
    found = world.kubernetes.find("ConfigMap", "corner-store", "default")
    assert found["data"]["CAFE_ORDER_URL"] == "http://order:8080"
    assert found["data"]["note"] == "keep"
    assert world.condition("Ready")[0] == "True"


async def test_observing_writes_nothing_and_shows_every_difference():
    world = await started(managementPolicy="Observe")
    assert {(write.api, write.verb) for write in world.recorder.writes} <= {
        ("kubernetes", "create"), ("kubernetes", "patch"), ("kubernetes", "patch_status"),
    }  # fmt: skip
    assert world.cafe.writes == []
    found = {(one["resource"], one["field"], one["got"]) for one in world.store["status"]["drift"]}
    assert {
        (QUEUE, "VisibilityTimeout", "45"),
        (QUEUE, f"tags.{OWNER}", ""),
        ("corner-till", "exists", "no"),
        (ID, "exists", "no"),
    } <= found
    assert world.condition("DataTierReady")[:2] == ("False", "Observed")


async def test_an_observed_store_is_deleted_without_touching_anything():
    world = await started()  # made, then only observed
    for name in (QUEUE, DEAD_LETTERS):
        del world.aws.queues[name]
    del world.aws.secrets[SECRET]
    await world.settle_for(60)
    assert world.condition("Ready")[0] == "True"
    await world.kubernetes.patch(REF, {"spec": {"managementPolicy": "Observe"}})
    world.recorder.forget()
    await world.kubernetes.delete(REF)
    await world.reconcile()
    assert world.store is None
    assert aws_writes(world) == []
    assert QUEUE in world.aws.queues
    assert ID in world.cafe.stores


async def test_an_adoption_goes_on_after_an_error_without_a_second_word():
    world = await started(managementPolicy="Adopt")
    await say(world, adoption(world)["word"])
    world.fake_aws.fail_next("secretsmanager", "tag_resource", Unavailable("away"))
    await world.settle_for(60)
    assert world.condition("Ready")[0] == "True"


async def agreed_while_throttled(times):
    """A store that adopts two alarms as well, while CloudWatch throttles so many times."""
    world = StoreWorld()
    by_terraform(world)
    for name in ("dead-letters", "order-queue-age"):
        called = f"cloudcafe/{REF.namespace}/{REF.name}/{name}"
        world.aws.extras.put_metric_alarm(AlarmName=called, Tags=[], Threshold=7.0)
    await world.apply(managementPolicy="Adopt")
    await world.settle_for(60)
    refusals = [ThrottledByAws("slow down")] * times
    world.fake_aws.fail_next("cloudwatch", "tag_resource", *refusals)
    await say(world, adoption(world)["word"])
    return world


@pytest.mark.parametrize("times", [1, 2, 5])
async def test_one_word_is_enough_though_cloudwatch_throttles_meanwhile(times):
    world = await agreed_while_throttled(times)
    await world.settle_for(60, until=lambda: world.condition("Ready")[0] == "True")
    ready = set()
    await world.settle_for(900, until=lambda: ready.add(world.condition("Ready")[:2]))
    assert ready == {("True", "Ready")}
    assert world.condition("Watched")[0] == "True"
    assert adoption(world) is None


async def test_a_store_is_ready_and_asks_for_no_word_again_while_its_alarms_wait_to_be_adopted():
    world = await agreed_while_throttled(500)
    word = adoption(world)["word"]
    await world.settle_for(300)
    assert world.condition("Ready")[:2] == ("True", "Ready")
    assert world.condition("Watched")[:2] == ("False", "ThrottledByAWS")
    assert adoption(world)["word"] == word


def of_before(world, uid="a-lost-clusters"):
    """Let all there is be an earlier store's of the same name."""
    mine = f"default/corner/{uid}"
    for queue in world.aws.queues.values():
        queue["tags"][OWNER] = mine
    world.aws.secrets[SECRET]["Tags"] = {OWNER: mine}


async def test_what_a_store_of_a_lost_cluster_left_is_refused_with_the_way_to_get_it():
    world = StoreWorld()
    by_terraform(world)
    of_before(world)
    await world.apply()
    await world.settle_for(60)
    _, reason, message = world.condition("Ready")
    assert reason == "OwnedBySomeoneElse"
    assert "an earlier store of this name (managementPolicy Adopt takes it over)" in message
    assert aws_writes(world) == []


async def test_what_a_store_of_a_lost_cluster_left_is_adopted_after_a_word():
    world = StoreWorld()
    by_terraform(world)
    of_before(world)
    await world.apply(managementPolicy="Adopt")
    await world.settle_for(60)
    owner = f"default/corner/{world.store['metadata']['uid']}"
    assert (QUEUE, f"tags.{OWNER}", owner, "default/corner/a-lost-clusters") in changes(world)
    assert aws_writes(world) == []
    await say(world, adoption(world)["word"])
    await world.settle_for(60)
    assert world.condition("Ready")[0] == "True"
    assert world.aws.queues[QUEUE]["tags"][OWNER] == owner


async def test_what_another_store_owns_is_never_adopted():
    world = StoreWorld()
    by_terraform(world)
    world.aws.queues[QUEUE]["tags"][OWNER] = "default/corner-2/somebody"
    await world.apply(managementPolicy="Adopt")
    await world.settle_for(60)
    assert world.condition("Ready")[1] == "OwnedBySomeoneElse"
    assert QUEUE not in str(adoption(world) or "")


async def test_adopting_takes_nothing_away_that_was_not_shown():
    world = StoreWorld()
    by_terraform(world)
    theirs = f"cloudcafe/{REF.namespace}/{REF.name}/order-failures"  # this store has no slo
    tags = [{"Key": key, "Value": value} for key, value in TERRAFORM.items()]
    world.aws.extras.put_metric_alarm(AlarmName=theirs, Tags=tags)
    await world.apply(managementPolicy="Adopt", tier="kiosk")
    await world.settle_for(60)
    await say(world, adoption(world)["word"])
    await world.settle_for(120)
    assert adoption(world) is None
    assert theirs in world.aws.extras.alarms
    rows = world.store["status"]["resources"]
    assert [one for one in rows if one["state"] == "Leaving"] == []


async def test_a_tills_key_survives_though_its_secret_is_lost_and_nobody_has_adopted_it():
    world = StoreWorld()
    key = base64.b64encode(b"their-key").decode()
    meta = {"name": "corner-till", "namespace": "default"}
    till = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": {"key": key}}
    world.kubernetes.seed(till)
    await world.apply(managementPolicy="Adopt")
    await world.settle_for(60)
    assert world.aws.get_secret_value(SecretId=SECRET)["SecretString"] == "their-key"
