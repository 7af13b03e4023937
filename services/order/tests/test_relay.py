"""The outbox relay on a real PostgreSQL: at least once, in order, never two at a time."""

import asyncio
import json

import pytest
from botocore.exceptions import ClientError
from cafe_kit.aws import Aws
from cafe_kit.database import Database
from cafe_kit.errors import UnavailableError
from cafe_kit.metrics import Metrics
from cafe_kit.wire import utc_now
from cafe_order.destinations import Delivered, KinesisDestination, Park, Retry
from cafe_order.outbox import PostgresOutbox
from cafe_order.relay import Bell, Relay, RelayMetrics

from services.order.tests.conftest import furnish
from services.order.tests.waiting import eventually

ORDER_A = "00000000-0000-7000-8000-00000000000a"
ORDER_B = "00000000-0000-7000-8000-00000000000b"


async def test_a_throttled_inventory_delays_an_order_but_does_not_lose_it(cafe):
    cafe.stock.throttled = True
    placed = (await cafe.place("key-00000001")).json()

    async def tried():
        [row] = await cafe.rows(
            "SELECT attempts, last_error FROM outbox WHERE destination = 'stock'"
        )
        assert row["attempts"] > 0
        assert "throttle" in row["last_error"]

    await eventually(tried)
    cafe.stock.throttled = False

    async def settled():
        assert await cafe.status(placed) == "confirmed"

    await eventually(settled)


class Spy:
    """A destination that records what it is given."""

    name = "spy"
    batch_size = 10
    lanes = 1
    linger_seconds = 0.0
    newest_only = False

    def __init__(self, outcome=lambda row: Delivered()):
        self.seen = []
        self.outcome = outcome
        self.gate = asyncio.Event()
        self.gate.set()

    async def deliver(self, rows):
        self.seen += [row.id for row in rows]
        await self.gate.wait()
        return [self.outcome(row) for row in rows]


@pytest.fixture
async def outbox(postgres, database):
    pool = Database(postgres.dsn(database), connections=8, name="test")
    yield PostgresOutbox(pool)
    await pool.close()


def relay_to(destination, outbox):
    metrics = RelayMetrics(Metrics("test").registry)
    return Relay(destination, outbox, metrics, bell=Bell(), clock=utc_now, idle_seconds=0.02)


async def add_rows(postgres, database, *rows):
    """Rows as (order, kind); all for the spy."""
    values = ", ".join(f"('{order}', 'spy', '{kind}', '{{}}', '')" for order, kind in rows)
    await postgres.execute(
        f"INSERT INTO outbox (order_id, destination, kind, payload, trace_id) VALUES {values}",
        database,
    )


async def fetch(outbox, sql):
    async with outbox._database.connection() as connection:
        return [dict(row) for row in await connection.fetch(sql)]


async def test_a_relay_that_dies_between_send_and_mark_sends_again(outbox, postgres, database):
    await add_rows(postgres, database, (ORDER_A, "one"))
    spy = Spy()
    spy.gate.clear()
    dying = asyncio.create_task(relay_to(spy, outbox).run_once())

    async def sent():
        assert len(spy.seen) == 1

    await eventually(sent)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    spy.gate.set()
    assert await relay_to(spy, outbox).run_once() == 1
    assert len(spy.seen) == 2
    assert len(set(spy.seen)) == 1
    assert await fetch(outbox, "SELECT 1 FROM outbox") == []


async def test_two_relays_never_hold_the_same_row(outbox, postgres, database):
    orders = [f"00000000-0000-7000-8000-{n:012}" for n in range(60)]
    await add_rows(postgres, database, *((order, "one") for order in orders))
    held, doubles = set(), []

    class Careful(Spy):
        async def deliver(self, rows):
            doubles.extend(held & {row.id for row in rows})
            held.update(row.id for row in rows)
            await asyncio.sleep(0.005)
            self.seen += [row.id for row in rows]
            held.difference_update(row.id for row in rows)
            return [Delivered() for _ in rows]

    spy = Careful()
    relays = [relay_to(spy, outbox) for _ in range(4)]
    while sum(await asyncio.gather(*(relay.run_once() for relay in relays))):
        continue
    assert doubles == []
    assert sorted(spy.seen) == sorted(set(spy.seen))
    assert len(spy.seen) == 60


async def test_a_burst_is_drained_by_several_lanes_at_a_time(outbox, postgres, database):
    orders = [f"00000000-0000-7000-8000-{n:012}" for n in range(15)]
    await add_rows(postgres, database, *((order, "one") for order in orders))

    class Slow(Spy):
        """Its first batch ends only when a second one has come."""

        lanes = 2
        under_way = most = 0

        async def deliver(self, rows):
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            if self.under_way == self.lanes:
                self.gate.set()
            try:
                return await super().deliver(rows)
            finally:
                self.under_way -= 1

    spy, stopping = Slow(), asyncio.Event()
    spy.gate.clear()
    running = asyncio.create_task(relay_to(spy, outbox).run(stopping))

    async def all_sent():
        assert await fetch(outbox, "SELECT 1 FROM outbox") == []
        assert len(spy.seen) == len(set(spy.seen)) == 15

    await eventually(all_sent)
    assert spy.most == 2
    stopping.set()
    await running


async def test_an_orders_rows_go_one_after_the_other(outbox, postgres, database):
    await add_rows(postgres, database, (ORDER_A, "one"), (ORDER_A, "two"), (ORDER_B, "one"))
    kinds = []
    spy = Spy(lambda row: kinds.append((str(row.order_id), row.kind)) or Delivered())
    first, second = relay_to(spy, outbox), relay_to(spy, outbox)
    spy.gate.clear()
    running = asyncio.create_task(first.run_once())

    async def sent():
        assert len(spy.seen) == 2

    await eventually(sent)
    assert await second.run_once() == 0, "the second row of A waits for the first, even unlocked"
    spy.gate.set()
    assert await running == 2
    assert await second.run_once() == 1
    assert kinds == [(ORDER_A, "one"), (ORDER_B, "one"), (ORDER_A, "two")]


async def test_a_poison_row_is_parked_with_its_reason_and_holds_back_only_its_order(
    outbox, postgres, database
):
    await add_rows(postgres, database, (ORDER_A, "bad"), (ORDER_A, "next"), (ORDER_B, "good"))
    spy = Spy(lambda row: Park("no such thing") if row.kind == "bad" else Delivered())
    relay = relay_to(spy, outbox)
    while await relay.run_once():
        continue
    rows = await fetch(outbox, "SELECT kind, parked_reason FROM outbox ORDER BY id")
    assert rows == [
        {"kind": "bad", "parked_reason": "no such thing"},
        {"kind": "next", "parked_reason": None},
    ]
    [state] = await outbox.state(["spy"])
    assert (state.waiting, state.parked) == (1, 1)
    assert state.lag_seconds > 0


async def test_a_failed_row_is_retried_later_and_not_in_a_tight_loop(outbox, postgres, database):
    await add_rows(postgres, database, (ORDER_A, "one"))
    relay = relay_to(Spy(lambda row: Retry("not now")), outbox)
    assert await relay.run_once() == 1
    assert await relay.run_once() == 0
    [row] = await fetch(outbox, "SELECT attempts, last_error, due_at > now() AS later FROM outbox")
    assert row == {"attempts": 1, "last_error": "not now", "later": True}


async def test_only_the_records_that_kinesis_failed_are_sent_again(
    outbox, postgres, database, cafe_aws
):
    await postgres.execute(
        "INSERT INTO outbox (order_id, destination, kind, payload, trace_id) VALUES "
        f"('{ORDER_A}', 'kinesis', 'order.placed', '{{\"n\": 1}}', ''), "
        f"('{ORDER_B}', 'kinesis', 'order.placed', '{{\"n\": 2}}', '')",
        database,
    )

    def throttle_the_second(parameters):
        cafe_aws.rules.clear()
        cafe_aws.records.append(parameters["Records"][0])
        error = {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slow"}
        return {"FailedRecordCount": 1, "Records": [{}, error]}

    cafe_aws.rules["put_records"] = throttle_the_second
    relay = relay_to(KinesisDestination(cafe_aws, "s"), outbox)
    assert await relay.run_once() == 2
    await postgres.execute("UPDATE outbox SET due_at = now()", database)
    assert await relay.run_once() == 1
    assert [record["PartitionKey"] for record in cafe_aws.records] == [ORDER_A, ORDER_B]


async def test_one_malformed_record_does_not_hold_up_its_batch(
    outbox, postgres, database, cafe_aws
):
    def refuse_poison(parameters):
        if any(b"poison" in record["Data"] for record in parameters["Records"]):
            raise ClientError({"Error": {"Code": "ValidationException"}}, "PutRecords")

    cafe_aws.rules["put_records"] = refuse_poison
    for number in range(5):
        payload = "poison" if number == 3 else "fine"
        await postgres.execute(
            "INSERT INTO outbox (order_id, destination, kind, payload, trace_id) VALUES "
            f"('00000000-0000-7000-8000-{number:012}', 'kinesis', 'x', '{payload}', '')",
            database,
        )
    assert await relay_to(KinesisDestination(cafe_aws, "s"), outbox).run_once() == 5
    assert len(cafe_aws.records) == 4
    [left] = await fetch(outbox, "SELECT payload, parked_reason FROM outbox")
    assert left["payload"] == "poison"
    assert "ValidationException" in left["parked_reason"]


async def test_an_unreachable_stream_delays_the_batch(outbox, postgres, database, cafe_aws):
    def away(parameters):
        raise UnavailableError("Kinesis does not answer.")

    cafe_aws.rules["put_records"] = away
    await postgres.execute(
        "INSERT INTO outbox (order_id, destination, kind, payload, trace_id) VALUES "
        f"('{ORDER_A}', 'kinesis', 'x', '{{}}', '')",
        database,
    )
    assert await relay_to(KinesisDestination(cafe_aws, "s"), outbox).run_once() == 1
    [row] = await fetch(outbox, "SELECT parked_at, attempts FROM outbox")
    assert row == {"parked_at": None, "attempts": 1}


async def test_streams_and_queues_of_the_emulator_get_the_messages(
    open_cafe, database, aws_environment
):
    stream, queue = aws_environment.new_stream(), aws_environment.new_queue()
    results, table = aws_environment.new_queue(), aws_environment.new_table()
    async with open_cafe(
        database,
        aws=Aws("eu-west-1", 8),
        order_stream=stream,
        payments_queue=queue,
        payment_results_queue=results,
        orders_table=table,
    ) as cafe:
        await furnish(cafe)
        placed = await cafe.place("key-00000001")
        assert placed.status_code == 201, placed.text

        async def delivered():
            assert await cafe.status(placed.json()) == "confirmed"
            assert await cafe.count("outbox") == 0

        await eventually(delivered, seconds=20)
    sqs, kinesis = aws_environment.client("sqs"), aws_environment.client("kinesis")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    [message] = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert json.loads(message["Body"])["orderId"] == placed.json()["id"]
    shard = kinesis.list_shards(StreamName=stream)["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    records = kinesis.get_records(ShardIterator=iterator)["Records"]
    assert [json.loads(record["Data"])["type"] for record in records] == [
        "order.placed",
        "order.confirmed",
    ]
    sqs.close()
    kinesis.close()
