"""Each store's baristas hear once what to make, whatever becomes of other stores' queues."""

import json
from functools import partial

import pytest
from cafe_kit.aws import Aws
from cafe_kit.events import StoreTicket, parse_event

from services.order.tests.conftest import (
    ORDER,
    RESULTS,
    SERVICE,
    STORE,
    TOKEN,
    furnish,
    payment_result,
)
from services.order.tests.test_ticket_queues import (
    CORNER,
    DENIED,
    MISSING,
    refusing,
    url,
)
from services.order.tests.waiting import eventually

RENAMED = "cloudcafe-default-corner-orders.fifo"


async def register(cafe, **changes):
    answer = await cafe.client.put("/stores/corner", json=STORE | changes, headers=SERVICE)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def complete(cafe, number, **changes):
    """An order that goes all the way, as far as the payment can bring it."""
    answer = await cafe.place(f"key-{number:08}", {**ORDER, **changes})
    assert answer.status_code == 201, answer.text
    order = answer.json()

    async def confirmed():
        assert await cafe.status(order) == "confirmed"

    await eventually(confirmed)
    cafe.answer_payment(order)

    async def completed():
        assert await cafe.status(order) == "completed"

    await eventually(completed)
    return order


async def test_a_completed_order_brings_its_store_one_ticket_of_what_to_make(cafe):
    assert (await register(cafe, ticketsQueue=url(CORNER)))["ticketsQueue"] == url(CORNER)
    order = await complete(cafe, 1, customerId="ada")
    await cafe.drained()
    [message] = cafe.aws.queue(CORNER)
    ticket = parse_event(message.body)
    assert isinstance(ticket, StoreTicket)
    assert (ticket.order_id, ticket.store_id, ticket.customer_id) == (order["id"], "corner", "ada")
    assert [(line.name, line.quantity) for line in ticket.lines] == [("Espresso", 2)]
    assert message.group == order["id"]


async def test_a_store_without_a_queue_has_no_ticket_and_nothing_waits(cafe):
    await complete(cafe, 1)
    await cafe.drained()
    assert not any("orders.fifo" in queue for queue in cafe.aws.queues)


async def test_what_is_refused_cancelled_or_only_a_trial_is_never_made(cafe):
    await register(cafe, ticketsQueue=url(CORNER))
    sold_out = {"lines": [{"sku": "cake", "quantity": 2}]}
    rejected = (await cafe.place("key-rejected", {**ORDER, **sold_out})).json()
    declined = (await cafe.place("key-declined")).json()
    cancelled = (await cafe.place("key-cancelled")).json()
    await cafe.client.post(f"/orders/{cancelled['id']}/cancel", headers=SERVICE)
    await cafe.place("key-synthetic", {**ORDER, "synthetic": True}, TOKEN)
    await cafe.drained()
    cafe.answer_payment(declined, "payment.declined")
    cafe.answer_payment(cancelled)
    await cafe.drained()
    found = [await cafe.status(one) for one in (rejected, declined, cancelled)]
    assert found == ["rejected", "rejected", "cancelled"]
    assert cafe.aws.queue(CORNER) == []


@pytest.mark.parametrize("error", [MISSING, DENIED], ids=["missing", "denied"])
async def test_tickets_wait_apart_for_their_queue_and_come_when_it_takes_them(cafe, error):
    await register(cafe, ticketsQueue=url(CORNER))
    cafe.aws.rules["send_message_batch"] = refusing(CORNER, error)
    orders = [await complete(cafe, number) for number in range(3)]

    async def parked():
        rows = await cafe.rows("SELECT parked_for, parked_reason FROM outbox")
        assert [row["parked_for"] for row in rows] == [url(CORNER)] * 3
        assert all(error.response["Error"]["Code"] in row["parked_reason"] for row in rows)

    await eventually(parked)
    assert cafe.aws.queue(CORNER) == []
    del cafe.aws.rules["send_message_batch"]
    await cafe.application.workers["tickets-again"].__self__.run_once()
    await cafe.drained()
    made = {json.loads(body)["orderId"] for body in cafe.aws.bodies(CORNER)}
    assert made == {order["id"] for order in orders}


async def parked_for(cafe, queue, rows=1):
    async def parked():
        found = await cafe.rows("SELECT parked_for FROM outbox")
        assert [row["parked_for"] for row in found] == [url(queue)] * rows

    await eventually(parked)


async def test_what_waits_follows_its_store_to_the_queue_that_it_names_now(cafe):
    await register(cafe, ticketsQueue=url(CORNER))
    cafe.aws.rules["send_message_batch"] = refusing(CORNER, MISSING)
    order = await complete(cafe, 1, customerId='ada \u00e9 "x"')
    await parked_for(cafe, CORNER)
    await register(cafe, ticketsQueue=url(RENAMED))
    assert await cafe.application.workers["tickets-again"].__self__.run_once() == 1
    await cafe.drained()
    [message] = cafe.aws.queue(RENAMED)
    ticket = parse_event(message.body)
    assert (ticket.order_id, ticket.customer_id) == (order["id"], 'ada \u00e9 "x"')


async def test_a_paid_ticket_is_not_forgotten_while_its_store_lives(cafe):
    await register(cafe, ticketsQueue=url(CORNER))
    cafe.aws.rules["send_message_batch"] = refusing(CORNER, MISSING)
    await complete(cafe, 1)
    await parked_for(cafe, CORNER)
    await register(cafe, ticketsQueue=None)
    await cafe.rows("UPDATE outbox SET created_at = now() - interval '5 days'")
    awaited = cafe.application.workers["tickets-again"].__self__._awaited
    assert (await awaited.follow(), await awaited.forget()) == (0, 0)
    await cafe.client.delete("/stores/corner", headers=SERVICE)
    assert await awaited.forget() == 1


async def test_a_person_can_put_them_back_too(cafe):
    await register(cafe, ticketsQueue=url(CORNER))
    cafe.aws.rules["send_message_batch"] = refusing(CORNER, MISSING)
    await complete(cafe, 1)

    async def parked():
        answer = await cafe.client.get("/outbox/parked?destination=tickets", headers=SERVICE)
        assert [row["kind"] for row in answer.json()["entries"]] == ["store.ticket"]

    await eventually(parked)
    del cafe.aws.rules["send_message_batch"]
    body = {"destination": "tickets"}
    answer = await cafe.client.post("/outbox/redrive", json=body, headers=SERVICE)
    assert answer.json() == {"redriven": 1}
    await cafe.drained()
    assert len(cafe.aws.queue(CORNER)) == 1


async def test_a_queue_that_is_taken_from_its_store_gets_no_more_tickets(cafe):
    await register(cafe, ticketsQueue=url(CORNER))
    await complete(cafe, 1)
    await register(cafe, ticketsQueue=None)
    await complete(cafe, 2)
    await cafe.drained()
    assert len(cafe.aws.queue(CORNER)) == 1


@pytest.mark.parametrize("name", [RESULTS, url(RESULTS), f"sqs:{CORNER}", f"http://x y/{CORNER}"])
async def test_no_other_queue_can_be_named(cafe, name):
    answer = await cafe.client.put(
        "/stores/corner", json=STORE | {"ticketsQueue": name}, headers=SERVICE
    )
    assert answer.status_code == 422


async def test_a_queue_of_the_emulator_that_is_deleted_and_made_again_gets_its_tickets(
    open_cafe, database, aws_environment
):
    sqs = aws_environment.client("sqs")
    fifo = {"FifoQueue": "true"}
    queue = sqs.create_queue(QueueName=CORNER, Attributes=fifo)["QueueUrl"]
    names = ("payments_queue", "payment_results_queue")
    settings = {name: aws_environment.new_queue() for name in names}
    settings |= {
        "order_stream": aws_environment.new_stream(),
        "orders_table": aws_environment.new_table(),
    }
    aws = Aws("eu-west-1", 8)
    async with open_cafe(database, aws=aws, **settings) as cafe:
        await furnish(cafe)
        await register(cafe, ticketsQueue=queue)
        cafe.answer_payment = partial(answer, sqs, settings["payment_results_queue"])
        first = await complete(cafe, 1)

        async def sent():
            assert await cafe.count("outbox") == 0

        await eventually(sent, seconds=20)
        assert received(sqs, queue) == [first["id"]]
        sqs.delete_queue(QueueUrl=queue)
        second = await complete(cafe, 2)

        async def parked():
            rows = await cafe.rows("SELECT parked_for FROM outbox WHERE parked_at IS NOT NULL")
            assert [row["parked_for"] for row in rows] == [queue]

        await eventually(parked, seconds=20)
        assert sqs.create_queue(QueueName=CORNER, Attributes=fifo)["QueueUrl"] == queue
        await cafe.application.workers["tickets-again"].__self__.run_once()
        await eventually(sent, seconds=20)
        assert received(sqs, queue) == [second["id"]]
    sqs.close()


def answer(sqs, queue, order):
    """The payment processor's word, on a real queue."""
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    body = payment_result(order, "payment.captured").encode()
    sqs.send_message(
        QueueUrl=url,
        MessageBody=body,
        MessageGroupId=order["id"],
        MessageDeduplicationId=order["id"],
    )


def received(sqs, queue):
    messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"])["orderId"] for message in messages]
