"""The whole order path on this machine: real stores, real services, faults between them.

PostgreSQL stands behind a TCP proxy, AWS behind an HTTP proxy; services are processes. Only the
menu is a stand-in (DocumentDB's needs a Java machine).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import httpx
from localaws.testing import LocalAws

from services.kit.tests.support.ports import free_port
from services.kit.tests.support.postgres import Postgres
from services.kit.tests.support.proxy import TcpProxy, tcp_proxy
from tests.crash.orders.aws_faults import AwsFaults, aws_faults
from tests.crash.orders.menu_standin import CURRENCY, PRICES
from tests.crash.orders.processes import Process

TOKEN = "a-service-token-for-the-crash-tests"
TILL = "a-till-key-for-the-crash-tests"
STORES = ("crash.soho", "crash.alfama")
PLENTY = 100_000
INSIST_S = 60.0
MOST_RECEIVED = 10
SCARCE = {"croissant": 60}
MODULES = {
    "menu": "tests.crash.orders.menu_standin",
    "payment-provider": "cafe_provider",
    "inventory": "cafe_inventory",
    "order-1": "cafe_order",
    "order-2": "cafe_order",
    "payment-processor-1": "cafe_payments",
    "payment-processor-2": "cafe_payments",
    "loyalty": "cafe_loyalty",
    "analytics-worker": "cafe_analytics",
}


@dataclass
class Cafe:
    """What a test needs of it."""

    postgres: Postgres
    database: TcpProxy
    aws: AwsFaults
    processes: dict[str, Process]
    http: httpx.AsyncClient
    sqs: Any
    queues: list[str] = field(default_factory=list)
    """Of the stores' tickets."""

    @property
    def tills(self) -> list[str]:
        """Where customers order."""
        return [self.processes["order-1"].url, self.processes["order-2"].url]

    def book(self, name: str) -> str:
        """Where a service's book is read."""
        return self.processes[name if name in self.processes else f"{name}-1"].url

    async def ready(self) -> None:
        """All processes are."""
        async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client:
            await asyncio.gather(*(one.ready(client) for one in self.processes.values()))

    async def restart(self, name: str) -> None:
        """SIGKILL, start again, ready."""
        process = self.processes[name]
        process.kill()
        process.start()
        async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client:
            await process.ready(client)

    async def break_provider(self, **faults: object) -> None:
        """Set the card provider's faults; none given = it is well again."""
        await self._insist(f"{self.book('payment-provider')}/faults", faults)

    async def open_stores(self) -> None:
        """Stores, and stock: plenty of most, little of what runs out."""
        till = hashlib.sha256(TILL.encode()).hexdigest()
        stock = [{"sku": sku, "quantity": SCARCE.get(sku, PLENTY)} for sku in PRICES]
        for store in STORES:
            body = {
                "name": store,
                "city": "Lisbon",
                "timezone": "Europe/Lisbon",
                "currency": CURRENCY,
                "tillKeySha256": till,
                "ticketsQueue": self.sqs.create_queue(
                    QueueName=f"cloudcafe-{store.replace('.', '_')}-orders.fifo",
                    Attributes={"FifoQueue": "true"},
                )["QueueUrl"],
            }
            self.queues.append(body["ticketsQueue"])
            await self._insist(f"{self.tills[0]}/stores/{store}", body)
            url = f"{self.book('inventory')}/stores/{store}/stock"
            await self._insist(url, {"items": stock})

    async def _insist(self, url: str, body: Mapping[str, object]) -> None:
        """PUT until it is done: a busy machine answers 503 now and then, and says to retry.

        Raises:
            AssertionError: it is refused, or INSIST_S are over; with the last answer.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + INSIST_S
        while True:
            try:
                answer = await self.http.put(url, json=body)
            except httpx.HTTPError as error:
                said = repr(error)
            else:
                if answer.is_success:
                    return
                said = answer.text
                assert answer.is_server_error, said
            assert loop.time() < end, said
            await asyncio.sleep(0.5)  # before it is asked again

    def take_tickets(self) -> list[str]:
        """Take what lies on the stores' queues, as tills do; returns the orders, each as often."""
        orders = []
        for url in self.queues:
            while found := self.sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=MOST_RECEIVED
            ).get("Messages"):
                for message in found:
                    orders.append(json.loads(message["Body"])["orderId"])
                    self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return orders

    def parked(self) -> dict[str, int]:
        """How many messages lie in each dead-letter queue that has any."""
        found = {}
        for url in self.sqs.list_queues().get("QueueUrls", ()):
            name = url.rpartition("/")[2]
            if "-dlq" in name:
                names = ["ApproximateNumberOfMessages"]
                answer = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
                found[name] = int(answer["Attributes"][names[0]])
        return {name: number for name, number in found.items() if number}


@asynccontextmanager
async def running_cafe(
    postgres: Postgres, redis_url: str, local_aws: LocalAws, folder: Path, *, seed: int
) -> AsyncIterator[Cafe]:
    """Everything, ready, with two open stores; all of it is gone afterwards."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(tcp_proxy(postgres.port))
        aws = await stack.enter_async_context(aws_faults(local_aws.url, seed))
        orders, warehouse = await postgres.new_database(), await postgres.new_database()
        ports = {name: (free_port(), free_port()) for name in MODULES}
        environment = _environment(ports, local_aws, aws)
        environment["CAFE_DATABASE_URL"] = postgres.dsn(orders, database.port)
        environment["CAFE_REDSHIFT_URL"] = postgres.dsn(warehouse, database.port)
        environment["CAFE_MEMORYDB_URL"] = environment["CAFE_CACHE_URL"] = redis_url
        environment["CAFE_PROVIDER_DATA"] = str(folder)
        for module in ("cafe_order.migrate", "cafe_analytics.migrate"):
            await _run(module, environment, folder)
        processes = {
            name: Process(name, module, *ports[name], environment, folder)
            for name, module in MODULES.items()
        }
        for process in processes.values():
            stack.callback(process.end)
            process.start()
        http = httpx.AsyncClient(
            timeout=10.0, trust_env=False, headers={"Authorization": f"Bearer {TOKEN}"}
        )
        await stack.enter_async_context(http)
        sqs = boto3.client("sqs", **local_aws.client_arguments)
        stack.callback(sqs.close)
        cafe = Cafe(postgres, database, aws, processes, http, sqs)
        await cafe.ready()
        await cafe.open_stores()
        yield cafe


def _environment(
    ports: Mapping[str, tuple[int, int]], local_aws: LocalAws, aws: AwsFaults
) -> dict[str, str]:
    """The environment that the chart would give, with addresses of this machine."""
    urls = {
        f"CAFE_{name.upper().replace('-', '_')}_URL": f"http://127.0.0.1:{port}"
        for name, (port, _) in ports.items()
    }
    return {
        **local_aws.environment,
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CAFE_SERVICE_TOKEN": TOKEN,
        "CAFE_LOG_LEVEL": "info",
        **urls,
    }


async def _run(module: str, environment: Mapping[str, str], folder: Path) -> None:
    with (folder / f"{module}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module),
            env={**os.environ, **environment},
            stdout=log,
            stderr=log,
        )
        code = await process.wait()
    assert code == 0, (folder / f"{module}.log").read_text()[-3000:]
