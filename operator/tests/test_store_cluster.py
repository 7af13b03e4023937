"""What a store has on AWS tells its cluster; what was made before it did learns it unnoticed."""

import contextlib

import pytest
from cloudcafe_operator.errors import AccessDenied, Conflict, ThrottledByAws, Unavailable

from tests.fakes import Died
from tests.fakes.late_writes import LateWrites
from tests.fakes.stores import CLUSTER, DEAD_LETTERS, QUEUE, REF, SECRET, StoreWorld

TAG, OWNER, PART_OF = (f"cloudcafe.dev/{name}" for name in ("cluster", "owner", "part-of"))
ANOTHER = "a7a7a7a7-0000-4000-8000-000000000002"
TAGGING = {
    "sqs.tag_queue": 2,
    "secretsmanager.tag_resource": 1,
    "cloudwatch.tag_resource": 5,  # four alarms and a dashboard
    "dynamodb.tag_resource": 1,
}
REFUSALS = [AccessDenied("not allowed"), ThrottledByAws("slow down"), Unavailable("away")]


def tags(world):
    """Return the tags of all that the store has on AWS, to look at and to change."""
    queues = [queue["tags"] for queue in world.aws.queues.values()]
    secrets = [secret["Tags"] for secret in world.aws.secrets.values()]
    return [*queues, *secrets, *world.aws.extras.tags.values()]


def told(world):
    return {one.get(TAG) for one in tags(world)}


def aws_writes(world):
    verbs = [write.verb for write in world.recorder.writes if write.api == "aws"]
    return {verb: verbs.count(verb) for verb in verbs}


async def made_before(**spec):
    """A flagship in order, of an operator that did not know its cluster; a new one has started."""
    world = StoreWorld()
    world.cluster = ""
    world.restart()
    await world.apply(tier="flagship", **spec)
    await world.settle()
    for one in tags(world):
        del one[TAG]
    world.cluster = CLUSTER
    world.restart()
    world.recorder.forget()
    world.events.published.clear()
    world.clock.advance(601)
    return world


async def until_refused(world):
    while True:
        world.clock.advance(await world.reconcile())


def untouched(world):
    """Whether nobody noticed: what the status says of the store, and its events."""
    status = world.store["status"]
    conditions = {one["type"]: one["status"] for one in status["conditions"]}
    fine = conditions == {
        "Ready": "True", "DataTierReady": "True", "MenuSynced": "True", "Drifted": "False",
        "OrderPathVerified": "True", "LedgerBalanced": "Unknown", "Watched": "True",
        "Paused": conditions["Paused"],
    }  # fmt: skip
    return fine and not status.get("drift") and not world.events.reasons


async def test_everything_of_a_store_tells_its_cluster_from_the_first():
    world = StoreWorld()
    await world.apply(tier="flagship")
    await world.settle()
    assert len(tags(world)) == 9
    assert told(world) == {CLUSTER}
    assert not {*aws_writes(world)} & {*TAGGING}


@pytest.mark.parametrize("policy", ["Report", "Correct", "Ignore"])
async def test_what_was_made_before_learns_it_at_the_next_look_by_one_write_and_unnoticed(policy):
    world = await made_before(driftPolicy=policy)
    applied = world.store["status"]["applied"]
    await world.settle_for(1800, until=lambda: not untouched(world))
    assert untouched(world)
    assert told(world) == {CLUSTER}
    assert aws_writes(world) == TAGGING
    assert world.store["status"]["applied"] == applied
    deeds = [one["why"] for one in world.store["status"]["history"]]
    assert deeds.count("it did not tell its cluster") == sum(TAGGING.values())


async def test_a_store_whose_wishes_an_older_operator_did_not_note_learns_it_too():
    world = await made_before()
    status = world.store["status"]
    status.pop("applied")
    world.kubernetes.set_status("CafeStore", "corner", "default", status)
    await world.settle()
    assert told(world) == {CLUSTER}
    assert untouched(world)


@pytest.mark.parametrize("conflicts", [0, 1])
async def test_where_drift_is_only_reported_nothing_but_the_cluster_is_written(conflicts):
    world = await made_before(driftPolicy="Report")
    world.aws.queues[QUEUE]["tags"][PART_OF] = "theirs"
    for _ in range(conflicts):
        world.kubernetes.fail_next("patch_status", Conflict("somebody was first"))
        with pytest.raises(Conflict):
            await until_refused(world)
        world.clock.advance(601)
    await world.settle()
    assert told(world) == {CLUSTER}
    assert world.aws.queues[QUEUE]["tags"][PART_OF] == "theirs"
    assert [one["field"] for one in world.store["status"]["drift"]] == [f"tags.{PART_OF}"]


@pytest.mark.parametrize("verb", sorted(TAGGING))
async def test_a_store_stays_ready_while_aws_does_not_show_yet_what_was_written(verb):
    world = await made_before()
    late = LateWrites(world.fake_aws, world.aws, world.clock, verb.partition(".")[0])
    await world.reconcile()
    assert None in told(world)
    assert untouched(world)
    assert aws_writes(world) == TAGGING  # once, however many rounds the look has
    await world.settle_for(1800, until=lambda: not untouched(world))
    late.show()
    assert untouched(world)
    assert told(world) == {CLUSTER}
    assert aws_writes(world) == TAGGING


async def test_a_tag_that_is_new_is_written_together_with_the_cluster():
    world = await made_before()
    await world.kubernetes.patch(REF, {"spec": {"chaos": {"allowed": True}}})
    await world.settle()
    assert told(world) == {CLUSTER}
    assert {verb: n for verb, n in aws_writes(world).items() if verb in TAGGING} == TAGGING


@pytest.mark.parametrize("spec", [{"managementPolicy": "Observe"}, {"paused": True}])
async def test_where_hands_are_kept_off_it_is_neither_written_nor_called_drift(spec):
    world = await made_before()
    await world.kubernetes.patch(REF, {"spec": spec})
    world.clock.advance(601)
    await world.settle()
    world.events.published.clear()
    await world.settle_for(1800)
    assert told(world) == {None}
    assert aws_writes(world) == {}
    assert not world.store["status"].get("drift")
    assert world.condition("Drifted")[0] == "False"
    assert world.condition("DataTierReady")[0] == world.condition("Watched")[0] == "True"
    await world.kubernetes.patch(REF, {"spec": {"managementPolicy": "Manage", "paused": False}})
    await world.settle_for(60)
    assert told(world) == {CLUSTER}


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda one: type(one).__name__)
async def test_a_store_stays_ready_where_it_cannot_be_written_and_it_is_tried_again(refusal):
    world = await made_before()
    for verb in TAGGING:
        world.fake_aws.fail_next(*verb.split("."), *[refusal] * 10)
    await world.settle_for(500, until=lambda: not untouched(world))
    assert untouched(world)
    assert None in told(world)
    await world.settle_for(20_000, until=lambda: told(world) == {CLUSTER})
    assert told(world) == {CLUSTER}
    assert untouched(world)


CHANGES = {"put_metric_alarm", "put_dashboard"}


async def refused_at_cloudwatch(world):
    """One look while CloudWatch takes nothing; how often it was asked for what."""
    for operation in (*CHANGES, "tag_resource"):
        world.fake_aws.fail_next("cloudwatch", operation, *[ThrottledByAws("slow down")] * 9)
    with contextlib.suppress(ThrottledByAws):
        await world.reconcile()
    asked = {name: world.fake_aws.count("cloudwatch", name) for name in (*CHANGES, "tag_resource")}
    return {name: times for name, times in asked.items() if times}


async def test_who_is_throttled_while_telling_tells_no_more_of_that_part():
    assert await refused_at_cloudwatch(await made_before()) == {"tag_resource": 2}


async def test_what_is_changed_goes_before_what_only_tells_and_takes_its_refusal_along():
    world = await made_before(driftPolicy="Correct")
    for alarm in world.aws.extras.alarms.values():
        alarm["Threshold"] = 99.0
    (dashboard,) = world.aws.extras.dashboards.values()
    dashboard |= {"DashboardBody": '{"widgets": []}', "LastModified": -1}
    assert await refused_at_cloudwatch(world) == dict.fromkeys(CHANGES, 1)


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_dying_at_any_write_of_it_leaves_nothing_untold_and_nothing_noticed(moment):
    number, died = 0, True
    while died:
        number += 1
        world, died = await made_before(), False
        world.recorder.die_at(number, moment)
        try:
            await world.settle()
        except Died:
            died = True
            world.restart()
            await world.settle()
        assert told(world) == {CLUSTER}
        assert untouched(world)
    assert number > sum(TAGGING.values())


async def test_what_is_adopted_is_shown_to_tell_the_cluster_and_then_does():
    world = StoreWorld()
    arn = f"arn:aws:sqs:eu-west-1:000000000000:{DEAD_LETTERS}"
    settings = {"FifoQueue": "true", "VisibilityTimeout": "30", "QueueArn": arn}
    settings["MessageRetentionPeriod"] = "1209600"
    world.aws.queues[DEAD_LETTERS] = {"attributes": settings, "tags": {}}
    await world.apply(managementPolicy="Adopt")
    await world.settle_for(60)
    adoption = world.store["status"]["adoption"]
    assert (f"tags.{TAG}", CLUSTER) in {(one["field"], one["want"]) for one in adoption["changes"]}
    assert world.aws.queues[DEAD_LETTERS]["tags"] == {}
    word = {"cloudcafe.dev/adopt": adoption["word"]}
    await world.kubernetes.patch(REF, {"metadata": {"annotations": word}})
    await world.settle_for(60)
    assert world.condition("Ready")[0] == "True"
    assert told(world) == {CLUSTER}


@pytest.mark.parametrize("spec", [{}, {"paused": True}])
async def test_what_is_kept_tells_its_cluster_though_it_was_never_looked_at_since(spec):
    world = await made_before(deletionPolicy="Retain")
    await world.kubernetes.patch(REF, {"spec": spec})
    await world.kubernetes.delete(REF)
    await world.settle()
    assert world.store is None
    assert {one[OWNER] for one in tags(world)} == {"default/corner/retained"}
    assert len(tags(world)) == 4  # two queues, a secret and a table
    assert told(world) == {CLUSTER}


async def kept(cluster):
    """What a store kept in a cluster, found by a namesake in ours."""
    world = StoreWorld()
    await world.apply(tier="flagship", deletionPolicy="Retain")
    await world.settle()
    await world.kubernetes.delete(REF)
    await world.settle()
    assert told(world) == {CLUSTER}  # what is kept tells where
    for one in tags(world):
        one.pop(TAG)
        one.update({TAG: cluster} if cluster else {})
    await world.apply(tier="flagship")
    world.clock.advance(601)
    await world.settle_for(60)
    return world


@pytest.mark.parametrize("cluster", [CLUSTER, ""])
async def test_a_namesake_has_what_was_kept_in_its_cluster_or_when_none_was_told(cluster):
    world = await kept(cluster)
    assert world.condition("Ready")[0] == "True"
    assert told(world) == {CLUSTER}


async def test_what_another_cluster_kept_is_no_namesakes_unless_it_adopts_it():
    world = await kept(ANOTHER)
    _, reason, message = world.condition("Ready")
    assert reason == "OwnedBySomeoneElse"
    assert f"default/corner/retained, a store of this name in cluster {ANOTHER}" in message
    assert "where that cluster is gone, managementPolicy Adopt takes it over" in message
    assert {one[OWNER] for one in tags(world) if one[TAG] == ANOTHER} == {"default/corner/retained"}
    await world.kubernetes.patch(REF, {"spec": {"managementPolicy": "Adopt"}})
    await world.settle_for(60)
    word = {"cloudcafe.dev/adopt": world.store["status"]["adoption"]["word"]}
    await world.kubernetes.patch(REF, {"metadata": {"annotations": word}})
    await world.settle_for(120)
    assert world.condition("Ready")[0] == "True"
    assert told(world) == {CLUSTER}


async def test_deleting_a_namesake_leaves_what_another_cluster_kept():
    world = await kept(ANOTHER)
    await world.kubernetes.delete(REF)
    await world.settle()
    assert world.store is None
    assert {QUEUE, DEAD_LETTERS} <= world.aws.queues.keys()
    assert SECRET in world.aws.secrets
    assert len(world.aws.extras.tables) == 1
