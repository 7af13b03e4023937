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
        """A table shaped as the inventory's; returns its name."""
        self._count += 1
        name = f"inventory-{self._count}"
        client = self.client("dynamodb")
        client.create_table(
            TableName=name,
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        client.close()
        return name

    def new_stream(self) -> str:
        """A Kinesis stream; returns its name."""
        self._count += 1
        name = f"events-{self._count}"
        client = self.client("kinesis")
        client.create_stream(StreamName=name, ShardCount=1)
        client.close()
        return name

    def new_queue(self) -> str:
        """A FIFO queue; returns its name."""
        self._count += 1
        name = f"payments-{self._count}.fifo"
        client = self.client("sqs")
        client.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})
        client.close()
        return name


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
