"""A localaws of one's own, for the tests of any part.

    with LocalAws.start() as aws:
        boto3.client("sqs", **aws.client_arguments).list_queues()
        aws.reset()

It is a process of its own: ministack keeps its state in module globals, and an operator under
test must be able to die without it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

START_SECONDS = 60
REGION = "eu-west-1"


class StartError(Exception):
    """The process ended or stayed silent; the message has its last lines."""


@dataclass(frozen=True)
class LocalAws:
    """A running localaws.

    Attributes:
        url: the AWS endpoint.
        process_id: for tests that look at its memory, or kill it.
        start_log: the events that it logged until it was ready.
    """

    url: str
    process_id: int
    start_log: tuple[dict[str, Any], ...] = ()

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which any AWS SDK finds it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    @property
    def edge(self) -> dict[str, int]:
        """The edge's ports by door; LOCALAWS_EDGE_PORTS asks for it: `customers=0,tills=0`."""
        told = (event for event in self.start_log if event.get("event") == "edge listening")
        return next((dict(event["ports"]) for event in told), {})

    @property
    def client_arguments(self) -> dict[str, Any]:
        """Arguments of `boto3.client` and of aiobotocore's `create_client`."""
        return {
            "endpoint_url": self.url,
            "region_name": REGION,
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
        }

    def reset(self) -> None:
        """Back to the seeded state, in some ten milliseconds; failovers and throttles end."""
        self._fetch("/_localaws/reset", method="POST")

    def state(self) -> dict[str, Any]:
        """What the consequences hold, as `GET /_localaws/state` shows it."""
        state: dict[str, Any] = json.loads(self._fetch("/_localaws/state"))
        return state

    def metrics(self) -> str:
        """Prometheus metrics in text form."""
        return self._fetch("/metrics").decode()

    def _fetch(self, path: str, method: str = "GET") -> bytes:
        request = urllib.request.Request(self.url + path, method=method)  # noqa: S310 - our own URL
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            request, timeout=30
        ) as answer:
            body: bytes = answer.read()
        return body

    @classmethod
    @contextmanager
    def start(cls, environment: Mapping[str, str] | None = None) -> Iterator[LocalAws]:
        """Start on a free port with seeds and without Toxiproxy, unless `environment` says else.

        Blocks until it is ready (about a second); raises StartError after a minute.
        """
        given = {
            "LOCALAWS_HOST": "127.0.0.1",
            "LOCALAWS_PORT": "0",
            "LOCALAWS_TOXIPROXY_URL": "",
            "LOCALAWS_ALLOW_RESET": "true",
            "AWS_REGION": REGION,
            **(environment or {}),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "localaws"],
            env={**os.environ, **given},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        output = process.stdout
        if output is None:
            raise StartError("the process has no output")
        try:
            port, events = _ready_port(output)
            yield cls(f"http://127.0.0.1:{port}", process.pid, events)
        finally:
            process.terminate()
            process.wait(timeout=20)


def _ready_port(output: IO[str]) -> tuple[int, tuple[dict[str, Any], ...]]:
    """Read the log until the seeds are sown; a thread keeps reading so that it never blocks.

    Returns the port and the events so far.
    """
    lines: list[str] = []
    decided = threading.Event()
    port, ready = 0, False

    def read() -> None:
        nonlocal port, ready
        with output:  # here, where nobody reads it any more
            for line in output:
                event = _event(line)
                if not decided.is_set():
                    lines.append(line)
                if event.get("event") == "listening":
                    port = event["port"]
                elif event.get("event") == "ready":
                    ready = True
                    decided.set()
        decided.set()

    threading.Thread(target=read, name="localaws-log", daemon=True).start()
    decided.wait(START_SECONDS)
    if not ready:
        raise StartError("localaws did not start:\n" + "".join(lines[-20:]))
    return port, tuple(_event(line) for line in lines)


def _event(line: str) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}
