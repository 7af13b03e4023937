"""Sending in batches: one outcome an entry, groups in order, and letters that SQS takes."""

import asyncio
import base64
import gzip
import json
import random

import pytest
from botocore.exceptions import ClientError
from cafe_kit.dead_letters import DeadLetters, Parked
from cafe_kit.errors import UnavailableError
from cafe_kit.fakes import FakeAws
from cafe_kit.sending import MAX_BATCH_BYTES, Failed, QueueUrl, Sent, send_batch
from hypothesis import given
from hypothesis import strategies as st

URL = "http://sqs/q.fifo"


def entry(body, group=None):
    groups = {"MessageGroupId": group, "MessageDeduplicationId": body} if group else {}
    return {"MessageBody": body, **groups}


def failing(bodies, *, sender_fault=False, times=10**6):
    """A rule that fails these bodies of each batch and lets the others through."""
    left = [times]

    def rule(parameters):
        entries = parameters["Entries"]
        refused = [e for e in entries if e["MessageBody"] in bodies] if left[0] > 0 else []
        if not refused:
            return None
        left[0] -= 1
        taken = [e for e in entries if e not in refused]
        for one in taken:
            rule.aws._accept(URL, one)
        return {
            "Successful": [{"Id": e["Id"]} for e in taken],
            "Failed": [
                {"Id": e["Id"], "Code": "InternalError", "SenderFault": sender_fault}
                for e in refused
            ],
        }

    return rule


def with_failures(bodies, **options):
    aws, rule = FakeAws(), failing(bodies, **options)
    rule.aws = aws
    aws.rules["send_message_batch"] = rule
    return aws


async def test_more_than_ten_go_in_several_calls():
    aws = FakeAws()
    assert await send_batch(aws, URL, [entry(f"{n}") for n in range(25)]) == [Sent()] * 25
    assert aws.bodies("q.fifo") == [f"{n}" for n in range(25)]
    assert [len(p["Entries"]) for _, p in aws.calls] == [10, 10, 5]


async def test_a_call_is_bounded_in_bytes():
    aws = FakeAws()
    await send_batch(aws, URL, [entry("x" * 100_000) for _ in range(5)])
    sizes = [sum(len(e["MessageBody"]) for e in p["Entries"]) for _, p in aws.calls]
    assert max(sizes) <= MAX_BATCH_BYTES
    assert sum(sizes) == 500_000


async def test_what_fails_for_a_moment_is_tried_again_alone():
    aws = with_failures({"b"}, times=1)
    assert await send_batch(aws, URL, [entry("a"), entry("b")]) == [Sent(), Sent()]
    assert aws.bodies("q.fifo") == ["a", "b"]


async def test_what_keeps_failing_has_its_own_outcome():
    aws = with_failures({"b"})
    outcomes = await send_batch(aws, URL, [entry("a"), entry("b")])
    assert outcomes[0] == Sent()
    assert outcomes[1] == Failed("InternalError: ")


async def test_the_senders_fault_is_not_tried_again():
    aws = with_failures({"b"}, sender_fault=True)
    outcomes = await send_batch(aws, URL, [entry("b")])
    assert outcomes == [Failed("InternalError: ", permanent=True)]
    assert len(aws.calls) == 1


async def test_after_a_failure_nothing_of_its_group_is_sent():
    aws = with_failures({"a1"})
    entries = [entry("a1", "a"), entry("b1", "b"), entry("a2", "a"), entry("b2", "b")]
    outcomes = await send_batch(aws, URL, entries)
    assert [type(outcome) for outcome in outcomes] == [Failed, Sent, Failed, Sent]
    assert aws.bodies("q.fifo") == ["b1", "b2"]


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c", None]), st.booleans()), max_size=30))
def test_a_group_arrives_in_order_without_gaps(plan):
    entries = [entry(f"{n}", group) for n, (group, _) in enumerate(plan)]
    bad = {f"{n}" for n, (_, fails) in enumerate(plan) if fails}
    aws = with_failures(bad, sender_fault=True)
    outcomes = asyncio.run(send_batch(aws, URL, entries))
    arrived = aws.bodies("q.fifo")
    assert sorted(arrived, key=int) == [f"{n}" for n, o in enumerate(outcomes) if o == Sent()]
    for group in "abc":
        mine = [f"{n}" for n, (g, _) in enumerate(plan) if g == group]
        whole = next((at for at, name in enumerate(mine) if name in bad), len(mine))
        assert [name for name in arrived if name in mine] == mine[:whole]


@pytest.mark.parametrize(
    "error",
    [
        UnavailableError("away"),
        ClientError({"Error": {"Code": "BatchRequestTooLong"}}, "SendMessageBatch"),
    ],
)
async def test_a_refused_call_is_each_entrys_failure(error):
    def refuse(parameters):
        raise error

    aws = FakeAws()
    aws.rules["send_message_batch"] = refuse
    outcomes = await send_batch(aws, URL, [entry("a"), entry("b")])
    assert all(isinstance(o, Failed) and not o.permanent for o in outcomes)


async def test_a_queue_that_is_not_there_yet_is_asked_for_again():
    aws, missing = FakeAws(), [1]

    def refuse(parameters):
        if missing:
            missing.pop()
            raise ClientError({"Error": {"Code": "QueueDoesNotExist"}}, "GetQueueUrl")

    aws.rules["get_queue_url"] = refuse
    url = QueueUrl(aws, "q")
    with pytest.raises(UnavailableError, match="does not exist"):
        await url.get()
    assert await url.get() == "http://sqs/q"


def letters(aws, queue="dlq.fifo"):
    return DeadLetters(aws, queue, consumer="loyalty", source="kinesis:orders")


def told(message):
    return {name: value["StringValue"] for name, value in message.attributes.items()}


@given(st.binary(max_size=300), st.text(max_size=300), st.text(max_size=300))
def test_any_record_can_be_parked_and_had_back(body, key, reason):
    aws = FakeAws()
    asyncio.run(letters(aws).park([Parked("shard:1", body, key, reason)]))
    [letter] = aws.queue("dlq.fifo")
    encoding = told(letter)["encoding"]
    back = letter.body.encode()
    if encoding == "gzip+base64":
        back = gzip.decompress(base64.b64decode(letter.body))
    assert back == body
    assert letter.body
    assert 1 <= len(letter.group) <= 128
    assert letter.group.isascii()
    assert all(value and "\x00" not in value for value in told(letter).values())


async def test_a_body_too_large_for_a_letter_stays_where_it_is():
    aws = FakeAws()
    await letters(aws).park([Parked("shard:1", random.Random(1).randbytes(400_000), "k", "no")])
    [letter] = aws.queue("dlq.fifo")
    assert told(letter)["encoding"] == "left"
    assert json.loads(letter.body) == {"leftAt": "shard:1", "bytes": 400_000}


async def test_the_same_message_parked_twice_is_one_letter_of_a_group():
    aws = FakeAws()
    for _ in range(2):
        await letters(aws).park([Parked("m-1", b"x", "o-1", "no")])
    assert aws.bodies("dlq.fifo") == ["x"]


async def test_a_queue_without_groups_takes_letters_without_them():
    aws = FakeAws()
    await letters(aws, "dlq").park([Parked("m-1", b"x", "o-1", "no")])
    assert "MessageGroupId" not in aws.messages[0]


async def test_nothing_to_park_is_no_call():
    aws = FakeAws()
    await letters(aws).park([])
    assert aws.calls == []


async def test_letters_that_are_not_all_taken_are_an_error():
    aws = with_failures({"b"})
    with pytest.raises(UnavailableError, match="2 cannot be parked"):
        await letters(aws).park([Parked("1", b"a", "g", "r"), Parked("2", b"b", "h", "r")])
