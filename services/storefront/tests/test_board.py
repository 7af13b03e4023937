"""The board of a store's staff: what the key of its till opens, and what no death loses."""

import pytest
from botocore.exceptions import ClientError

from services.order.tests.conftest import SERVICE, TILL_KEY
from services.storefront.tests.conftest import QUEUE, sha256

NEW_KEY = "the-next-key-of-the-corner-cafe"


async def taken(world):
    answer = await world.board("take", {"most": 10})
    assert answer.status_code == 200, answer.text
    return answer.json()["tickets"]


async def test_a_completed_order_comes_to_the_board_and_stays_queued_until_it_is_done(world):
    order = await world.ticket()
    [ticket] = await taken(world)
    assert ticket["orderId"] == order["id"]
    assert ticket["lines"] == [{"name": "Espresso", "quantity": 2}]
    assert world.waiting == [order["id"]]
    assert await taken(world) == []
    done = await world.board("done", {"receipts": [ticket["receipt"]]})
    assert done.json() == {"settled": 1}
    assert world.waiting == []


async def test_a_board_that_dies_leaves_its_tickets_to_the_next_one_under_the_same_id(world):
    await world.ticket()
    [first] = await taken(world)
    world.cafe.aws.redeliver(QUEUE)
    [second] = await taken(world)
    assert first["id"] == second["id"]
    assert first["receipt"] != second["receipt"]


async def test_a_ticket_is_held_for_longer_as_often_as_the_board_says(world):
    await world.ticket()
    [ticket] = await taken(world)
    [message] = world.cafe.aws.queue(QUEUE)
    first = message.visible_at
    answer = await world.board("hold", {"receipts": [ticket["receipt"]]})
    assert answer.json() == {"settled": 1}
    assert message.visible_at > first
    assert message.receives == 1


async def test_a_receipt_that_lapsed_settles_nothing_and_harms_nobody(world):
    await world.ticket()
    [first] = await taken(world)
    world.cafe.aws.redeliver(QUEUE)
    [second] = await taken(world)
    answer = await world.board("hold", {"receipts": [first["receipt"], second["receipt"]]})
    assert answer.json() == {"settled": 1}


async def test_more_receipts_than_sqs_takes_at_once_are_settled_all(world):
    for number in range(12):
        await world.ticket(f"key-number-{number}")
    receipts = [one["receipt"] for _ in range(2) for one in await taken(world)]
    assert len(receipts) == 12
    answer = await world.board("done", {"receipts": [*receipts, receipts[0]]})
    assert answer.json() == {"settled": 12}
    assert world.waiting == []


async def test_what_is_no_ticket_is_left_to_the_dead_letters(world):
    world.cafe.aws.put_message(QUEUE, "{}", "g")
    assert await taken(world) == []
    assert len(world.cafe.aws.queue(QUEUE)) == 1


@pytest.mark.parametrize("what", ["take", "hold", "done"])
async def test_without_the_stores_own_key_nothing_is_given_out(world, what):
    await world.ticket()
    body = {} if what == "take" else {"receipts": ["m-1/1"]}
    assert (await world.board(what, body, headers={})).status_code == 401
    other = {"Authorization": "Bearer the-key-of-another-till"}
    assert (await world.board(what, body, headers=other)).status_code == 403
    assert (await world.board(what, body, store="plaza")).status_code == 403
    [message] = world.cafe.aws.queue(QUEUE)
    assert message.receives == 0


async def test_a_key_that_was_changed_opens_nothing_any_more(world):
    await world.change_store(tillKeySha256=sha256(NEW_KEY))
    assert (await world.board("take", {})).status_code == 403
    new = {"Authorization": f"Bearer {NEW_KEY}"}
    assert (await world.board("take", {}, headers=new)).status_code == 200


async def test_a_board_goes_on_while_the_order_service_is_away(world):
    await world.ticket()
    assert len(await taken(world)) == 1
    world.order.cut = True
    assert await taken(world) == []
    world.application.public.state.board._stores._known.clear()
    assert (await world.board("take", {})).status_code == 503


async def test_a_queue_that_is_gone_is_said_to_be_away(world):
    missing = ClientError({"Error": {"Code": "AWS.SimpleQueueService.NonExistentQueue"}}, "Receive")

    def refuse(_parameters):
        raise missing

    world.cafe.aws.rules["receive_message"] = refuse
    answer = await world.board("take", {})
    assert answer.status_code == 503
    assert answer.json()["type"].endswith("/tickets-unavailable")


async def test_a_store_without_a_queue_has_no_board(world):
    await world.change_store(ticketsQueue=None)
    answer = await world.board("take", {})
    assert answer.json()["type"].endswith("/no-tickets")


async def test_the_platform_may_look_as_everywhere(world):
    assert (await world.board("take", {}, headers=SERVICE)).status_code == 200
    assert TILL_KEY not in str(world.cafe.aws.calls)
