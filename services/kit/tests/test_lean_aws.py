"""The lean way to AWS signs as botocore does, and its errors are boto3's."""

import http.server
import json
import socket
import threading
import time
from datetime import UTC, datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, HTTPClientError, NoCredentialsError
from cafe_kit import lean_aws
from cafe_kit.aws import CALL_SECONDS, Aws, error_code
from cafe_kit.lean_aws import LeanClient

TIMES = (1.0, 1.0)


class Server(http.server.ThreadingHTTPServer):
    """Answers what the test says, one after the other."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answers)
        self.answers = []
        self.seen = []
        self.may_answer = threading.Event()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((dict(self.headers.items()), body))
        status, document, headers = self.server.answers.pop(0)
        if status == "late":
            self.server.may_answer.wait(30)
            status = None
        if status is None:
            self.close_connection = True
            return
        data = json.dumps(document).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments):
        """Quiet."""


@pytest.fixture
def server():
    made = Server()
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def lean(server):
    credentials = Credentials("AKIA", "secret", "token")
    made = LeanClient("dynamodb", "eu-west-1", server.url, credentials)
    yield made
    made.close()


@pytest.mark.parametrize("service", sorted(lean_aws.LEAN))
@pytest.mark.parametrize("token", [None, "a-token"])
def test_its_signature_is_botocores(monkeypatch, token, service):
    class Frozen(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2026, 11, 22, 7, 0, tzinfo=UTC)

    monkeypatch.setattr(lean_aws, "datetime", Frozen)
    credentials = Credentials("AKIA", "secret", token)
    client = LeanClient(service, "eu-west-1", "https://aws.example", credentials)
    ours = client._headers(next(iter(lean_aws.LEAN[service].values())), b"{}")
    request = AWSRequest(
        "POST",
        "https://aws.example/",
        data=b"{}",
        headers={"Content-Type": ours["Content-Type"], "X-Amz-Target": ours["X-Amz-Target"]},
    )
    signer = SigV4Auth(credentials, service, "eu-west-1")
    request.context["timestamp"] = "20261122T070000Z"
    request.headers["X-Amz-Date"] = "20261122T070000Z"
    if token:
        request.headers["X-Amz-Security-Token"] = token
    signature = signer.signature(
        signer.string_to_sign(request, signer.canonical_request(request)), request
    )
    assert ours["Authorization"].endswith(f"Signature={signature}")


def test_a_refusal_is_boto3s_with_its_reasons(server, lean):
    reasons = [{"Code": "ConditionalCheckFailed", "Item": {"pk": {"S": "x"}}}]
    kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
    server.answers = [(400, {"__type": kind, "CancellationReasons": reasons}, {})]
    with pytest.raises(ClientError) as refusal:
        lean.call("transact_write_items", {"TransactItems": []}, attempts=3, timeouts=TIMES)
    assert error_code(refusal.value) == "TransactionCanceledException"
    assert refusal.value.response["CancellationReasons"] == reasons


def test_a_records_data_are_bytes_on_both_ways(server):
    kinesis = LeanClient("kinesis", "eu-west-1", server.url, Credentials("a", "b"))
    record = {"Data": "AP/+", "PartitionKey": "o-1", "SequenceNumber": "1"}
    server.answers = [(200, {"Records": [{"SequenceNumber": "1"}]}, {})]
    server.answers += [(200, {"Records": [record], "NextShardIterator": "n"}, {})]
    sent = {"StreamName": "s", "Records": [{"Data": b"\x00\xff\xfe", "PartitionKey": "o-1"}]}
    kinesis.call("put_records", sent, attempts=1, timeouts=TIMES)
    read = kinesis.call("get_records", {"ShardIterator": "i"}, attempts=1, timeouts=TIMES)
    kinesis.close()
    assert json.loads(server.seen[0][1])["Records"][0]["Data"] == "AP/+"
    assert read["Records"][0]["Data"] == b"\x00\xff\xfe"


def test_sqs_keeps_its_old_codes(server):
    sqs = LeanClient("sqs", "eu-west-1", server.url, Credentials("a", "b"))
    old = "AWS.SimpleQueueService.NonExistentQueue;Sender"
    server.answers = [
        (400, {"__type": "com.amazonaws.sqs#QueueDoesNotExist"}, {"x-amzn-query-error": old})
    ]
    with pytest.raises(ClientError) as refusal:
        sqs.call("receive_message", {}, attempts=1, timeouts=TIMES)
    assert error_code(refusal.value) == "AWS.SimpleQueueService.NonExistentQueue"
    sqs.close()


def test_a_transaction_is_repeated_under_one_token(server, lean):
    server.answers = [(500, {}, {}), (None, {}, {}), (200, {}, {})]
    lean.call("transact_write_items", {"TransactItems": []}, attempts=3, timeouts=TIMES)
    tokens = {json.loads(body)["ClientRequestToken"] for _, body in server.seen}
    assert len(server.seen) == 3
    assert len(tokens) == 1


def test_what_does_not_answer_is_an_http_error(server, lean):
    server.answers = [(None, {}, {})] * 2
    with pytest.raises(HTTPClientError):
        lean.call("get_item", {}, attempts=2, timeouts=TIMES)


def test_connections_are_kept(server, lean):
    server.answers = [(200, {"Item": {}}, {})] * 3
    for _ in range(3):
        lean.call("get_item", {}, attempts=1, timeouts=TIMES)
    assert len(lean._idle) == 1


def test_without_credentials_it_says_so(server):
    nobody = LeanClient("sqs", "eu-west-1", server.url, None)
    with pytest.raises(NoCredentialsError):
        nobody.call("receive_message", {}, attempts=1, timeouts=TIMES)


@pytest.fixture
def deaf():
    """A server that takes connections and reads nothing until the test does."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        made.settimeout(5)
        yield made


def read_to_the_end(connection):
    read = 0
    while some := connection.recv(65536):
        read += len(some)
    return read


def test_what_was_given_up_is_not_sent_when_the_network_is_whole_again(deaf):
    url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
    client = LeanClient("dynamodb", "eu-west-1", url, Credentials("a", "b"))
    item = {"Item": {"pk": {"S": "x" * 8_000_000}}}
    with pytest.raises(HTTPClientError):
        client.call("put_item", item, attempts=1, timeouts=(1.0, 0.2))
    connection, _ = deaf.accept()
    connection.settimeout(5)
    with connection, pytest.raises(ConnectionResetError):
        read_to_the_end(connection)


def test_no_attempt_begins_after_the_calls_time(server, lean):
    server.answers = [(200, {}, {})]
    with pytest.raises(HTTPClientError, match="time is over"):
        lean.call("put_item", {}, attempts=3, timeouts=TIMES, ends=time.monotonic())
    assert server.seen == []


def test_an_attempt_ends_with_the_calls_time_also_on_a_connection_that_was_kept(server, lean):
    server.answers = [(200, {}, {}), ("late", {}, {})]
    lean.call("put_item", {}, attempts=1, timeouts=TIMES)
    began = time.monotonic()
    with pytest.raises(HTTPClientError):
        lean.call("put_item", {}, attempts=3, timeouts=(1.0, 30.0), ends=began + 0.2)
    assert time.monotonic() - began < 5
    server.may_answer.set()
    assert len(server.seen) == 2


def test_the_last_refusal_is_told_when_the_time_is_over(server, lean):
    server.answers = [(400, {"__type": "ThrottlingException"}, {})] * 50
    with pytest.raises(ClientError) as refusal:
        lean.call("put_item", {}, attempts=50, timeouts=TIMES, ends=time.monotonic() + 0.3)
    assert error_code(refusal.value) == "ThrottlingException"


async def test_the_bridge_gives_up_after_the_lean_way_has(monkeypatch):
    asked = []

    class Lean:
        def call(self, _operation, _parameters, *, ends, **_bounds):
            asked.append(ends)
            return {}

    aws = Aws("eu-west-1", 1)
    monkeypatch.setattr(aws, "_lean_client", lambda _service: Lean())
    latest = time.monotonic() + CALL_SECONDS
    await aws.call("dynamodb", "put_item")
    await aws.close()
    assert asked[0] < latest


async def test_the_bridge_takes_the_lean_way_for_the_order_path(aws_environment):
    table = aws_environment.new_table()
    aws = Aws("eu-west-1", 2)
    key = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    await aws.call("dynamodb", "put_item", TableName=table, Item=key)
    answer = await aws.call("dynamodb", "get_item", TableName=table, Key=key)
    assert answer["Item"] == key
    assert set(aws._lean) == {"dynamodb"}
    with pytest.raises(ClientError) as refusal:
        await aws.call("dynamodb", "get_item", TableName="nowhere", Key=key)
    assert error_code(refusal.value) == "ResourceNotFoundException"
    await aws.close()
