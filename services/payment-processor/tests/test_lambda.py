"""The Lambda's way in: an SQS event document goes in, the failures come out."""

import json
import subprocess
import sys

import pytest
from cafe_payments.callback import sign
from cafe_payments.emf import EmfMetrics
from cafe_payments.fakes import FakeProvider
from cafe_payments.lambda_handler import Runtime
from cafe_payments.settings import PaymentSettings


class Context:
    """As Lambda's."""

    def get_remaining_time_in_millis(self):
        return 20_000


@pytest.fixture
def runtime(aws_environment, request):
    queue, results = aws_environment.new_queue(), aws_environment.new_queue()
    settings = PaymentSettings(
        service_token="service-token-for-tests",
        payments_queue=queue,
        payment_results_queue=results,
        payments_table=aws_environment.new_table(),
    )
    made = Runtime(settings)
    made._parts.payments._provider = FakeProvider(lambda: 0.0)
    yield made
    made.close()


def event(*bodies, receives=1):
    """What Lambda hands over for a FIFO queue."""
    return {
        "Records": [
            {
                "messageId": f"m-{number}",
                "receiptHandle": f"r-{number}",
                "body": body,
                "attributes": {
                    "ApproximateReceiveCount": str(receives),
                    "SentTimestamp": "1763791800000",
                    "SequenceNumber": "18849496460467696128",
                    "MessageGroupId": group,
                    "SenderId": "AIDA",
                    "MessageDeduplicationId": f"d-{number}",
                    "ApproximateFirstReceiveTimestamp": "1763791800001",
                },
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-west-1:0:cloudcafe-payments.fifo",
                "awsRegion": "eu-west-1",
            }
            for number, (body, group) in enumerate(bodies)
        ]
    }


def failed(answer):
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


def test_captured_orders_are_no_failures_and_the_loop_is_kept(runtime, new_world, capsys):
    world = new_world()
    first = world.command(order="o-1").encode()
    second = world.command(order="o-2").encode()
    assert failed(runtime.invoke(event((first, "o-1"), (second, "o-2")), 10)) == []
    assert failed(runtime.invoke(event((first, "o-1"), receives=2), 10)) == []
    assert runtime._parts.payments._provider.calls.count("authorise") == 2
    metrics = json.loads(capsys.readouterr().out.splitlines()[0])
    assert metrics["PaymentsCaptured"] == 2
    assert metrics["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["Service"]]


def test_after_a_failure_the_groups_later_messages_fail_too(runtime, new_world):
    world = new_world()
    runtime._parts.payments._provider.trouble = lambda call: (
        "unreached" if call == "authorise" else None
    )
    requested = world.command().encode()
    cancelled = world.command("cancel-requested").encode()
    other = world.command("cancel-requested", order="o-2").encode()
    answer = runtime.invoke(event((requested, "o-1"), (other, "o-2"), (cancelled, "o-1")), 10)
    assert failed(answer) == ["m-0", "m-2"]


def test_poison_is_parked_by_us_and_is_no_failure(runtime, emulator):
    future = '{"type": "payment.requested", "version": 7}'
    assert failed(runtime.invoke(event((future, "o-1")), 10)) == []
    sqs = emulator.client("sqs")
    queue = runtime._dead_letters._queue._queue
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    letter = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"][0]
    sqs.close()
    assert letter["Body"] == future
    assert "newer" in letter["MessageAttributes"]["reason"]["StringValue"]


def test_when_the_invocations_time_is_over_what_is_left_comes_again(runtime, new_world):
    body = new_world().command().encode()
    assert failed(runtime.invoke(event((body, "o-1")), 0.0)) == ["m-0"]
    assert failed(runtime.invoke(event((body, "o-1"), receives=2), 10)) == []


def test_the_entry_point_loads_no_web_framework_and_answers(aws_environment):
    program = (
        "import json, sys\n"
        "from cafe_payments.lambda_handler import handler\n"
        "class Context:\n"
        "    def get_remaining_time_in_millis(self): return 9000\n"
        "answer = handler({'Records': []}, Context())\n"
        "heavy = {'fastapi', 'starlette', 'uvicorn', 'redis', 'asyncpg'}\n"
        "heavy = sorted(heavy & set(sys.modules))\n"
        "print(json.dumps([answer, heavy]))\n"
    )
    environment = {
        **aws_environment.environment,
        "CAFE_SERVICE_TOKEN": "service-token-for-tests",
        "CAFE_LOG_LEVEL": "error",
    }
    run = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(run.stdout.splitlines()[-1]) == [{"batchItemFailures": []}, []]


def test_metrics_are_one_line_an_invocation_and_bounded():
    lines = []
    metrics = EmfMetrics("payment-processor", lines.append)
    metrics.flush()
    for _ in range(500):
        metrics.time("ProviderLatency", 0.1)
        metrics.count("PaymentsCaptured")
    metrics.flush()
    metrics.flush()
    (line,) = [json.loads(line) for line in lines]
    assert line["PaymentsCaptured"] == 500
    assert len(line["ProviderLatency"]) == 100
    assert line["Service"] == "payment-processor"


def test_a_call_back_is_answered_and_counted(runtime, capsys):
    body = json.dumps({"reference": "o-1"})
    headers = {"x-signature": sign(body.encode(), "service-token-for-tests")}
    answer = runtime.called_back({"requestContext": {"http": {}}, "headers": headers, "body": body})
    assert answer == {"statusCode": 202}
    assert json.loads(capsys.readouterr().out.splitlines()[0])["ProviderCallbacks"] == 1
    assert runtime.called_back({"headers": {}, "body": body}) == {"statusCode": 401}
