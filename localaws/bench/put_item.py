"""What the gateway and its consequences add to a PutItem: `python localaws/bench/put_item.py`.

Measures the same bare HTTP request, one at a time on one connection, against ministack alone
(under the same server) and against localaws, in turns, and prints the percentiles. No SDK: it
costs more than either.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from localaws.testing import LocalAws

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUNDS, REQUESTS = 5, 1000
SCOPE = "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/dynamodb/aws4_request, Signature=0"
TABLE = {
    "TableName": "bench",
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "ProvisionedThroughput": {"ReadCapacityUnits": 9000, "WriteCapacityUnits": 9000},
}
ITEM = {"pk": {"S": "order-1"}, "total": {"N": "1250"}, "lines": {"L": [{"S": "espresso"}] * 3}}


class Client:
    """One kept-alive connection."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc)

    def reconnect(self) -> None:
        """Idle connections are closed by the server: start anew with the next call."""
        self._connection.close()

    def call(self, action: str, parameters: dict[str, object]) -> None:
        """One signed-looking request; raises RuntimeError unless it is answered with 200."""
        headers = {
            "authorization": SCOPE,
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": f"DynamoDB_20120810.{action}",
        }
        self._connection.request("POST", "/", json.dumps(parameters), headers)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != http.client.OK:
            raise RuntimeError(f"{action} was answered {answer.status}: {body[:200]!r}")


@contextmanager
def bare_ministack() -> Iterator[str]:
    """Serve the bare ministack under the server that localaws uses."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = f"import uvicorn; uvicorn.run('ministack.app:app', port={port}, http='httptools', "
    program += "log_level='warning')"
    switches = {"DOCKER_HOST": "unix:///nonexistent.sock", "IOT_MTLS_ENABLED": "0"}
    environment = {**os.environ, **switches, "LOG_LEVEL": "WARNING"}
    process = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", program], env=environment
    )
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def measure(client: Client) -> list[float]:
    """Milliseconds of each request of a round, on a fresh connection."""
    client.reconnect()
    took = []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        client.call("PutItem", {"TableName": "bench", "Item": ITEM})
        took.append((time.perf_counter() - started) * 1000)
    return took


def main() -> None:
    """Measure in turns, so that a busy moment of the machine hits both."""
    with bare_ministack() as bare_url, LocalAws.start() as aws:
        clients = {"ministack": Client(bare_url), "localaws": Client(aws.url)}
        took: dict[str, list[float]] = {name: [] for name in clients}
        for client in clients.values():
            client.call("CreateTable", TABLE)
            measure(client)
        for _ in range(ROUNDS):
            for name, client in clients.items():
                took[name] += measure(client)
    for name, each in took.items():
        centiles = statistics.quantiles(each, n=100)
        sys.stdout.write(f"{name:10} p50 {centiles[49]:.3f} ms   p99 {centiles[98]:.3f} ms\n")
    added = statistics.median(took["localaws"]) - statistics.median(took["ministack"])
    sys.stdout.write(f"added      p50 {added:.3f} ms\n")


if __name__ == "__main__":
    main()
