"""AWS without boto3's weight: signed as botocore signs, and refused as botocore tells it."""

import asyncio
import json
from types import SimpleNamespace

import aiohttp
import pytest
from aiohttp import web
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cloudcafe_operator.effects import lean_aws
from cloudcafe_operator.effects.lean_aws import Keys, LeanAws, Paging
from cloudcafe_operator.errors import AlreadyExists, NotFound, Throttled, Unavailable


class Identity:
    def __init__(self, token=None):
        self.found = Keys("AKIDEXAMPLE", "a/secret", token)

    async def keys(self):
        return self.found


class Server:
    """Answers what it is told to, and keeps what was asked."""

    def __init__(self):
        self.asked = []
        self.answers = []

    async def answer(self, request):
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append((headers, await request.read(), request.host))
        status, body, headers = self.answers.pop(0)
        return web.json_response(body, status=status, headers=headers)


@pytest.fixture
async def server():
    found = Server()
    application = web.Application()
    application.router.add_post("/{any:.*}", found.answer)  # a proxy is asked for whole addresses
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
    yield found
    await runner.cleanup()


@pytest.fixture
async def aws(server, monkeypatch):
    monkeypatch.setattr(lean_aws, "PAUSE_SECONDS", 0.0)
    found = LeanAws("eu-west-1", lambda _service: server.url, Identity())
    yield found
    await found.close()


@pytest.mark.parametrize("token", [None, "a-session-token"])
@pytest.mark.parametrize(
    "call",
    [
        ("sqs", "create_queue", "sqs", "AmazonSQS.CreateQueue"),
        ("secretsmanager", "create_secret", "secretsmanager", "secretsmanager.CreateSecret"),
        (
            "resourcegroupstaggingapi",
            "get_resources",
            "tagging",
            "ResourceGroupsTaggingAPI_20170126.GetResources",
        ),
        (
            "cloudwatch",
            "put_metric_alarm",
            "monitoring",
            "GraniteServiceVersion20100801.PutMetricAlarm",
        ),
    ],
)
async def test_a_call_is_signed_as_botocore_would_sign_it(server, aws, call, token):
    service, operation, scope, target = call
    aws.identity = Identity(token)
    server.answers = [(200, {}, {"x-amzn-RequestId": "one"})]
    await aws.call(service, operation, {"Name": "ü"})
    headers, body, host = server.asked[0]
    assert headers["x-amz-target"] == target
    request = AWSRequest("POST", f"http://{host}/", data=body)
    for name in ("content-type", "x-amz-target"):
        request.headers[name] = headers[name]
    request.context["timestamp"] = headers["x-amz-date"]
    signer = SigV4Auth(Credentials("AKIDEXAMPLE", "a/secret", token), scope, "eu-west-1")
    request.headers["x-amz-date"] = headers["x-amz-date"]
    request.headers["host"] = host
    if token:
        request.headers["x-amz-security-token"] = token
    canonical = signer.canonical_request(request)
    wanted = signer.signature(signer.string_to_sign(request, canonical), request)
    assert headers["authorization"].endswith(f"Signature={wanted}")


async def test_an_answer_carries_the_request_id_of_cloudtrail(server, aws):
    server.answers = [(200, {"QueueUrl": "u"}, {"x-amzn-RequestId": "one"})]
    answer = await aws.call("sqs", "create_queue", {})
    assert answer["QueueUrl"] == "u"
    assert answer["ResponseMetadata"]["RequestId"] == "one"


@pytest.mark.parametrize(
    ("body", "headers", "error"),
    [
        (
            {"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no"},
            {"x-amzn-query-error": "AWS.SimpleQueueService.NonExistentQueue;Sender"},
            NotFound,
        ),
        ({"__type": "ResourceExistsException", "Message": "it is there"}, {}, AlreadyExists),
        ({"__type": "smithy#ResourceNotFoundException"}, {}, NotFound),
    ],
)
async def test_a_refusal_means_what_boto3s_means(server, aws, body, headers, error):
    server.answers = [(400, body, headers)]
    with pytest.raises(error, match="secretsmanager:DescribeSecret"):
        await aws.call("secretsmanager", "describe_secret", {})


async def test_a_throttled_call_is_tried_once_more_and_then_left_to_the_queue(server, aws):
    refused = (400, {"__type": "ThrottlingException"}, {})
    server.answers = [refused, (200, {"ok": True}, {})]
    assert (await aws.call("sqs", "create_queue", {}))["ok"]
    server.answers = [refused, refused]
    with pytest.raises(Throttled):
        await aws.call("sqs", "create_queue", {})


async def test_a_change_that_was_not_answered_is_not_sent_again_unseen(server, aws):
    server.answers = [(503, {}, {}), (200, {}, {})]
    with pytest.raises(Unavailable):
        await aws.call("sqs", "set_queue_attributes", {"QueueUrl": "q"})
    assert len(server.asked) == 1
    assert await aws.call("sqs", "get_queue_url", {"QueueName": "q"}) is not None


async def test_pages_are_followed_to_the_end(server, aws):
    server.answers = [
        (200, {"SecretList": [1, 2], "NextToken": "more"}, {}),
        (200, {"SecretList": [3]}, {}),
    ]
    listed = Paging("SecretList")
    assert await aws.pages("secretsmanager", "list_secrets", {"A": 1}, listed) == [1, 2, 3]
    assert json.loads(server.asked[1][1]) == {"A": 1, "NextToken": "more"}


async def test_between_two_pages_passes_as_much_time_as_is_asked_for(server, aws, monkeypatch):
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    monkeypatch.setattr(lean_aws, "asyncio", SimpleNamespace(sleep=sleep))
    more = (200, {"SecretList": [1], "NextToken": "more"}, {})
    server.answers = [more, more, (200, {"SecretList": [2]}, {})]
    listed = Paging("SecretList", gap_s=7.0)
    assert await aws.pages("secretsmanager", "list_secrets", {}, listed) == [1, 1, 2]
    assert slept == [7.0, 7.0]


async def test_a_listing_survives_that_pages_are_throttled(server, aws):
    refused = (400, {"__type": "ThrottlingException"}, {})
    first = (200, {"SecretList": [1], "NextToken": "more"}, {})
    server.answers = [refused, first, *[refused] * 5, (200, {"SecretList": [2]}, {})]
    assert await aws.pages("secretsmanager", "list_secrets", {}, Paging("SecretList")) == [1, 2]
    server.answers = [first, *[refused] * 6]
    with pytest.raises(Throttled):
        await aws.pages("secretsmanager", "list_secrets", {}, Paging("SecretList"))


async def test_no_answer_says_which_call_had_none(aws):
    aws.endpoint = lambda _service: "http://127.0.0.1:1"
    with pytest.raises(Unavailable, match="sqs:create_queue: no answer"):
        await aws.call("sqs", "create_queue", {})


async def test_what_was_given_up_is_not_sent_when_the_network_is_whole_again(aws, monkeypatch):
    monkeypatch.setattr(lean_aws, "TIMEOUT", aiohttp.ClientTimeout(total=0.2))
    ended = asyncio.get_running_loop().create_future()

    async def say_nothing(reader, writer):
        try:
            ended.set_result(await reader.read(-1))
        except ConnectionResetError as error:
            ended.set_result(error)
        writer.close()

    deaf = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = deaf.sockets[0].getsockname()[1]
    aws.endpoint = lambda _service: f"http://127.0.0.1:{port}"
    with pytest.raises(Unavailable, match="no answer"):
        await aws.call("sqs", "set_queue_attributes", {"QueueUrl": "q"})
    async with asyncio.timeout(5):
        assert isinstance(await ended, ConnectionResetError), "it was closed in the ordinary way"
    deaf.close()


def test_a_proxy_is_used_where_the_environment_names_one(monkeypatch):
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "localaws,.internal")
    assert lean_aws.proxy_for("https://sqs.eu-west-1.amazonaws.com") == "http://proxy:3128"
    assert lean_aws.proxy_for("https://sqs.internal") is None
    assert lean_aws.proxy_for("http://localaws:4566") is None


async def test_an_aws_call_goes_through_the_proxy(server, aws, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    aws.endpoint = lambda _service: "http://sqs.nowhere.example/"
    server.answers = [(200, {"QueueUrl": "u"}, {})]
    assert (await aws.call("sqs", "create_queue", {}))["QueueUrl"] == "u"
    assert server.asked[0][2] == "sqs.nowhere.example"
