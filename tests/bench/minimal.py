"""The upper bound: a client that does only the writes a store needs, and watches nothing.

Run by `scenarios.py` in a process of its own: `python -m tests.bench.minimal <plane> <stand-in>
<first> <last> <create>`. It looks at nothing, signs nothing, retries nothing, and keeps nothing.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp

from dev.controlplane import ControlPlane
from tests.bench.stand_in import TOKEN
from tests.bench.world import MERGE, NAMESPACE, STORES, Server, Usage, store, tls

WORKERS = 16
KEY = base64.b64encode(b"key").decode()
CHILDREN = f"/api/v1/namespaces/{NAMESPACE}"
ITEMS = [{"sku": f"item-{n}", "name": "Item", "priceMinor": 300, "category": "C"} for n in range(6)]


class Client:
    """Writes stores."""

    def __init__(self, server: Server, stand_in: str) -> None:
        self._server = server
        self._stand_in = stand_in

    async def write(self, number: int, *, create: bool) -> None:
        """All writes of one store, one after the other."""
        name = f"store-{number:05}"
        if create:
            await self._server.ask("POST", STORES, store(number))
        prefix = f"cloudcafe-{NAMESPACE}_{name}"
        fifo = {"FifoQueue": "true"}
        for queue in (f"{prefix}-orders-dlq.fifo", f"{prefix}-orders.fifo"):
            await self._aws("AmazonSQS.CreateQueue", {"QueueName": queue, "Attributes": fifo})
        await self._aws(
            "secretsmanager.CreateSecret",
            {"Name": f"cloudcafe/{NAMESPACE}/{name}/till", "SecretString": "key"},
        )
        for alarm in ("dead-letters", "order-queue-age"):
            rule = {"AlarmName": f"cloudcafe/{NAMESPACE}/{name}/{alarm}", "Threshold": 0.0}
            await self._aws("GraniteServiceVersion20100801.PutMetricAlarm", rule)
        secret = {"metadata": {"name": f"{name}-till"}, "data": {"key": KEY}}
        await self._server.ask("POST", f"{CHILDREN}/secrets", secret)
        settings = {"metadata": {"name": f"{name}-cafe"}, "data": {"CAFE_STORE_ID": name}}
        await self._server.ask("POST", f"{CHILDREN}/configmaps", settings)
        await self._cafe("PUT", f"/stores/{name}", {"name": name, "acceptingOrders": True})
        await self._cafe("PUT", f"/stores/{name}/menu", {"currency": "EUR", "items": ITEMS})
        stock = [{"sku": one["sku"], "quantity": 2000} for one in ITEMS]
        await self._cafe("PUT", f"/stores/{name}/stock", {"items": stock})
        lines = [{"sku": "item-1", "quantity": 1}]
        order = {"storeId": name, "lines": lines, "synthetic": True}
        placed = await self._cafe("POST", "/orders", order)
        await self._cafe("GET", f"/orders/{placed['id']}", None)
        patch = {"status": status(name, placed["id"])}
        await self._server.ask("PATCH", f"{STORES}/{name}/status", patch, content=MERGE)

    async def _aws(self, target: str, body: Any) -> None:
        await self._send("POST", "/", body, {"X-Amz-Target": target})

    async def _cafe(self, method: str, path: str, body: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": "minimal"}
        return await self._send(method, path, body, headers)

    async def _send(
        self, method: str, path: str, body: Any, headers: dict[str, str]
    ) -> dict[str, Any]:
        data = None if body is None else json.dumps(body)
        url = self._stand_in + path
        async with self._server.session.request(method, url, data=data, headers=headers) as answer:
            assert answer.ok, await answer.text()
            return dict(json.loads(await answer.text()))


def status(name: str, order: str) -> dict[str, Any]:
    """Return a status as ours is of a new kiosk; `test_counts.py` holds it to the same size."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    queue, secret = f"cloudcafe-{NAMESPACE}-{name}-orders", f"cloudcafe/{NAMESPACE}/{name}/till"
    sqs, alarm = (f"arn:aws:{one}:eu-west-1:123456789012" for one in ("sqs", "cloudwatch"))
    owned = (
        ("SQSQueue", f"{queue}.fifo", f"{sqs}:{queue}.fifo"),
        ("SQSQueue", f"{queue}-dlq.fifo", f"{sqs}:{queue}-dlq.fifo"),
        ("SecretsManagerSecret", secret, f"arn:aws:secretsmanager:eu-west-1:123:secret:{secret}"),
        ("Secret", f"{name}-till", ""),
        ("ConfigMap", f"{name}-store", ""),
        ("CloudWatchAlarm", f"cloudcafe/{name}/dead-letters", f"{alarm}:alarm:{name}/dead-letters"),
        ("CloudWatchAlarm", f"cloudcafe/{name}/queue-age", f"{alarm}:alarm:{name}/queue-age"),
    )
    types = ("Ready", "DataTierReady", "MenuSynced", "OrderPathVerified", "LedgerBalanced",
             "Watched", "Drifted", "Paused")  # fmt: skip
    parts = ("alarms", "alarms.tags", "config", "dead_letters", "dead_letters.tags", "menu",
             "queue", "queue.tags", "secret.tags", "store", "till")  # fmt: skip
    hops = [{"name": "accept", "ms": 1}, {"name": "confirmed", "ms": 1}]
    return {
        "observedGeneration": 1,
        "storeId": f"{NAMESPACE}.{name}",
        "acceptingOrders": True,
        "open": True,
        "applied": dict.fromkeys(parts, "51ea5527b0e8"),
        "conditions": [
            {"type": type_, "status": "True", "reason": "Ready",
             "message": "Queues, secret and till are there.",
             "observedGeneration": 1, "lastTransitionTime": now}
            for type_ in types
        ],
        "costEstimate": {
            "monthlyUSD": "0.60", "pricedOn": "2026-11-01",
            "lines": [{"what": what, "count": 1, "monthlyUSD": "0.40"}
                      for what in ("Secrets Manager secret", "CloudWatch alarms")],
        },
        "drift": [],
        "history": [
            {"at": now, "requestId": "bench", "why": "it was missing",
             "what": f"cloudwatch:PutMetricAlarm cloudcafe/{name}"}
            for _ in range(5)
        ],
        "ledger": {"findings": 0, "first": [], "orders": 0, "since": now, "until": now},
        "nextRush": {"name": "morning", "ordersPerMinute": 4, "start": now, "end": now},
        "orderPath": {"orderId": order, "at": now, "nextAt": now, "generation": 1, "totalMs": 1,
                      "hops": hops},
        "resources": [
            {"kind": kind, "name": called, "arn": arn, "state": "Ready"}
            for kind, called, arn in owned
        ],
    }  # fmt: skip


async def write_all(plane: ControlPlane, stand_in: str, numbers: range, *, create: bool) -> float:
    """Write all stores; the seconds it took."""
    connector = aiohttp.TCPConnector(ssl=tls(plane), limit=WORKERS * 2)
    async with aiohttp.ClientSession(connector=connector) as session:
        client = Client(Server(session, plane.server), stand_in)
        waiting = iter(numbers)

        async def worker() -> None:
            for number in waiting:
                await client.write(number, create=create)

        began = time.monotonic()
        await asyncio.gather(*(worker() for _ in range(WORKERS)))
        return time.monotonic() - began


def main() -> None:
    """Write, and say how long it took and what it cost."""
    folder, stand_in, first, last, create = sys.argv[1:]
    plane = ControlPlane.find(Path(folder))
    assert plane is not None
    before = Usage.of("self")
    numbers = range(int(first), int(last))
    seconds = asyncio.run(write_all(plane, stand_in, numbers, create=create == "create"))
    after = Usage.of("self")
    cpu = after.cpu_seconds - before.cpu_seconds
    print(json.dumps({"seconds": seconds, "cpu": cpu, "rss": after.rss_mib}))


if __name__ == "__main__":
    main()
