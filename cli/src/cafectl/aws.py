"""SQS and Kinesis as `redrive.py` and `tickets.py` need them.

Beside `orphans_aws.py` the only one with boto3.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cafectl.redrive import Letter, RedriveError

MOST_AT_ONCE = 10
WAIT_S = 1
CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard"})


class AwsPost:
    """Implements `redrive.Post` over boto3; region and endpoint come from the environment."""

    def __init__(self) -> None:
        with _told():
            region = os.environ.get("AWS_REGION")  # boto3 itself only knows AWS_DEFAULT_REGION
            self._sqs = boto3.client("sqs", region_name=region, config=CONFIG)
            self._kinesis = boto3.client("kinesis", region_name=region, config=CONFIG)
        self._urls: dict[str, str] = {}

    def waiting(self, queue: str) -> int:
        """Return about how many messages a queue has, those in flight included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        with _told(queue):
            found = self._sqs.get_queue_attributes(
                QueueUrl=self._url(queue),
                AttributeNames=names,  # type: ignore[arg-type] # the stubs want literals
            )
        return sum(int(number) for number in found["Attributes"].values())

    def receive(self, queue: str, *, most: int, hidden_seconds: int) -> list[Letter]:
        """Take up to `most` messages out of sight for so long; few or none is no end."""
        with _told(queue):
            answer = self._sqs.receive_message(
                QueueUrl=self._url(queue),
                MaxNumberOfMessages=min(most, MOST_AT_ONCE),
                VisibilityTimeout=hidden_seconds,
                WaitTimeSeconds=WAIT_S,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["MessageGroupId", "SentTimestamp"],
            )
        return [_letter(message) for message in answer.get("Messages", [])]

    def delete(self, queue: str, letter: Letter) -> None:
        """Remove a message for good."""
        with _told(queue):
            self._sqs.delete_message(QueueUrl=self._url(queue), ReceiptHandle=letter.receipt)

    def show_again(self, queue: str, letter: Letter) -> None:
        """Let others see a message at once; nothing where its time was over already."""
        try:
            self._sqs.change_message_visibility(
                QueueUrl=self._url(queue), ReceiptHandle=letter.receipt, VisibilityTimeout=0
            )
        except ClientError as refused:
            if refused.response["Error"]["Code"] not in (
                "MessageNotInflight",
                "AWS.SimpleQueueService.MessageNotInflight",
                "InvalidParameterValue",
                "ReceiptHandleIsInvalid",
            ):
                raise RedriveError(f"{queue}: {refused}") from refused

    def send(self, queue: str, body: str, *, group: str, dedup: str) -> None:
        """Send to a queue; group and deduplication id count for FIFO queues only."""
        fifo: Mapping[str, Any] = {}
        if queue.endswith(".fifo"):
            fifo = {"MessageGroupId": group, "MessageDeduplicationId": dedup}
        with _told(queue):
            self._sqs.send_message(QueueUrl=self._url(queue), MessageBody=body, **fifo)

    def put(self, stream: str, body: bytes, *, partition_key: str) -> None:
        """Put one record on a stream."""
        with _told(stream):
            self._kinesis.put_record(StreamName=stream, Data=body, PartitionKey=partition_key)

    def _url(self, queue: str) -> str:
        if queue not in self._urls:
            self._urls[queue] = self._sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        return self._urls[queue]


def _letter(message: Any) -> Letter:
    system = message.get("Attributes", {})
    told = message.get("MessageAttributes", {})
    return Letter(
        id=message["MessageId"],
        body=message["Body"],
        receipt=message["ReceiptHandle"],
        group=system.get("MessageGroupId", ""),
        sent_at=int(system.get("SentTimestamp", 0)) / 1000,
        attributes={name: str(value.get("StringValue", "")) for name, value in told.items()},
    )


@contextmanager
def _told(what: str = "AWS") -> Iterator[None]:
    """Turn what AWS says into one sentence."""
    try:
        yield
    except ClientError as refused:
        code = refused.response["Error"]["Code"]
        if code.endswith(("NonExistentQueue", "QueueDoesNotExist", "ResourceNotFoundException")):
            raise RedriveError(f"there is no {what}: list yours with aws sqs list-queues") from None
        raise RedriveError(f"{what}: {refused}") from refused
    except BotoCoreError as problem:
        raise RedriveError(
            f"{what}: {problem}: set AWS_REGION and credentials, and AWS_ENDPOINT_URL for the "
            "embedded tier"
        ) from problem
