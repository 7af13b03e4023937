"""Events: aggregated, bounded, never in the way."""

import pytest
from cloudcafe_operator.effects.events import EventWriter
from cloudcafe_operator.errors import AccessDenied

from tests.fakes import FakeClock, FakeKubernetes

STORE = {
    "apiVersion": "cloudcafe.dev/v1alpha1",
    "kind": "CafeStore",
    "metadata": {"name": "corner", "namespace": "lisbon", "uid": "u1"},
}


@pytest.fixture
def server():
    return FakeKubernetes()


@pytest.fixture
def events(server):
    return EventWriter(server, FakeClock(), instance="pod-1")


def written(server):
    return [item for (_, kind, _, _), item in server.objects.items() if kind == "Event"]


async def test_an_event_says_what_happened_to_which_object(server, events):
    events.publish(STORE, reason="Ready", message="a coffee was bought", kind="Normal")
    await events.flush()
    (event,) = written(server)
    assert event["involvedObject"]["uid"] == "u1"
    assert event["metadata"]["namespace"] == "lisbon"
    assert (event["type"], event["reason"], event["count"]) == ("Normal", "Ready", 1)


async def test_the_same_sentence_is_counted_also_after_a_restart(server, events):
    events.publish(STORE, reason="Ready", message="x", kind="Normal")
    await events.flush()
    restarted = EventWriter(server, FakeClock(), instance="pod-2")
    restarted.publish(STORE, reason="Ready", message="x", kind="Normal")
    restarted.publish(STORE, reason="Ready", message="another", kind="Normal")
    await restarted.flush()
    assert sorted(event["count"] for event in written(server)) == [1, 2]


async def test_the_queue_is_bounded_and_drops_the_oldest(server, events):
    for number in range(1001):
        events.publish(STORE, reason="Busy", message=str(number), kind="Warning")
    await events.flush()
    messages = {event["message"] for event in written(server)}
    assert len(messages) == 1000
    assert "0" not in messages


async def test_an_event_that_cannot_be_written_is_let_go(server, events):
    server.fail_next("create", AccessDenied("no"))
    events.publish(STORE, reason="A", message="x", kind="Normal")
    events.publish(STORE, reason="B", message="x", kind="Normal")
    await events.flush()
    assert [event["reason"] for event in written(server)] == ["B"]
