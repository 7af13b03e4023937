"""The bridge to boto3: bounded, and with few kinds of errors."""

import asyncio
import math
import threading

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    HTTPClientError,
    NoCredentialsError,
)
from cafe_kit.aws import Aws, error_code
from cafe_kit.errors import ThrottledError, UnavailableError


class Client:
    """Stands in for a boto3 client: one operation that tests steer."""

    def __init__(self, answer):
        self._answer = answer

    def describe_table(self, **parameters):
        return self._answer(parameters)

    def close(self):
        """As boto3's."""


@pytest.fixture
async def aws():
    bridge = Aws("eu-west-1", 2)
    yield bridge
    await bridge.close()


def refusing(code):
    def answer(parameters):
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "GetItem")

    return Client(answer)


async def test_an_answer_comes_back_without_blocking_the_loop(aws):
    asked, gate = threading.Event(), threading.Event()

    def answer(parameters):
        asked.set()
        return gate.wait(5) and {"Item": parameters["Key"]}

    aws._clients["dynamodb"] = Client(answer)
    call = asyncio.create_task(aws.call("dynamodb", "describe_table", Key="k"))
    assert await asyncio.to_thread(asked.wait, 5)
    assert not call.done()
    gate.set()
    assert await call == {"Item": "k"}


@pytest.mark.parametrize(
    "code",
    ["ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"],
)
async def test_throttling_is_one_kind_of_error_whatever_its_name(aws, code):
    aws._clients["dynamodb"] = refusing(code)
    with pytest.raises(ThrottledError, match="DynamoDB") as refusal:
        await aws.call("dynamodb", "describe_table")
    assert refusal.value.slug == "dynamodb-throttling"


async def test_a_refusal_with_a_meaning_is_left_to_the_caller(aws):
    aws._clients["dynamodb"] = refusing("ConditionalCheckFailedException")
    with pytest.raises(ClientError) as refusal:
        await aws.call("dynamodb", "describe_table")
    assert error_code(refusal.value) == "ConditionalCheckFailedException"


@pytest.mark.parametrize(
    "error", [ConnectTimeoutError(endpoint_url="http://x"), NoCredentialsError()]
)
async def test_what_cannot_be_reached_is_unavailable(aws, error):
    def fail(parameters):
        raise error

    aws._clients["dynamodb"] = Client(fail)
    with pytest.raises(UnavailableError):
        await aws.call("dynamodb", "describe_table")


async def test_a_call_that_hangs_is_given_up(aws, monkeypatch):
    monkeypatch.setattr("cafe_kit.aws.CALL_SECONDS", 0.05)
    gate = threading.Event()
    aws._clients["dynamodb"] = Client(lambda p: gate.wait(5))
    with pytest.raises(UnavailableError):
        await aws.call("dynamodb", "describe_table")
    gate.set()


async def test_too_many_waiting_calls_are_turned_away_and_the_room_comes_back(aws):
    gate = threading.Event()
    aws._clients["dynamodb"] = Client(lambda p: gate.wait(5) and {})
    calls = [asyncio.create_task(aws.call("dynamodb", "describe_table")) for _ in range(40)]
    async with asyncio.timeout(10):
        while sum(call.done() for call in calls) < 40 - 2 * 16:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0)
    gate.set()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(answer, UnavailableError) for answer in answers) == 40 - 2 * 16
    assert await aws.call("dynamodb", "describe_table") == {}


@pytest.mark.parametrize("operation", ["get_item", "describe_table"], ids=["lean", "by boto3"])
async def test_a_thread_that_had_only_begun_when_all_was_closed_opens_nothing(aws, operation):
    await aws.close()
    with pytest.raises(HTTPClientError):
        aws._call("dynamodb", operation, {"TableName": "stock", "Key": {}}, math.inf)
    assert not aws._clients
    assert not aws._lean
