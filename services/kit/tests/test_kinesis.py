"""The consumer of a stream: nothing lost, nothing out of order, whatever happens to its shards."""

import asyncio
import json
from itertools import pairwise

import pytest
from botocore.exceptions import ClientError
from cafe_kit.errors import ThrottledError, UnavailableError
from cafe_kit.fakes import FakeAws
from cafe_kit.kinesis import (
    SHARD_END,
    EventRefusedError,
    KinesisConsumer,
    PositionMovedError,
)
from cafe_kit.metrics import Metrics
from cafe_kit.sqs import DeadLetters
from cafe_kit.stream_reader import ShardInfo, readable_shards

from services.kit.tests.support.books import Book, Died
from services.kit.tests.support.samples import order_event

STREAM = "orders"
DEAD = "loyalty-dlq"
FIRST = "shardId-000000000000"
SECOND = "shardId-000000000001"


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Reading:
    """A consumer with a clock that moves on by itself between turns."""

    def __init__(self, **options):
        self.aws = FakeAws()
        self.book = Book()
        self.clock = Clock()
        self.metrics = Metrics("loyalty")
        self.options = options
        self.restart()

    def restart(self):
        letters = DeadLetters(self.aws, DEAD, consumer="loyalty", source=f"kinesis:{STREAM}")
        self.consumer = KinesisConsumer(
            self.aws,
            STREAM,
            self.book,
            letters,
            metrics=self.metrics,
            clock=self.clock,
            **self.options,
        )

    def put(self, *names, key="k"):
        for name in names:
            self.aws.put_record(STREAM, order_event(name).encode(), key)

    async def turns(self, count=4):
        for _ in range(count):
            await self.consumer.run_once()
            self.clock.now += 20.0

    @property
    def orders(self):
        return [event.split(":")[0] for event in self.book.events]

    def lag(self):
        return self.metrics.registry.get_sample_value("cafe_stream_lag_seconds", {"stream": STREAM})


@pytest.fixture
def reading():
    return Reading()


def refusal(code):
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "GetRecords")


def once(error):
    """A rule that refuses the first call only."""
    errors = [error]

    def rule(parameters):
        if errors:
            raise errors.pop()

    return rule


async def test_a_new_consumer_begins_with_the_oldest_record(reading):
    reading.put("a", "b")
    await reading.turns()
    reading.put("c")
    await reading.turns()
    assert reading.orders == ["a", "b", "c"]


async def test_a_restarted_consumer_goes_on_where_the_sink_says(reading):
    reading.put("a", "b")
    await reading.turns()
    reading.restart()
    reading.put("c")
    await reading.turns()
    assert reading.orders == ["a", "b", "c"]


async def test_a_batch_is_bounded():
    reading = Reading(limit=2)
    reading.put("a", "b", "c")
    await reading.turns()
    assert [len(batch.events) for batch in reading.book.batches] == [2, 1]


async def test_children_wait_until_their_parent_was_read_to_its_end():
    reading = Reading(limit=1)
    reading.put("a", "b")
    reading.aws.split_shard(STREAM, FIRST)
    for key in "rstuvw":
        reading.put(f"after-{key}", key=key)
    await reading.turns(14)
    assert reading.orders[:2] == ["a", "b"]
    assert len(reading.orders) == 8
    assert reading.book.stored[FIRST] == SHARD_END


async def test_a_merged_shard_waits_for_both_parents(reading):
    reading.aws.stream(STREAM, shards=2)
    for key in "rstuvw":
        reading.put(f"before-{key}", key=key)
    merged = reading.aws.merge_shards(STREAM, FIRST, SECOND)
    reading.put("after")
    reading.aws.rules["get_records"] = lambda p: (
        once(UnavailableError("away"))(p) if SECOND in p["ShardIterator"] else None
    )
    await reading.turns(3)
    assert merged not in reading.book.stored
    reading.aws.rules.clear()
    await reading.turns(6)
    assert reading.orders[-1] == "after"
    assert len(reading.orders) == 7


async def test_a_shard_that_ended_empty_lets_its_children_go_on(reading):
    reading.aws.stream(STREAM)
    await reading.turns(1)
    reading.aws.split_shard(STREAM, FIRST)
    reading.put("a")
    await reading.turns()
    assert reading.book.stored[FIRST] == SHARD_END
    assert reading.orders == ["a"]


async def test_an_expired_iterator_is_renewed(reading):
    reading.put("a")
    await reading.turns(1)
    reading.put("b")
    reading.aws.expire_iterators()
    await reading.turns(3)
    assert reading.orders == ["a", "b"]


@pytest.mark.parametrize("call", ["list_shards", "get_shard_iterator", "get_records"])
@pytest.mark.parametrize(
    "error",
    [
        ThrottledError("Kinesis", "too fast"),
        UnavailableError("away"),
        refusal("ResourceNotFoundException"),
        refusal("LimitExceededException"),
    ],
    ids=["throttled", "away", "missing", "limited"],
)
async def test_trouble_with_kinesis_is_waited_out(reading, call, error):
    reading.put("a")
    reading.aws.rules[call] = once(error)
    try:
        await reading.turns(1)
    except UnavailableError:
        assert call == "list_shards"
    await reading.turns(2)
    assert reading.orders == ["a"]


async def test_a_shard_in_trouble_waits_longer_each_time_and_others_go_on(reading):
    reading.aws.stream(STREAM, shards=2)
    tries = []

    def away(parameters):
        if FIRST in parameters["ShardIterator"]:
            tries.append(reading.clock.now)
            raise UnavailableError("away")

    reading.aws.rules["get_records"] = away
    for key in "rstuvw":
        reading.put(f"x-{key}", key=key)
    for _ in range(200):
        await reading.consumer.run_once()
        reading.clock.now += 0.125
    waits = [after - before for before, after in pairwise(tries)]
    assert waits[:5] == [0.25, 0.5, 1.0, 2.0, 4.0]
    assert max(waits) <= 5.0
    assert reading.orders


async def test_what_nobody_can_read_is_parked_before_the_position_moves(reading):
    reading.put("a")
    future = json.loads(order_event("f").encode()) | {"version": 2}
    for data in (b"\xff\x00", b"", json.dumps(future)):
        reading.aws.put_record(STREAM, data, "key")
    reading.put("b")
    parked_first = []
    reading.aws.after["send_message_batch"] = lambda p: parked_first.append(
        dict(reading.book.stored)
    )
    await reading.turns()
    assert reading.orders == ["a", "b"]
    assert parked_first == [{}]
    letters = reading.aws.queue(DEAD)
    told = [{k: v["StringValue"] for k, v in letter.attributes.items()} for letter in letters]
    assert {one["source"] for one in told} == {f"kinesis:{STREAM}"}
    assert {one["consumer"] for one in told} == {"loyalty"}
    assert {one["partitionKey"] for one in told} == {"key"}
    assert [one["encoding"] for one in told] == ["gzip+base64", "gzip+base64", "plain"]
    assert "newer than this reader" in told[2]["reason"]


async def test_a_batch_of_nothing_readable_still_moves_the_position(reading):
    reading.aws.put_record(STREAM, b"{")
    await reading.turns()
    assert reading.book.stored[FIRST]
    reading.restart()
    await reading.turns()
    assert len(reading.aws.queue(DEAD)) == 1


async def test_while_nothing_can_be_parked_the_position_stays(reading):
    def full(parameters):
        raise UnavailableError("away")

    reading.aws.put_record(STREAM, b"{")
    reading.put("a")
    reading.aws.rules["send_message_batch"] = full
    await reading.turns()
    assert reading.book.stored == {}
    reading.aws.rules.clear()
    await reading.turns()
    assert reading.orders == ["a"]


async def test_an_event_that_the_sink_refuses_for_good_is_parked_and_the_rest_stored(reading):
    absorb = reading.book.absorb

    async def refuse(batch):
        if any(event.order_id == "b" for event in batch.events):
            raise EventRefusedError("b:order.completed", "The amount does not fit.")
        await absorb(batch)

    reading.book.absorb = refuse
    reading.put("a", "b", "c", "b")
    await reading.turns()
    assert reading.orders == ["a", "c"]
    reasons = [m.attributes["reason"]["StringValue"] for m in reading.aws.queue(DEAD)]
    assert reasons == ["The amount does not fit."] * 2


async def test_a_sink_that_names_an_event_of_nobody_is_asked_again(reading):
    reading.put("a")
    reading.book.trouble = EventRefusedError("nobody", "?")
    await reading.turns()
    assert reading.orders == ["a"]
    assert reading.aws.queue(DEAD) == []


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    "error",
    [UnavailableError("away"), RuntimeError("bug"), PositionMovedError()],
    ids=["away", "bug", "moved"],
)
async def test_after_trouble_in_the_sink_its_own_position_counts(reading, late, error):
    """It stored the batch and the answer got lost, or it did not store it: only it knows."""
    reading.put("a", "b")
    reading.book.trouble, reading.book.trouble_late = error, late
    await reading.turns()
    reading.put("c")
    await reading.turns()
    assert reading.orders == ["a", "b", "c"]


async def test_a_shard_whose_end_was_stored_by_a_lost_answer_is_not_read_again(reading):
    reading.put("a")
    reading.aws.split_shard(STREAM, FIRST)
    reading.put("b")
    reading.book.trouble, reading.book.trouble_late = UnavailableError("lost"), True
    await reading.turns(6)
    assert reading.orders == ["a", "b"]


async def test_another_replica_that_was_faster_is_followed(reading):
    reading.put("a", "b")
    await reading.turns(1)
    faster = Reading()
    faster.aws, faster.book = reading.aws, reading.book
    faster.restart()
    reading.put("c")
    await faster.turns()
    reading.put("d")
    # its iterator stands before c: the sink says no, and it goes on from where the other was
    absorb = reading.book.absorb

    async def compare(batch):
        if reading.book.stored.get(batch.shard) != batch.before:
            raise PositionMovedError
        await absorb(batch)

    reading.book.absorb = compare
    await reading.turns()
    assert reading.orders == ["a", "b", "c", "d"]


STEPS = ["list_shards", "get_shard_iterator", "get_records", "send_message_batch"]


@pytest.mark.parametrize("moment", ["rules", "after"])
@pytest.mark.parametrize("step", STEPS)
async def test_a_death_at_any_step_loses_nothing_and_repeats_nothing(reading, step, moment):
    def die(parameters):
        raise Died

    reading.put("a")
    reading.aws.put_record(STREAM, b"{")
    reading.put("b")
    getattr(reading.aws, moment)[step] = die
    with pytest.raises(Died):
        await reading.turns()
    getattr(reading.aws, moment).clear()
    reading.restart()
    await reading.turns()
    assert reading.orders == ["a", "b"]
    ids = {m.attributes["messageId"]["StringValue"] for m in reading.aws.queue(DEAD)}
    assert len(ids) == 1, "a letter that was parked twice has the same id"


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
async def test_a_death_around_the_absorption_loses_nothing_and_repeats_nothing(reading, late):
    reading.put("a", "b")
    reading.book.trouble, reading.book.trouble_late = Died(), late
    with pytest.raises(Died):
        await reading.turns()
    reading.restart()
    await reading.turns()
    assert reading.orders == ["a", "b"]


async def test_a_shard_that_vanished_is_forgotten_at_once(reading):
    reading.put("a")
    await reading.turns(1)
    del reading.aws.streams[STREAM]
    reading.aws.rules["get_records"] = once(refusal("ResourceNotFoundException"))
    reading.aws.stream(STREAM, shards=2)
    for key in "rstuvw":
        reading.put(f"x-{key}", key=key)
    reading.clock.now -= 19
    await reading.turns(1)
    assert reading.orders == ["a"]
    reading.clock.now -= 19
    await reading.turns(1)
    assert len(reading.orders) == 7


async def test_a_position_of_an_older_stream_begins_with_the_oldest_record(reading):
    reading.put("a")
    reading.book.stored[FIRST] = "123"
    reading.aws.rules["get_shard_iterator"] = lambda p: (
        once(refusal("InvalidArgumentException"))(p) if "StartingSequenceNumber" in p else None
    )
    await reading.turns()
    assert reading.orders == ["a"]


async def test_a_stream_made_anew_under_its_old_name_is_read_again(reading):
    """An open shard cannot have been read to its end."""
    reading.book.stored[FIRST] = SHARD_END
    reading.put("a")
    await reading.turns()
    assert reading.orders == ["a"]
    assert reading.book.batches[0].before == SHARD_END


async def test_the_lag_grows_while_the_sink_is_away_and_shrinks_after(reading):
    reading.put("a")
    await reading.turns(1)
    assert reading.lag() == 0
    reading.book.trouble = UnavailableError("away")
    reading.put("b")
    await reading.turns(1)
    reading.book.away = True
    with pytest.raises(UnavailableError):
        await reading.turns(3)
    assert reading.lag() >= 20
    reading.book.away = False
    await reading.turns(2)
    assert reading.lag() == 0


async def test_stopping_finishes_the_batch(reading):
    stopping = asyncio.Event()
    absorb = reading.book.absorb

    async def absorb_and_stop(batch):
        stopping.set()
        await absorb(batch)

    reading.book.absorb = absorb_and_stop
    reading.put("a")
    await asyncio.wait_for(reading.consumer.run(stopping), 2)
    assert reading.orders == ["a"]


def shard(name, *parents, is_open=False):
    return ShardInfo(name, frozenset(parents), is_open)


def test_a_parent_that_nobody_lists_any_more_holds_no_child():
    assert readable_shards([shard("b", "a", is_open=True)], {}) == [("b", None)]


def test_a_grandchild_waits_for_all_before_it():
    listed = [shard("a"), shard("b", "a"), shard("c", "b", is_open=True)]
    assert readable_shards(listed, {}) == [("a", None)]
    assert readable_shards(listed, {"a": SHARD_END, "b": "7"}) == [("b", "7")]
    assert readable_shards(listed, {"a": SHARD_END, "b": SHARD_END}) == [("c", None)]
