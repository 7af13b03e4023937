"""From the stream to the books: resharding, crashes, poison, and a whole worker."""

import asyncio

import pytest
from cafe_analytics.fakes import HAPPY, STREAM, event, life
from cafe_kit.aws import Aws
from cafe_kit.dead_letters import DeadLetters
from cafe_kit.errors import UnavailableError
from cafe_kit.fakes import FakeAws
from cafe_kit.kinesis import SHARD_END, KinesisConsumer
from cafe_kit.metrics import Metrics

DEAD = "analytics-dlq"
ORDERS = [f"o{number}" for number in range(8)]


@pytest.fixture
def aws():
    """An AWS in memory."""
    return FakeAws()


def consumer_of(aws, sink, metrics=None, **options):
    return KinesisConsumer(
        aws,
        STREAM,
        sink,
        DeadLetters(aws, DEAD, consumer="analytics-worker", source=f"kinesis:{STREAM}"),
        metrics=metrics or Metrics("analytics-worker"),
        **options,
    )


def put(aws, *events):
    for one in events:
        aws.put_record(STREAM, one.encode(), one.order_id)


async def drained(sink, aws):
    """Read on with a new consumer, as after a restart, until it finds nothing more."""
    for _ in range(12):
        clock = iter(range(1_000_000))
        consumer = consumer_of(aws, sink, clock=lambda clock=clock: next(clock) * 60.0)
        if sum([await consumer.run_once() for _ in range(2)]) == 0:
            positions = await sink.positions()
            if sum(p == SHARD_END for p in positions.values()) == ended_shards(aws):
                return


def ended_shards(aws):
    return sum(shard.closed for shard in aws.stream(STREAM).values())


async def test_a_split_and_a_merge_in_the_middle_of_orders_lose_nothing(aws, sink, warehouse):
    put(aws, *[event(order, "placed") for order in ORDERS])
    left, right = aws.split_shard(STREAM, "shardId-000000000000")
    put(aws, *[event(order, "confirmed") for order in ORDERS])
    aws.merge_shards(STREAM, left, right)
    put(aws, *[event(order, status) for order in ORDERS for status in ("paid", "completed")])
    await drained(sink, aws)
    assert await warehouse.statuses() == [(order, "completed") for order in ORDERS]
    (row, *_), _ = await warehouse.books()
    assert None not in {row[f"{status}_at"] for status in HAPPY}
    positions = await sink.positions()
    assert sorted(p == SHARD_END for p in positions.values()) == [False, True, True, True]


async def test_a_crash_between_two_shards_repeats_and_loses_nothing(aws, sink, warehouse):
    aws.stream(STREAM, 2)
    put(aws, *[one for order in ORDERS for one in life(order)])
    absorb, calls = sink.absorb, []

    async def fails_after_the_first(batch):
        calls.append(batch)
        if len(calls) > 1:
            raise UnavailableError("the warehouse is away")
        await absorb(batch)

    sink.absorb = fails_after_the_first
    await consumer_of(aws, sink).run_once()
    assert 0 < len(await warehouse.statuses()) < len(ORDERS)
    sink.absorb = absorb
    await drained(sink, aws)
    assert await warehouse.statuses() == [(order, "completed") for order in ORDERS]


async def test_two_workers_on_one_stream_count_every_order_once(aws, open_sink, warehouse):
    aws.stream(STREAM, 2)
    put(aws, *[one for order in ORDERS for one in life(order)])
    workers = [consumer_of(aws, open_sink(warehouse.dsn), limit=3) for _ in range(2)]
    stopping = asyncio.Event()
    running = [asyncio.create_task(worker.run(stopping)) for worker in workers]
    wanted = [(order, "completed") for order in ORDERS]
    await warehouse.until(lambda found: found == wanted)
    stopping.set()
    await asyncio.gather(*running)
    _, lines = await warehouse.books()
    assert len(lines) == 2 * len(ORDERS)


async def test_what_nobody_can_read_is_parked_and_the_rest_goes_on(aws, sink, warehouse):
    future = life("o2")[0].encode().replace('"version":1', '"version":2')
    aws.put_record(STREAM, "not json", "o1")
    aws.put_record(STREAM, future, "o2")
    put(aws, *life("o3"))
    await consumer_of(aws, sink).run_once()
    assert await warehouse.statuses() == [("o3", "completed")]
    assert aws.bodies(DEAD) == ["not json", future]


async def test_a_redriven_event_finds_its_place(aws, sink, warehouse):
    put(aws, *life("o1", ("placed", "paid", "completed")))
    put(aws, event("o1", "confirmed"))  # it was parked, and comes back last
    await consumer_of(aws, sink).run_once()
    (row,), _ = await warehouse.books()
    assert (row["status"], row["confirmed_at"]) == ("completed", event("o1", "confirmed").at)


async def test_a_real_stream_is_read_to_its_end(aws_environment, open_sink, warehouse):
    stream = aws_environment.new_stream(shards=2)
    client = aws_environment.client("kinesis")
    records = [
        {"Data": one.encode().encode(), "PartitionKey": one.order_id}
        for order in ORDERS
        for one in life(order)
    ]
    client.put_records(StreamName=stream, Records=records)
    client.close()
    aws, sink = Aws("eu-west-1", 4), open_sink(warehouse.dsn)
    sink._stream = stream
    dead_letters = DeadLetters(aws, DEAD, consumer="analytics-worker", source=f"kinesis:{stream}")
    metrics = Metrics("analytics-worker")
    try:
        for _ in range(2):  # the second as after a restart
            consumer = KinesisConsumer(aws, stream, sink, dead_letters, metrics=metrics)
            await consumer.run_once()
    finally:
        await aws.close()
    assert await warehouse.statuses() == [(order, "completed") for order in ORDERS]
    assert metrics.registry.get_sample_value(
        "cafe_messages_total", {"source": f"kinesis:{stream}", "outcome": "done"}
    ) == len(records)


async def test_a_whole_worker_loads_reports_and_tells(aws, open_worker, warehouse, monkeypatch):
    monkeypatch.setattr("cafe_analytics.app.LAG_SECONDS", 0.05)
    told = asyncio.Event()

    def hears(_parameters):
        if {"EventsLoaded", "StreamLagSeconds"} <= {d["MetricName"] for d in aws.metric_data}:
            told.set()

    aws.after["put_metric_data"] = hears
    put(aws, *[one for order in ORDERS for one in life(order)])
    async with open_worker(warehouse.dsn, aws, cloudwatch_seconds=0.05) as (application, client):
        await warehouse.until(lambda found: len(found) == len(ORDERS))
        report = await client.get("/reports/sales/by-store")
        assert report.json()["rows"][0]["orders"] == len(ORDERS)
        async with asyncio.timeout(10):
            await told.wait()
        exposed = application.metrics.render().decode()
    loaded = [d for d in aws.metric_data if d["MetricName"] == "EventsLoaded"]
    assert sum(d["StatisticValues"]["Sum"] for d in loaded) == 4 * len(ORDERS)
    assert 'cafe_analytics_rows_merged_total{table="orders"} 8.0' in exposed
    assert "cafe_analytics_batch_seconds_count 1.0" in exposed
    assert f'cafe_stream_lag_seconds{{stream="{STREAM}"}}' in exposed


async def test_a_warehouse_that_goes_away_and_comes_back(aws, open_worker, warehouse, proxy):
    dsn = warehouse.dsn.replace(f":{proxy.target_port}/", f":{proxy.port}/")
    async with open_worker(dsn, aws) as (application, client):
        put(aws, *life("o1"))
        await warehouse.until(lambda found: found == [("o1", "completed")])
        await proxy.refuse()
        put(aws, *life("o2"))
        refused = await client.get("/ledger")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        await proxy.allow()
        await warehouse.until(lambda found: len(found) == 2)
        assert (await client.get("/ledger")).status_code == 200
        assert application.stress.view().story == "Month-End Report"


async def test_a_stream_that_was_made_anew_is_read_from_its_beginning(aws, sink, warehouse):
    put(aws, *life("o1"))
    aws.split_shard(STREAM, "shardId-000000000000")
    await consumer_of(aws, sink).run_once()
    assert await sink.positions() == {"shardId-000000000000": SHARD_END}
    del aws.streams[STREAM]
    put(aws, *life("o2"))
    await consumer_of(aws, sink).run_once()
    assert await warehouse.statuses() == [("o1", "completed"), ("o2", "completed")]
