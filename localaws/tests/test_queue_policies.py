"""What a queue's policy denies is refused: seen through boto3 and a real localaws."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

QUEUE = "cloudcafe-payments.fifo"
ARN = f"arn:aws:sqs:eu-west-1:000000000000:{QUEUE}"
DENIAL = {
    "Sid": "x",
    "Effect": "Deny",
    "Principal": "*",
    "Action": "sqs:ReceiveMessage",
    "Resource": ARN,
}


@pytest.fixture
def queue(client):
    return Queue(client("sqs"))


class Queue:
    def __init__(self, sqs):
        self.sqs = sqs
        self.url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]

    def deny(self, *statements):
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        self.write(policy if statements else "")

    def write(self, policy):
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})

    def send(self, body="pay"):
        return self.sqs.send_message(
            QueueUrl=self.url, MessageBody=body, MessageGroupId="o", MessageDeduplicationId=body
        )

    def receive(self):
        found = self.sqs.receive_message(QueueUrl=self.url).get("Messages", ())
        return [message["Body"] for message in found]


def _refused(call):
    with pytest.raises(ClientError) as error:
        call()
    response = error.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert response["ResponseMetadata"]["RetryAttempts"] == 0
    assert response["Error"]["Code"] == "AccessDenied"
    return response["Error"]["Message"]


def test_receiving_is_refused_while_sending_goes_on_and_then_all_of_it_arrives(queue):
    queue.deny(DENIAL)
    queue.send()
    assert "denied" in _refused(queue.receive)
    queue.deny()
    assert queue.receive() == ["pay"]


def test_sending_is_refused_where_that_is_denied(queue):
    queue.deny({**DENIAL, "Action": ["SQS:Send*"]})
    _refused(queue.send)
    assert queue.receive() == []


@pytest.mark.parametrize(
    "statement",
    [
        {**DENIAL, "Effect": "Allow"},
        {**DENIAL, "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
        {**DENIAL, "Principal": {"AWS": "arn:aws:iam::111111111111:root"}},
        {**DENIAL, "Action": "sqs:PurgeQueue"},
    ],
)
def test_what_denies_nothing_to_us_changes_nothing(queue, statement):
    queue.deny(statement)
    queue.send()
    assert queue.receive() == ["pay"]


def test_other_queues_are_left_alone(client, queue):
    queue.deny(DENIAL)
    url = queue.sqs.get_queue_url(QueueName="cloudcafe-loyalty-dlq")["QueueUrl"]
    queue.sqs.send_message(QueueUrl=url, MessageBody="x")
    assert len(queue.sqs.receive_message(QueueUrl=url)["Messages"]) == 1


def test_a_denial_is_shown_and_counted(aws, queue):
    queue.deny(DENIAL)
    _refused(queue.receive)
    denied = aws.state()["consequences"]["queue_policies"]["denied"]
    assert denied == {QUEUE: ["sqs:receivemessage"]}
    counted = f'localaws_queue_refusals_total{{action="ReceiveMessage",queue="{QUEUE}"}}'
    assert counted in aws.metrics()
