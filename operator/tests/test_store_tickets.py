"""The order service is told of the store's own queue, for its tickets."""

import pytest
from cloudcafe_operator.errors import ThrottledByAws

from tests.fakes.store_aws import SQS_URL
from tests.fakes.stores import ID, QUEUE, StoreWorld


@pytest.fixture
def world():
    return StoreWorld()


async def made(world, **spec):
    await world.apply(**spec)
    await world.settle()


def told(world):
    return world.cafe.stores[ID]["ticketsQueue"]


def registrations(world):
    return [
        call for call in world.recorder.calls if call.verb == "PUT" and call.target.endswith(ID)
    ]


@pytest.mark.parametrize("tier", ["kiosk", "standard", "flagship"])
async def test_every_store_names_its_queue_with_its_first_registration(world, tier):
    await made(world, tier=tier)
    assert told(world) == f"{SQS_URL}{QUEUE}"
    assert len(registrations(world)) == 1


async def test_a_store_of_an_operator_that_told_of_no_queue_tells_of_it_after_all(world):
    await made(world)
    world.cafe.stores[ID]["ticketsQueue"] = None
    status = world.store["status"]
    status["applied"] |= {"store": "as-it-was"}
    world.kubernetes.set_status("CafeStore", "corner", "default", status)
    world.restart()
    await world.settle()
    assert told(world) == f"{SQS_URL}{QUEUE}"


async def test_tickets_wait_for_a_queue_that_was_deleted_by_hand_until_it_is_made_again(world):
    await made(world)
    del world.aws.queues[QUEUE]
    world.fake_aws.fail_next("sqs", "create_queue", ThrottledByAws("60 s after a deletion"))
    world.recorder.forget()
    world.clock.advance(700)
    with pytest.raises(ThrottledByAws):
        await world.reconcile()
    assert QUEUE not in world.aws.queues
    assert told(world) == f"{SQS_URL}{QUEUE}"
    await world.settle()
    assert QUEUE in world.aws.queues
    assert registrations(world) == []


async def test_tickets_are_not_sent_to_a_queue_of_someone_else(world):
    await world.apply()
    world.aws.queues[QUEUE] = {
        "attributes": {"QueueArn": "arn:x"},
        "tags": {"cloudcafe.dev/owner": "them"},
    }
    await world.settle_for(60)
    assert told(world) is None
