"""Queues that are missing, throttled or closed, by the destination and by who tries again."""

import asyncio

import pytest
from botocore.exceptions import ClientError
from cafe_kit.database import Database
from cafe_kit.errors import ThrottledError
from cafe_kit.metrics import Metrics
from cafe_kit.wire import utc_now
from cafe_order.awaited import PostgresAwaited, Redelivery
from cafe_order.destinations import Delivered, Park, Retry
from cafe_order.events import Facts
from cafe_order.fake_neighbours import CafeAws
from cafe_order.outbox import OutboxRow
from cafe_order.relay import RelayMetrics
from cafe_order.resting import REST_SECONDS, TRIES
from cafe_order.tickets import TicketsDestination

from services.order.tests.test_saga import NOON
from services.order.tests.test_saga import ORDER as STATE

CORNER, PLAZA = "cloudcafe-default_corner-orders.fifo", "cloudcafe-default_plaza-orders.fifo"
MISSING = ClientError({"Error": {"Code": "AWS.SimpleQueueService.NonExistentQueue"}}, "Send")
DENIED = ClientError({"Error": {"Code": "AccessDenied"}}, "Send")


def url(queue):
    return f"http://sqs/000000000000/{queue}"


def refusing(queue, error):
    """A rule for send_message_batch that refuses one queue's tickets."""

    def rule(parameters):
        if parameters["QueueUrl"] == url(queue):
            raise error

    return rule


class Counter:
    """The ways of many tickets, with a clock that is turned by hand."""

    def __init__(self):
        self.aws = CafeAws()
        self.now = 0.0
        self.tickets = TicketsDestination(self.aws, linger_seconds=0.0, clock=lambda: self.now)

    async def send(self, *queues, attempts=0, customer="ada"):
        rows = [row_of(n, queue, attempts, customer) for n, queue in enumerate(queues, 1)]
        return await self.tickets.deliver(rows)

    @property
    def calls(self):
        return [parameters["QueueUrl"].rpartition("/")[2] for _, parameters in self.aws.calls]


def row_of(number, queue, attempts=0, customer="ada"):
    order_id = f"00000000-0000-7000-8000-{number:012}"
    record = Facts(STATE, customer, "").ticket(url(queue), NOON)
    return OutboxRow(number, number, order_id, record.kind, record.payload, "", attempts)


async def test_tickets_go_ten_at_a_time_and_each_queue_has_its_own_calls():
    counter = Counter()
    outcomes = await counter.send(*[CORNER] * 12, PLAZA)
    assert outcomes == [Delivered()] * 13
    assert sorted(counter.calls) == [CORNER, CORNER, PLAZA]
    assert (len(counter.aws.queue(CORNER)), len(counter.aws.queue(PLAZA))) == (12, 1)


async def test_a_repetition_is_dropped_by_the_queue():
    counter = Counter()
    await counter.send(CORNER)
    await counter.send(CORNER)
    assert len(counter.aws.queue(CORNER)) == 1


async def test_a_queue_that_throttles_rests_and_the_others_are_served():
    counter = Counter()
    counter.aws.rules["send_message_batch"] = refusing(CORNER, ThrottledError("SQS", "Too fast."))
    assert await counter.send(CORNER, PLAZA) == [Retry("Too fast."), Delivered()]
    assert await counter.send(CORNER, PLAZA) == [Retry("Too fast."), Delivered()]
    assert counter.calls.count(CORNER) == 1
    counter.aws.rules.clear()
    counter.now += REST_SECONDS
    assert await counter.send(CORNER) == [Delivered()]


async def test_a_queue_that_never_answers_holds_the_others_up_for_a_bounded_time(monkeypatch):
    monkeypatch.setattr("cafe_order.resting.PATIENCE_SECONDS", 0.01)
    counter = Counter()
    call = counter.aws.call

    async def silent(service, operation, **parameters):
        if parameters["QueueUrl"] == url(CORNER):
            await asyncio.Event().wait()
        return await call(service, operation, **parameters)

    counter.aws.call = silent
    said = Retry("SQS does not answer in time.")
    assert await counter.send(CORNER, PLAZA) == [said, Delivered()]


async def test_a_ticket_that_was_tried_often_enough_leaves_the_relays_way():
    counter = Counter()
    counter.aws.rules["send_message_batch"] = refusing(CORNER, ThrottledError("SQS", "Too fast."))
    outcomes = await counter.send(CORNER, attempts=TRIES - 1)
    assert outcomes == [Park("Too fast.", until=url(CORNER))]


async def test_a_batch_that_is_too_long_is_sent_in_parts():
    def short(parameters):
        if len(parameters["Entries"]) > 2:
            code = "AWS.SimpleQueueService.BatchRequestTooLong"
            raise ClientError({"Error": {"Code": code}}, "SendMessageBatch")

    counter = Counter()
    counter.aws.rules["send_message_batch"] = short
    assert await counter.send(*[CORNER] * 10) == [Delivered()] * 10


async def test_what_is_no_ticket_needs_a_person_and_harms_no_other():
    counter = Counter()
    broken = OutboxRow(9, 9, "order", "store.ticket", "{", "", 0)
    parked, sent = await counter.tickets.deliver([broken, row_of(1, CORNER)])
    assert isinstance(parked, Park)
    assert parked.until is None
    assert sent == Delivered()


def redelivery(aws, pool):
    tickets = TicketsDestination(aws, linger_seconds=0.0)
    metrics = RelayMetrics(Metrics("test").registry)
    return Redelivery(tickets, PostgresAwaited(pool, tickets.name), metrics, clock=utc_now)


@pytest.fixture
async def waiting(postgres, database):
    """A pool on a database in which 25 tickets wait for one queue and two for another."""
    pool = Database(postgres.dsn(database), connections=4, name="test")
    async with pool.connection() as connection:
        for number in range(1, 28):
            row = row_of(number, CORNER if number <= 25 else PLAZA)
            await connection.execute(
                "INSERT INTO outbox (order_id, destination, kind, payload, trace_id, parked_at, "
                "parked_for) VALUES ($1, 'tickets', $2, $3, '', now(), $4)",
                row.order_id,
                row.kind,
                row.payload,
                url(CORNER if number <= 25 else PLAZA),
            )
        for queue in (CORNER, PLAZA):
            await connection.execute(
                "INSERT INTO stores (id, name, city, timezone, currency, tier, accepting_orders, "
                "tickets_queue) VALUES ($1, 'x', 'x', 'UTC', 'EUR', 'kiosk', true, $2)",
                queue.removesuffix("-orders.fifo").partition("_")[2],
                url(queue),
            )
    yield pool
    await pool.close()


async def left(pool):
    async with pool.connection() as connection:
        rows = await connection.fetch("SELECT parked_for FROM outbox ORDER BY id")
    return [row["parked_for"] for row in rows]


async def test_a_queue_that_is_still_away_costs_one_call_and_others_get_all_of_theirs(waiting):
    aws = CafeAws()
    aws.rules["send_message_batch"] = refusing(CORNER, MISSING)
    assert await redelivery(aws, waiting).run_once() == 2
    assert [one["QueueUrl"] for _, one in aws.calls].count(url(CORNER)) == 1
    assert await left(waiting) == [url(CORNER)] * 25
    aws.rules.clear()
    assert await redelivery(aws, waiting).run_once() == 25
    assert len({message.group for message in aws.queue(CORNER)}) == 25
    assert await left(waiting) == []


async def test_a_ticket_that_no_queue_will_ever_take_needs_a_person_and_ends_no_round(waiting):
    def refuse_one(parameters):
        failed = [
            {"Id": one["Id"], "Code": "InvalidMessageContents", "SenderFault": True}
            for one in parameters["Entries"]
            if one["MessageGroupId"].endswith("001")
        ]
        return {"Failed": failed} if failed else None

    aws = CafeAws()
    aws.rules["send_message_batch"] = refuse_one
    assert await redelivery(aws, waiting).run_once() == 26
    assert await left(waiting) == [None]
    assert await redelivery(aws, waiting).run_once() == 0


async def test_tickets_of_a_store_that_is_gone_are_kept_as_long_as_its_queue_would(waiting):
    awaited = PostgresAwaited(waiting, "tickets")
    async with waiting.connection() as connection:
        await connection.execute("DELETE FROM stores WHERE id = 'plaza'")
    assert await awaited.queues() == [url(CORNER)]
    assert await awaited.forget() == 0
    async with waiting.connection() as connection:
        await connection.execute("UPDATE outbox SET created_at = now() - interval '5 days'")
    assert await awaited.forget() == 2
    assert await left(waiting) == [url(CORNER)] * 25
