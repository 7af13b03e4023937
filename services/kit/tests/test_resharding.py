"""Splits, merges, deaths and lost answers in any order: each key's events arrive once, in order."""

import asyncio
from collections import defaultdict

from cafe_kit.errors import ThrottledError, UnavailableError
from cafe_kit.fakes import FakeAws
from cafe_kit.kinesis import KinesisConsumer
from cafe_kit.metrics import Metrics
from cafe_kit.sqs import DeadLetters
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.kit.tests.support.books import Book, Died
from services.kit.tests.support.samples import order_event

STREAM = "orders"
KEYS = [f"key-{index}" for index in range(6)]


class Stream(RuleBasedStateMachine):
    """A stream that changes its shards under consumers that die."""

    def __init__(self):
        super().__init__()
        self.now = 0.0
        self.runner = asyncio.Runner()
        self.aws = FakeAws()
        self.aws.stream(STREAM, shards=2)
        self.book = Book()
        self.metrics = Metrics("x")
        self.sent = defaultdict(list)
        self.malformed = 0
        self.restart()

    def restart(self):
        letters = DeadLetters(self.aws, "dlq", consumer="x", source=f"kinesis:{STREAM}")
        self.consumer = KinesisConsumer(
            self.aws,
            STREAM,
            self.book,
            letters,
            metrics=self.metrics,
            limit=3,
            clock=lambda: self.now,
        )

    def open_shards(self):
        return [shard for shard in self.aws.stream(STREAM).values() if not shard.closed]

    @rule(key=st.sampled_from(KEYS), count=st.integers(1, 4))
    def put(self, key, count):
        for _ in range(count):
            event = order_event(key, id=f"{key}:{len(self.sent[key])}")
            self.sent[key].append(event.id)
            self.aws.put_record(STREAM, event.encode(), key)

    @rule(key=st.sampled_from(KEYS))
    def put_malformed(self, key):
        self.malformed += 1
        self.aws.put_record(STREAM, "{", key)

    @precondition(lambda self: len(self.aws.stream(STREAM)) < 12)
    @rule(pick=st.integers(0, 11))
    def split(self, pick):
        shards = self.open_shards()
        self.aws.split_shard(STREAM, shards[pick % len(shards)].id)

    @precondition(lambda self: len(self.open_shards()) > 1)
    @rule(pick=st.integers(0, 11))
    def merge(self, pick):
        shards = sorted(self.open_shards(), key=lambda shard: shard.start)
        at = pick % (len(shards) - 1)
        self.aws.merge_shards(STREAM, shards[at].id, shards[at + 1].id)

    @rule()
    def expire(self):
        self.aws.expire_iterators()

    @rule(seconds=st.sampled_from([0.25, 20.0]))
    def consume(self, seconds):
        self.now += seconds
        self.runner.run(self.consumer.run_once())

    @rule(
        call=st.sampled_from(["list_shards", "get_shard_iterator", "get_records", "absorb"]),
        late=st.booleans(),
        error=st.sampled_from([Died(), UnavailableError("away"), ThrottledError("Kinesis", "no")]),
    )
    def consume_with_trouble(self, call, late, error):
        def trouble(parameters):
            raise error

        self.now += 20
        if call == "absorb":
            self.book.trouble, self.book.trouble_late = error, late
        else:
            (self.aws.after if late else self.aws.rules)[call] = trouble
        try:
            self.runner.run(self.consumer.run_once())
        except Died:
            self.restart()
        except UnavailableError:
            pass
        self.aws.rules.clear()
        self.aws.after.clear()
        self.book.trouble = None

    @invariant()
    def each_keys_events_arrive_once_and_in_order(self):
        arrived = defaultdict(list)
        for event in self.book.events:
            arrived[event.split(":")[0]].append(event)
        for key, events in arrived.items():
            assert events == self.sent[key][: len(events)]

    def teardown(self):
        shards = len(self.aws.stream(STREAM))
        records = sum(len(shard.records) for shard in self.aws.stream(STREAM).values())
        for _ in range(shards * 3 + records):
            self.now += 20
            self.runner.run(self.consumer.run_once())
        self.runner.close()
        assert sorted(self.book.events) == sorted(e for sent in self.sent.values() for e in sent)
        parked = {m.attributes["messageId"]["StringValue"] for m in self.aws.queue("dlq")}
        assert len(parked) == self.malformed


TestResharding = Stream.TestCase
TestResharding.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
