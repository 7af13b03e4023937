"""AWS accepts a write and shows it late: it is written once, and the store stays as it was."""

import pytest

from tests.fakes.late_writes import LateWrites
from tests.fakes.stores import QUEUE, REF, StoreWorld

SERVICES = ["sqs", "secretsmanager", "cloudwatch", "dynamodb"]


async def in_order(service, **spec):
    world = StoreWorld()
    await world.apply(tier="flagship", **spec)
    await world.settle()
    late = LateWrites(world.fake_aws, world.aws, world.clock, service)
    world.recorder.forget()
    return world, late


def writes(world, *verbs):
    return sum(one.api == "aws" and one.verb in verbs for one in world.recorder.writes)


def condition(world, name):
    rows = world.store["status"]["conditions"]
    return next((row["status"], row["reason"]) for row in rows if row["type"] == name)


@pytest.mark.parametrize("service", SERVICES)
async def test_a_tag_that_a_changed_spec_asks_for_is_written_once(service):
    world, late = await in_order(service)
    await world.kubernetes.patch(REF, {"spec": {"chaos": {"allowed": True}}})
    await world.settle()
    tagging = writes(world, f"{service}.tag_resource", f"{service}.tag_queue")
    assert tagging == {"sqs": 2, "secretsmanager": 1, "cloudwatch": 5, "dynamodb": 1}[service]
    assert condition(world, "Ready") == ("True", "Ready")
    assert condition(world, "Drifted") == ("False", "NoDrift")
    world.clock.advance(60)
    late.show()
    world.clock.advance(601)
    await world.settle()
    assert writes(world, f"{service}.tag_resource", f"{service}.tag_queue") == tagging


async def test_a_queue_s_setting_is_corrected_once_however_late_it_shows():
    world, late = await in_order("sqs", driftPolicy="Correct")
    late.seconds = 60.0
    meant = dict(world.aws.queues[QUEUE]["attributes"])
    world.aws.queues[QUEUE]["attributes"]["VisibilityTimeout"] = "1"
    world.clock.advance(1201)
    await world.settle()
    assert writes(world, "sqs.set_queue_attributes") == 1
    assert condition(world, "Ready") == ("True", "Ready")
    assert world.aws.queues[QUEUE]["attributes"] != meant
    world.clock.advance(601)
    late.show()
    await world.settle()
    assert world.aws.queues[QUEUE]["attributes"] == meant
    assert writes(world, "sqs.set_queue_attributes") == 1
