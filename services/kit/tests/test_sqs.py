"""The consumer of a queue: what a verdict does, and that no crash loses a message."""

import asyncio

import pytest
from botocore.exceptions import ClientError
from cafe_kit.context import current_trace
from cafe_kit.errors import ThrottledError, UnavailableError
from cafe_kit.fakes import FakeAws
from cafe_kit.metrics import Metrics
from cafe_kit.sqs import (
    Again,
    Done,
    Message,
    Poison,
    SqsConsumer,
    dead_letters_of,
    in_group_order,
    message_of_lambda,
)

from services.kit.tests.support.samples import TRACE_ID, order_event

QUEUE = "cloudcafe-payments.fifo"
DEAD = "cloudcafe-payments-dlq.fifo"


class Died(BaseException):
    """The process is killed here."""


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def aws(clock):
    return FakeAws(clock)


class Judge:
    """A handler that says what it is told to say of each body, `Done` if nothing."""

    def __init__(self, **verdicts):
        self.verdicts = verdicts
        self.seen = []

    async def __call__(self, messages):
        self.seen.append([message.body for message in messages])
        return [self.verdicts.get(message.body, Done()) for message in messages]


def consumer(aws, handle, queue=QUEUE, **options):
    return SqsConsumer(
        aws, queue, handle, service="payments", metrics=Metrics("payments"), **options
    )


async def test_what_is_done_is_deleted(aws):
    aws.put_message(QUEUE, "a", "g")
    assert await consumer(aws, Judge()).run_once() == 1
    assert aws.queue(QUEUE) == []
    assert aws.queue(DEAD) == []


async def test_an_empty_queue_is_no_work(aws):
    judge = Judge()
    assert await consumer(aws, judge).run_once() == 0
    assert judge.seen == []


async def test_what_shall_come_again_comes_later_each_time(aws, clock):
    aws.put_message(QUEUE, "a", "g")
    worker = consumer(aws, Judge(a=Again("busy", after_seconds=2)))
    waits = []
    for _ in range(7):
        await worker.run_once()
        waits.append(aws.queue(QUEUE)[0].visible_at - clock.now)
        clock.now = aws.queue(QUEUE)[0].visible_at
    assert waits == [2, 4, 8, 16, 32, 60, 60]


async def test_a_handler_that_wants_longer_than_the_bound_gets_it(aws, clock):
    aws.put_message(QUEUE, "a", "g")
    await consumer(aws, Judge(a=Again("closed", after_seconds=300))).run_once()
    assert aws.queue(QUEUE)[0].visible_at - clock.now == 300


async def test_poison_is_parked_with_why_for_whom_and_whence(aws):
    aws.put_message(QUEUE, "bad", "o-1")
    await consumer(aws, Judge(bad=Poison("It is not JSON."))).run_once()
    assert aws.queue(QUEUE) == []
    [letter] = aws.queue(DEAD)
    told = {name: value["StringValue"] for name, value in letter.attributes.items()}
    assert letter.body == "bad"
    assert told.pop("at")
    assert told == {
        "reason": "It is not JSON.",
        "consumer": "payments",
        "source": f"sqs:{QUEUE}",
        "partitionKey": "o-1",
        "messageId": "m-1",
        "encoding": "plain",
    }


async def test_poison_that_cannot_be_parked_stays_and_holds_its_group(aws):
    aws.put_message(QUEUE, "bad", "g")
    aws.put_message(QUEUE, "next", "g")
    aws.put_message(QUEUE, "other", "h")

    def no_room(parameters):
        raise UnavailableError("no")

    aws.rules["send_message_batch"] = no_room
    await consumer(aws, Judge(bad=Poison("no"))).run_once()
    assert aws.bodies(QUEUE) == ["bad", "next"]


async def test_after_a_failure_the_later_messages_of_its_group_wait_too(aws, clock):
    for body, group in [("a1", "a"), ("a2", "a"), ("b1", "b"), ("a3", "a")]:
        aws.put_message(QUEUE, body, group)
    await consumer(aws, Judge(a2=Again("no"))).run_once()
    assert aws.bodies(QUEUE) == ["a2", "a3"]
    clock.now += 1
    judge = Judge()
    await consumer(aws, judge).run_once()
    assert judge.seen == [["a2", "a3"]]


async def test_without_groups_a_failure_holds_nobody_else(aws):
    for body in ("a", "b"):
        aws.put_message("plain", body)
    await consumer(aws, Judge(a=Again("no")), "plain").run_once()
    assert aws.bodies("plain") == ["a"]


async def test_poison_does_not_hold_its_group():
    messages = [Message(str(n), "", "g", 1, "r") for n in range(2)]
    verdicts = [Poison("no"), Done()]
    assert in_group_order(messages, verdicts) == verdicts


@pytest.mark.parametrize(
    "error", [UnavailableError("database away"), ThrottledError("DynamoDB", "no"), ValueError("x")]
)
async def test_when_the_handler_fails_everything_comes_again(aws, error):
    async def fail(messages):
        raise error

    aws.put_message(QUEUE, "a", "g")
    aws.put_message(QUEUE, "b", "h")
    await consumer(aws, fail).run_once()
    assert aws.bodies(QUEUE) == ["a", "b"]


async def test_a_handler_that_hangs_is_given_up(aws, monkeypatch):
    async def hang(messages):
        await asyncio.Event().wait()

    monkeypatch.setattr("cafe_kit.sqs.HANDLE_SECONDS", 0.01)
    aws.put_message(QUEUE, "a", "g")
    await consumer(aws, hang).run_once()
    assert aws.bodies(QUEUE) == ["a"]


async def test_a_handler_that_forgets_a_message_loses_none(aws):
    async def forget(messages):
        return [Done()]

    for body in ("a", "b"):
        aws.put_message(QUEUE, body, body)
    await consumer(aws, forget).run_once()
    assert aws.bodies(QUEUE) == ["a", "b"]


async def test_the_trace_of_the_sender_is_taken_up_and_put_down_again(aws):
    traces = []

    async def look(messages):
        for message in messages:
            with message.traced():
                traces.append(current_trace().trace_id)
        return [Done()] * len(messages)

    before = current_trace()
    aws.put_message(QUEUE, order_event(trace_id="a" * 32).encode(), "g")
    aws.put_message(QUEUE, order_event(trace_id="b" * 32).encode(), "h")
    await consumer(aws, look).run_once()
    assert traces == ["a" * 32, "b" * 32]
    assert current_trace() == before


async def test_a_message_alone_is_handled_in_its_trace_without_further_ado(aws):
    traces = []

    async def look(messages):
        traces.append(current_trace().trace_id)
        return [Done()]

    aws.put_message(QUEUE, order_event().encode(), "g")
    await consumer(aws, look).run_once()
    assert traces == [TRACE_ID]


@pytest.mark.parametrize("body", ["", "{}", '{"traceId":"short"}', '{"traceId":7}'])
def test_a_message_without_a_trace_begins_one(body):
    with Message("m", body, "", 1, "r").traced() as trace:
        assert len(trace.trace_id) == 32


async def test_stopping_finishes_the_batch_and_no_more(aws):
    stopping, judged = asyncio.Event(), Judge()

    async def handle(messages):
        stopping.set()
        return await judged(messages)

    for index in range(12):
        aws.put_message("plain", f"{index}")
    await asyncio.wait_for(consumer(aws, handle, "plain").run(stopping), 2)
    assert aws.bodies("plain") == ["10", "11"]


async def test_a_queue_that_is_away_is_waited_for(aws):
    stopping, away = asyncio.Event(), [1, 1]

    def refuse(parameters):
        if away:
            away.pop()
            raise UnavailableError("away")

    async def handle(messages):
        stopping.set()
        return [Done()]

    aws.rules["receive_message"] = refuse
    aws.put_message(QUEUE, "a", "g")
    await asyncio.wait_for(consumer(aws, handle).run(stopping), 5)
    assert aws.queue(QUEUE) == []


async def test_a_queue_whose_policy_refuses_us_is_waited_for_and_ends_nothing(aws):
    stopping, denied = asyncio.Event(), [1, 1]

    def refuse(parameters):
        if denied:
            denied.pop()
            answer = {"Error": {"Code": "AccessDenied", "Message": "denied by the queue's policy"}}
            raise ClientError(answer, "ReceiveMessage")

    async def handle(messages):
        stopping.set()
        return [Done()]

    aws.rules["receive_message"] = refuse
    aws.put_message(QUEUE, "a", "g")
    await asyncio.wait_for(consumer(aws, handle).run(stopping), 5)
    assert aws.queue(QUEUE) == []


async def test_several_batches_are_handled_at_a_time(aws):
    stopping, both = asyncio.Event(), asyncio.Barrier(2)

    async def handle(messages):
        await both.wait()
        stopping.set()
        return [Done()] * len(messages)

    for index in range(20):
        aws.put_message(QUEUE, f"{index}", f"g{index}")
    worker = consumer(aws, handle, concurrency=2)
    await asyncio.wait_for(worker.run(stopping), 2)
    assert aws.queue(QUEUE) == []


STEPS = ["send_message_batch", "delete_message_batch", "change_message_visibility_batch"]


@pytest.mark.parametrize("moment", ["rules", "after"])
@pytest.mark.parametrize("step", ["receive_message", *STEPS])
async def test_a_death_at_any_step_loses_nothing(aws, clock, step, moment):
    """Before and after each effect: all that is not done is on the queue or parked."""

    def die(parameters):
        raise Died

    for body, group in [("ok", "a"), ("bad", "b"), ("later", "c")]:
        aws.put_message(QUEUE, body, group)
    verdicts = {"bad": Poison("no"), "later": Again("not yet")}
    handled = Judge(**verdicts)
    getattr(aws, moment)[step] = die
    with pytest.raises(Died):
        await consumer(aws, handled).run_once()
    getattr(aws, moment).clear()

    clock.now += 3600
    assert "later" in aws.bodies(QUEUE)
    assert "bad" in aws.bodies(QUEUE) + aws.bodies(DEAD)
    second = Judge(bad=Poison("no"))
    await consumer(aws, second).run_once()
    assert aws.queue(QUEUE) == []
    assert aws.bodies(DEAD) == ["bad"], "parked once, though it was tried twice"
    assert {"ok", "bad", "later"} == {b for run in (*handled.seen, *second.seen) for b in run}


async def test_a_lost_answer_of_a_delete_brings_the_message_nowhere_else(aws, clock):
    def lose(parameters):
        raise UnavailableError("no answer")

    aws.put_message(QUEUE, "a", "g")
    aws.after["delete_message_batch"] = lose
    with pytest.raises(UnavailableError):
        await consumer(aws, Judge()).run_once()
    assert aws.queue(QUEUE) == []


async def test_a_redelivery_during_handling_keeps_the_message_for_the_second(aws):
    """Our receipt is old when we delete: the queue keeps the message, the handler sees it twice."""
    aws.put_message(QUEUE, "a", "g")
    others = Judge()

    async def slow(messages):
        aws.redeliver(QUEUE)
        await consumer(aws, others).run_once()
        return [Done()]

    await consumer(aws, slow).run_once()
    assert others.seen == [["a"]]
    assert aws.queue(QUEUE) == []


@pytest.mark.parametrize(
    ("queue", "dead"), [("x", "x-dlq"), ("x.fifo", "x-dlq.fifo"), ("a.fifo.b", "a.fifo.b-dlq")]
)
def test_dead_letters_are_named_after_their_queue(queue, dead):
    assert dead_letters_of(queue) == dead


def test_a_lambda_record_is_the_same_message():
    record = {
        "messageId": "m-1",
        "receiptHandle": "r",
        "body": "b",
        "attributes": {"MessageGroupId": "o-1", "ApproximateReceiveCount": "3"},
    }
    assert message_of_lambda(record) == Message("m-1", "b", "o-1", 3, "r")
