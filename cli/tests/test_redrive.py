"""`cafectl redrive`: what was parked goes back to where it came from, and nothing is lost."""

import base64
import gzip
import json
from dataclasses import replace

import httpx
import pytest
from cafectl.redrive import (
    Letter,
    RedriveError,
    dead_letters_of,
    redrive_outbox,
    redrive_queue,
)

from services.kit.tests.support.emulator import running_emulator

QUEUE, DEAD = "cloudcafe-payments.fifo", "cloudcafe-payments-dlq.fifo"
BEGAN = 1000.0


class Died(BaseException):
    """The process ends here."""


class FakePost:
    """Queues and streams in memory. A letter that was taken is out of sight."""

    def __init__(self, *letters):
        self.letters = {letter.id: letter for letter in letters}
        self.hidden = set()
        self.sent = []
        self.put_ = []
        self.refuse = set()
        self.die_before_delete = False

    def waiting(self, queue):
        return len(self.letters)

    def receive(self, queue, *, most, hidden_seconds):
        found = [one for one in self.letters.values() if one.id not in self.hidden][:most]
        self.hidden |= {one.id for one in found}
        return found

    def delete(self, queue, letter):
        if self.die_before_delete:
            raise Died
        del self.letters[letter.id]

    def show_again(self, queue, letter):
        self.hidden.discard(letter.id)

    def send(self, queue, body, *, group, dedup):
        if queue in self.refuse:
            raise RedriveError(f"there is no {queue}")
        self.sent.append((queue, body, group, dedup))

    def put(self, stream, body, *, partition_key):
        self.put_.append((stream, body, partition_key))


def letter(number=1, **changes):
    attributes = {
        "source": f"sqs:{QUEUE}",
        "consumer": "payment-processor",
        "reason": "a future version",
        "partitionKey": "order-1",
        "at": "2026-03-01T12:00:00+00:00",
        "encoding": "plain",
    }
    made = Letter(f"m{number}", '{"a": 1}', f"r{number}", "order-1", BEGAN - 60, attributes)
    told = changes.pop("attributes", {})
    return replace(made, attributes=attributes | told, **changes)


def run(post, queue=QUEUE, *, limit=100, dry_run=False):
    return redrive_queue(post, queue, limit=limit, dry_run=dry_run, now=lambda: BEGAN)


def test_a_queues_letter_goes_back_to_its_queue_and_group_and_is_deleted():
    post = FakePost(letter())
    found = run(post)
    assert post.sent == [(QUEUE, '{"a": 1}', "order-1", "redrive-m1")]
    assert post.letters == {}
    assert (found.done, found.left) == (1, 0)
    assert (found.rows[0].reason, found.rows[0].outcome) == (
        "a future version",
        f"put back to {QUEUE and f'sqs:{QUEUE}'}",
    )


def test_a_streams_letter_goes_back_under_its_partition_key():
    post = FakePost(letter(group="", attributes={"source": "kinesis:cloudcafe-order-events"}))
    run(post, "cloudcafe-loyalty-dlq")
    assert post.put_ == [("cloudcafe-order-events", b'{"a": 1}', "order-1")]


def test_what_sqs_itself_moved_there_goes_back_to_the_queue_of_that_name():
    post = FakePost(replace(letter(), attributes={}))
    found = run(post)
    assert post.sent[0][:3] == (QUEUE, '{"a": 1}', "order-1")
    assert found.rows[0].reason == "received too often without success"


def test_a_packed_body_is_put_back_as_it_was():
    packed = base64.b64encode(gzip.compress(b"\xff\x00")).decode()
    told = {"encoding": "gzip+base64", "source": "kinesis:events"}
    post = FakePost(letter(body=packed, attributes=told))
    run(post)
    assert post.put_ == [("events", b"\xff\x00", "order-1")]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"attributes": {"encoding": "left"}}, "too large to park"),
        ({"attributes": {"encoding": "zstd"}}, "encoding 'zstd' is unknown"),
        ({"attributes": {"encoding": "gzip+base64"}}, "cannot be unpacked"),
        ({"attributes": {"source": "smoke:signals"}}, "neither sqs:<queue> nor kinesis:<stream>"),
    ],
)
def test_what_cannot_be_put_back_stays_parked_in_sight_and_says_why(changes, why):
    post = FakePost(letter(1, **changes), letter(2))
    found = run(post)
    assert set(post.letters) == {"m1"}
    assert post.hidden == set() | (post.hidden - {"m1"})
    assert (found.done, found.refused) == (1, 1)
    assert why in found.rows[0].outcome


def test_a_source_that_is_gone_leaves_the_letter_parked():
    post = FakePost(letter())
    post.refuse.add(QUEUE)
    assert run(post).refused == 1
    assert "m1" in post.letters


def test_a_death_between_sending_and_deleting_leaves_it_twice_and_never_loses_it():
    post = FakePost(letter())
    post.die_before_delete = True
    with pytest.raises(Died):
        run(post)
    assert "m1" in post.letters
    post.die_before_delete, post.hidden = False, set()
    run(post)
    assert [dedup for _, _, _, dedup in post.sent] == ["redrive-m1", "redrive-m1"]


def test_a_dry_run_shows_the_reasons_and_leaves_everything_in_its_place():
    post = FakePost(letter(1), letter(2))
    found = run(post, dry_run=True)
    assert [row.reason for row in found.rows] == ["a future version"] * 2
    assert (post.sent, post.hidden, len(post.letters)) == ([], set(), 2)
    assert (found.done, found.refused, found.left) == (0, 0, 2)


def test_no_more_than_the_limit_are_put_back():
    post = FakePost(*(letter(number) for number in range(30)))
    found = run(post, limit=12)
    assert (found.done, found.left) == (12, 18)


def test_what_is_parked_again_meanwhile_is_left_alone():
    post = FakePost(letter(1), letter(2, sent_at=BEGAN + 1))
    found = run(post)
    assert (found.done, list(post.letters), post.hidden) == (1, ["m2"], {"m1"})


@pytest.mark.parametrize("name", [QUEUE, DEAD])
def test_a_queue_or_its_dead_letters_may_be_named(name):
    assert dead_letters_of(name) == DEAD
    assert dead_letters_of("cloudcafe-loyalty-dlq") == "cloudcafe-loyalty-dlq"


class FakeOutbox:
    """The order service's parked rows."""

    def __init__(self, number):
        self.ids = list(range(1, number + 1))
        self.bodies = []

    def __call__(self, request):
        if request.headers["authorization"] != "Bearer token":
            return httpx.Response(401)
        if request.method == "POST":
            ids = json.loads(request.content)["ids"]
            self.bodies.append(ids)
            gone = [one for one in ids if one in self.ids]
            self.ids = [one for one in self.ids if one not in ids]
            return httpx.Response(200, json={"redriven": len(gone)})
        after, limit = (int(request.url.params.get(name, 0)) for name in ("cursor", "limit"))
        found = [one for one in self.ids if one > after]
        entries = [
            {
                "id": number,
                "orderId": f"order-{number}",
                "destination": "payments",
                "kind": "payment.requested",
                "reason": "refused for good",
                "attempts": 3,
                "parkedAt": "2026-03-01T12:00:00Z",
            }
            for number in found[:limit]
        ]
        following = str(found[limit - 1]) if len(found) > limit else None
        return httpx.Response(200, json={"entries": entries, "next": following})


async def outbox(service, *, token="token", limit=1000, dry_run=False):
    async with httpx.AsyncClient(transport=httpx.MockTransport(service)) as client:
        return await redrive_outbox(
            client, "http://order", token=token, limit=limit, dry_run=dry_run
        )


async def test_the_outbox_sends_again_what_was_shown_page_by_page():
    service = FakeOutbox(250)
    found = await outbox(service)
    assert (found.done, found.left, service.ids) == (250, 0, [])
    assert max(len(ids) for ids in service.bodies) <= 100
    assert found.rows[0].reason == "refused for good"


async def test_the_outbox_is_only_shown_in_a_dry_run_and_only_up_to_the_limit():
    service = FakeOutbox(250)
    found = await outbox(service, limit=120, dry_run=True)
    assert (len(found.rows), found.done, len(service.ids)) == (120, 0, 250)


async def test_a_wrong_token_for_the_outbox_names_the_right_one():
    with pytest.raises(RedriveError, match="Secret cloudcafe-service-token"):
        await outbox(FakeOutbox(1), token="wrong")


@pytest.fixture(scope="module")
def emulator():
    with running_emulator() as server:
        yield server


def command(emulator, monkeypatch, *arguments):
    from cafectl import redrive_command  # noqa: PLC0415 - boto3 takes a while, the fakes need none
    from cafectl.app import app  # noqa: PLC0415
    from typer.testing import CliRunner  # noqa: PLC0415

    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)
    # the console is as old as its module, and that may be older than this test
    monkeypatch.setattr(redrive_command.console, "width", 300)
    return CliRunner().invoke(app, ["redrive", *arguments])


def park(emulator, queue, source, **fifo):
    client = emulator.client("sqs")
    url = client.get_queue_url(QueueName=dead_letters_of(queue))["QueueUrl"]
    told = {"source": source, "reason": "no [such] type", "partitionKey": "order-7"}
    client.send_message(
        QueueUrl=url,
        MessageBody='{"type": "tea"}',
        MessageAttributes={
            name: {"DataType": "String", "StringValue": value} for name, value in told.items()
        },
        **fifo,
    )


def test_a_real_queue_gets_its_message_back(emulator, monkeypatch):
    queue = emulator.new_queue()
    park(emulator, queue, f"sqs:{queue}", MessageGroupId="order-7", MessageDeduplicationId="d")
    shown = command(emulator, monkeypatch, queue, "--dry-run")
    assert shown.exit_code == 0, shown.output
    assert "no [such] type" in shown.stdout
    assert "1 shown, about 1 parked" in shown.stdout
    done = command(emulator, monkeypatch, queue)
    assert "1 put back, about 0 still parked" in done.stdout
    client = emulator.client("sqs")
    url = client.get_queue_url(QueueName=queue)["QueueUrl"]
    (message,) = client.receive_message(QueueUrl=url, AttributeNames=["All"])["Messages"]
    assert message["Body"] == '{"type": "tea"}'
    assert message["Attributes"]["MessageGroupId"] == "order-7"


def test_a_real_stream_gets_its_record_back(emulator, monkeypatch):
    queue, stream = emulator.new_queue(fifo=False), emulator.new_stream()
    park(emulator, queue, f"kinesis:{stream}")
    assert command(emulator, monkeypatch, queue).exit_code == 0
    client = emulator.client("kinesis")
    shard = client.list_shards(StreamName=stream)["Shards"][0]["ShardId"]
    iterator = client.get_shard_iterator(
        StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    (record,) = client.get_records(ShardIterator=iterator)["Records"]
    assert (record["Data"], record["PartitionKey"]) == (b'{"type": "tea"}', "order-7")


def test_a_queue_that_does_not_exist_is_named(emulator, monkeypatch):
    result = command(emulator, monkeypatch, "no-such-queue")
    assert result.exit_code == 2
    assert "there is no no-such-queue-dlq" in result.stderr
