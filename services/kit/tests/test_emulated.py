"""The consumers on the AWS emulator: what the fakes assume holds there too."""

import asyncio
import time

import pytest
from cafe_kit.aws import Aws
from cafe_kit.cloudwatch import BusinessMetrics
from cafe_kit.errors import UnavailableError
from cafe_kit.kinesis import KinesisConsumer
from cafe_kit.metrics import Metrics
from cafe_kit.sqs import (
    Again,
    DeadLetters,
    Done,
    Poison,
    QueueUrl,
    Sent,
    SqsConsumer,
    dead_letters_of,
    send_batch,
)

from services.kit.tests.support.books import Book
from services.kit.tests.support.samples import order_event


@pytest.fixture
async def aws(aws_environment):
    bridge = Aws("eu-west-1", 4)
    yield bridge
    await bridge.close()


async def send(aws, queue, *bodies, group="g"):
    entries = [
        {"MessageBody": body, "MessageGroupId": group, "MessageDeduplicationId": body}
        for body in bodies
    ]
    assert await send_batch(aws, await QueueUrl(aws, queue).get(), entries) == [Sent()] * len(
        bodies
    )


async def until(consumer, condition):
    """Consume until it holds; in vain for ten seconds is a failure."""
    async with asyncio.timeout(10):
        while not condition():
            await consumer.run_once()


async def received(aws, queue):
    answer = await aws.call(
        "sqs",
        "receive_message",
        QueueUrl=await QueueUrl(aws, queue).get(),
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
    )
    return answer.get("Messages", [])


async def test_a_group_keeps_its_order_after_a_failure_and_poison_is_parked(aws, emulator):
    queue = emulator.new_queue()
    await send(aws, queue, "1", "2", "bad", "3")
    handled, failing = [], ["2"]

    async def handle(messages):
        verdicts = []
        for message in messages:
            if message.body in failing:
                failing.remove(message.body)
                return [*verdicts, *[Again("no", 0)] * (len(messages) - len(verdicts))]
            verdicts.append(Poison("no") if message.body == "bad" else Done())
            handled.append(message.body)
        return verdicts

    metrics = Metrics("x")
    consumer = SqsConsumer(aws, queue, handle, service="payments", metrics=metrics)
    await consumer.check()
    await until(consumer, lambda: len(handled) == 4)
    assert handled == ["1", "2", "bad", "3"]
    assert await consumer.run_once() == 0
    [letter] = await received(aws, dead_letters_of(queue))
    assert letter["Body"] == "bad"
    assert letter["MessageAttributes"]["source"]["StringValue"] == f"sqs:{queue}"
    counted = metrics.registry.get_sample_value(
        "cafe_messages_total", {"source": f"sqs:{queue}", "outcome": "done"}
    )
    assert counted == 3


async def test_a_message_that_shall_come_again_stays_away_for_its_time(aws, emulator):
    queue = emulator.new_queue(fifo=False)
    url = await QueueUrl(aws, queue).get()
    await aws.call("sqs", "send_message", QueueUrl=url, MessageBody="a")
    times = []

    async def handle(messages):
        assert messages[0].receives == len(times) + 1
        times.append(time.monotonic())
        return [Again("not yet") if len(times) == 1 else Done()]

    consumer = SqsConsumer(aws, queue, handle, service="x", metrics=Metrics("x"))
    await until(consumer, lambda: len(times) == 2)
    assert times[1] - times[0] >= 0.9


async def test_a_queue_that_does_not_exist_yet_is_said_so(aws, emulator):
    consumer = SqsConsumer(aws, "nowhere", None, service="x", metrics=Metrics("x"))
    with pytest.raises(UnavailableError, match="does not exist"):
        await consumer.check()
    with pytest.raises(UnavailableError, match="does not exist"):
        await consumer.run_once()


async def test_a_stream_is_read_across_a_split(aws, emulator):
    stream, letters = emulator.new_stream(), emulator.new_queue(fifo=False)
    book = Book()

    async def put(*orders):
        records = [
            {"Data": order_event(order).encode().encode(), "PartitionKey": order}
            for order in orders
        ]
        await aws.call("kinesis", "put_records", StreamName=stream, Records=records)

    def consumer():
        parking = DeadLetters(aws, letters, consumer="x", source=f"kinesis:{stream}")
        return KinesisConsumer(aws, stream, book, parking, metrics=Metrics("x"), poll_seconds=0.01)

    await put(*(f"before-{n}" for n in range(10)))
    await aws.call(
        "kinesis", "put_record", StreamName=stream, Data=b"\x00not json", PartitionKey="k"
    )
    first = consumer()
    await first.check()
    await until(first, lambda: len(book.events) == 10)
    listed = await aws.call("kinesis", "list_shards", StreamName=stream)
    parent = listed["Shards"][0]["ShardId"]
    await aws.call(
        "kinesis",
        "split_shard",
        StreamName=stream,
        ShardToSplit=parent,
        NewStartingHashKey=str(2**127),
    )
    await put(*(f"after-{n}" for n in range(10)))
    second = consumer()
    await until(second, lambda: len(book.events) == 20)
    assert len(set(book.events)) == 20
    # the emulator forgets a split shard at once, AWS lists it until its records are too old
    assert len(book.stored) == 3
    [letter] = await received(aws, letters)
    assert letter["MessageAttributes"]["encoding"]["StringValue"] == "gzip+base64"


async def test_a_stream_that_does_not_exist_yet_is_said_so(aws, emulator):
    parking = DeadLetters(aws, "x", consumer="x", source="kinesis:nowhere")
    consumer = KinesisConsumer(aws, "nowhere", Book(), parking, metrics=Metrics("x"))
    with pytest.raises(UnavailableError, match="does not exist"):
        await consumer.run_once()


async def test_business_metrics_arrive(aws, emulator):
    told = BusinessMetrics(aws, "menu", Metrics("menu"))
    told.count("Cups", 3)
    told.count("Cups", 4)
    await told.flush()
    client = emulator.client("cloudwatch")
    metrics = client.list_metrics(Namespace="CloudCafe", MetricName="Cups")["Metrics"]
    client.close()
    assert metrics[0]["Dimensions"] == [{"Name": "Service", "Value": "menu"}]


def test_a_table_has_the_index_of_the_books(emulator):
    client = emulator.client("dynamodb")
    table = client.describe_table(TableName=emulator.new_table())["Table"]
    client.close()
    assert [index["IndexName"] for index in table["GlobalSecondaryIndexes"]] == ["ledger"]
