"""`status.history`: what the operator changed on AWS, why, and AWS's number of it."""

import pytest
from cloudcafe_operator.errors import Retry, Unavailable
from cloudcafe_operator.planning.store_history import KEPT, extended
from cloudcafe_operator.resources.store_status import Deed
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from tests.fakes.stores import DEAD_LETTERS, QUEUE, REF, SECRET, StoreWorld


@pytest.fixture
def world():
    return StoreWorld()


def told(world):
    """Return the deeds but for alarms, of which there are many."""
    told = [(one["what"], one["why"]) for one in world.store["status"]["history"]]
    return [(what, why) for what, why in told if not what.startswith("cloudwatch:")]


async def test_what_was_made_stands_in_the_history_with_the_request_id(world):
    await world.apply()
    await world.settle()
    assert told(world) == [
        (f"sqs:CreateQueue {DEAD_LETTERS}", "it was missing"),
        (f"secretsmanager:CreateSecret {SECRET}", "it was missing"),
        (f"sqs:CreateQueue {QUEUE}", "it was missing"),
    ]
    first = world.store["status"]["history"][0]
    assert first["requestId"] == "request-1"
    assert first["at"] == "2026-03-01T09:00:00Z"


async def test_a_change_rides_on_the_next_status_write_and_makes_none(world):
    await world.apply(driftPolicy="Correct")
    await world.settle()
    world.aws.queues[QUEUE]["attributes"]["VisibilityTimeout"] = "5"
    world.reconciler.converger.forget("default.corner")
    world.recorder.forget()
    await world.reconcile()
    assert [write.verb for write in world.recorder.writes] == ["sqs.set_queue_attributes"]
    assert len(told(world)) == 3
    await world.settle_for(700)  # the next coffee is bought
    assert told(world)[3:] == [
        (f"sqs:SetQueueAttributes {QUEUE}", "its settings differed: VisibilityTimeout")
    ]


async def test_a_change_without_an_answer_is_told_as_such(world):
    def lost(write, moment):
        if write.verb == "sqs.create_queue" and moment == "after":
            world.recorder.hook = None
            raise Unavailable("the answer was lost")

    world.recorder.hook = lost
    await world.apply()
    await world.settle()
    first = world.store["status"]["history"][0]
    assert first["what"] == f"sqs:CreateQueue {DEAD_LETTERS}"
    assert first["requestId"] == "no answer: it may have happened"


async def test_a_status_write_that_is_refused_or_unanswered_loses_and_doubles_nothing(world):
    def lost(write, moment):
        if write.verb == "patch_status" and moment == "after":
            world.recorder.hook = None
            raise Unavailable("the answer was lost")

    world.recorder.hook = lost
    await world.apply()
    await world.settle()
    assert len(told(world)) == 3
    await world.settle_for(700)
    assert len(told(world)) == 3


async def test_what_deleting_did_is_told_while_it_is_blocked(world):
    await world.apply()
    await world.settle()
    world.fake_aws.fail_next("secretsmanager", "delete_secret", Unavailable("away"))
    await world.kubernetes.delete(REF)
    with pytest.raises(Retry):
        await world.reconcile()
    assert told(world)[3:] == [
        (f"sqs:DeleteQueue {QUEUE}", "the store is deleted"),
        (f"sqs:DeleteQueue {DEAD_LETTERS}", "the store is deleted"),
        (f"secretsmanager:DeleteSecret {SECRET}", "the store is deleted"),
    ]


async def test_a_new_store_did_not_do_what_ended_its_namesake(world):
    await world.apply()
    await world.settle()
    await world.kubernetes.delete(REF)
    await world.reconcile()
    assert world.store is None
    await world.reconcile()  # its end is seen, too
    await world.apply()
    await world.settle()
    assert [why for _, why in told(world)] == ["it was missing"] * 3


deeds = st.builds(
    Deed, at=st.just(FakeClock().now()), what=st.text("ab", max_size=3), why=st.just("")
)


@given(st.lists(deeds, max_size=KEPT, unique_by=lambda one: one.what), st.lists(deeds, max_size=30))
def test_the_history_is_bounded_and_ends_with_the_newest(old, new):
    found = extended(old, new)
    assert len(found) <= KEPT
    fresh = [one for one in new if one not in old]
    assert found == tuple([*old, *fresh][-KEPT:])
