"""The AWS emulator as a process of its own, with the tables, streams and queues we use."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from cafe_kit.sqs import dead_letters_of

from services.kit.tests.support.ports import free_port, wait_for_port


class Emulator:
    """A running emulator."""

    def __init__(self, port: int) -> None:
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "eu-west-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self._count = 0

    def client(self, service: str) -> Any:
        """A plain boto3 client, for looking and for setting up."""
        return boto3.client(
            service,
            region_name="eu-west-1",
            endpoint_url=self.environment["AWS_ENDPOINT_URL"],
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def new_table(self) -> str:
        """A table shaped as all of ours, with the index `ledger`; returns its name."""
        name = self._name("table")
        client = self.client("dynamodb")
        attributes = ("pk", "sk", "ledgerPk", "ledgerSk")
        client.create_table(
            TableName=name,
            KeySchema=_keys("pk", "sk"),
            AttributeDefinitions=[
                {"AttributeName": attribute, "AttributeType": "S"} for attribute in attributes
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "ledger",
                    "KeySchema": _keys("ledgerPk", "ledgerSk"),
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        client.close()
        return name

    def new_stream(self, shards: int = 1) -> str:
        """A Kinesis stream; returns its name."""
        name = self._name("events")
        client = self.client("kinesis")
        client.create_stream(StreamName=name, ShardCount=shards)
        client.close()
        return name

    def new_queue(self, *, fifo: bool = True) -> str:
        """A queue with its dead-letter queue; returns its name."""
        name = self._name("queue") + (".fifo" if fifo else "")
        attributes = {"FifoQueue": "true"} if fifo else {}
        client = self.client("sqs")
        for queue in (name, dead_letters_of(name)):
            client.create_queue(QueueName=queue, Attributes=attributes)
        client.close()
        return name

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{self._count}"


def _keys(partition: str, sort: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": partition, "KeyType": "HASH"},
        {"AttributeName": sort, "KeyType": "RANGE"},
    ]


@contextmanager
def running_emulator() -> Iterator[Emulator]:
    """Start ministack on a free port; it must not see a Docker socket."""
    port = free_port()
    environment = {
        **os.environ,
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "DOCKER_HOST": "unix:///nonexistent.sock",
        "MINISTACK_REGION": "eu-west-1",
        "LOG_LEVEL": "WARNING",
    }
    with tempfile.TemporaryDirectory(prefix="cafe-aws-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as sink:
            process = subprocess.Popen(
                [sys.executable, "-m", "ministack"],
                env={**environment, "TMPDIR": folder},
                stdout=sink,
                stderr=sink,
                cwd=folder,
            )
        try:
            wait_for_port(port, process, log)
            yield Emulator(port)
        finally:
            process.terminate()
            process.wait(10)
