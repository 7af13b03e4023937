"""The whole cafe on this machine, its stores behind the proxies that localaws switches.

Real services as processes, real stores, the real localaws and Toxiproxy; only Kubernetes is a
stand-in, whose pods of `analytics-worker` and `loyalty` are these processes. The fixtures of
`conftest.py` share one for all tests.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from localaws.settings import Settings
from localaws.stores import stores
from localaws.testing import LocalAws

from dev.tools import tool
from services.kit.tests.support.documentdb import running_documentdb
from services.kit.tests.support.ports import free_port
from services.kit.tests.support.postgres import Postgres, running_postgres
from services.kit.tests.support.redis import running_redis
from services.kit.tests.support.toxiproxy import Toxiproxy
from tests.crash.orders.processes import Process
from tests.fakes.pods_api import Cluster

TOKEN = "a-service-token-for-these-tests"
STORE = "cloudcafe.espresso-soho"
CURRENCY = "EUR"
PRICE, PLENTY = 280, 100_000
#: A primary is away for half of it: longer than `guests.WAITED_S`, so that somebody waits.
FAILOVER_SECONDS = 3.0
MODULES = {
    "order": "cafe_order",
    "menu": "cafe_menu",
    "inventory": "cafe_inventory",
    "loyalty": "cafe_loyalty",
    "payment-processor": "cafe_payments",
    "payment-provider": "cafe_provider",
    "analytics-worker": "cafe_analytics",
}
#: Behind load balancers and the API.
EDGE = ("order", "menu", "loyalty", "payment-processor")
#: Shorter than in a cafe, so that a test sees within a second what guests see within a minute.
HURRIED = {
    "CAFE_MENU_FRESH_SECONDS": "0.5",
    "CAFE_RELAY_IDLE_SECONDS": "0.2",
    "CAFE_POLL_SECONDS": "0.1",
    "CAFE_STREAM_LEASE_SECONDS": "1",
    "CAFE_LOG_LEVEL": "info",
}


@dataclass
class Stage:
    """What a test needs of it."""

    aws: LocalAws
    toxiproxy: Toxiproxy
    cluster: Cluster
    processes: dict[str, Process]

    def url(self, name: str) -> str:
        """Where a service, or a door of the edge (customers, tills, api), answers."""
        if name in self.processes:
            return self.processes[name].url
        return f"http://127.0.0.1:{self.aws.edge[name]}"

    async def ready(self, *names: str) -> None:
        """Those services are; without names, all."""
        async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client:
            waiting = [self.processes[name] for name in names or self.processes]
            await asyncio.gather(*(one.ready(client) for one in waiting))

    def replaced(self, service: str) -> None:
        """A pod of the service was deleted: its process dies, another takes its place."""
        process = self.processes[service]
        process.kill()
        process.start()


@contextmanager
def running_stage(folder: Path) -> Iterator[Stage]:
    """Everything, ready, with one open store; all of it is gone afterwards."""
    with ExitStack() as stack:
        postgres = stack.enter_context(running_postgres())
        caches = [stack.enter_context(running_redis()) for _ in range(2)]
        documents = stack.enter_context(running_documentdb())
        orders, warehouse = asyncio.run(_databases(postgres))
        behind = {
            "aurora-writer": postgres.port,
            "redshift": postgres.port,
            "elasticache": caches[0].port,
            "memorydb": caches[1].port,
            "documentdb": documents,
        }
        names = [store.proxy.name for store in stores(Settings())]
        upstreams = {name: f"127.0.0.1:{behind[name]}" for name in names}
        toxiproxy = Toxiproxy(str(tool("toxiproxy")), upstreams)
        stack.callback(toxiproxy.stop)
        cluster = stack.enter_context(Cluster())
        ports = {name: (free_port(), free_port()) for name in MODULES}
        settings = {**cluster.environment(folder), **_of_localaws(toxiproxy, ports)}
        aws = stack.enter_context(LocalAws.start(settings))
        environment = {
            **aws.environment,
            **HURRIED,
            **_addresses(toxiproxy, ports),
            "AWS_EC2_METADATA_DISABLED": "true",
            "CAFE_DATABASE_URL": postgres.dsn(orders, toxiproxy.ports["aurora-writer"]),
            "CAFE_REDSHIFT_URL": postgres.dsn(warehouse, toxiproxy.ports["redshift"]),
            "CAFE_SERVICE_TOKEN": TOKEN,
            "CAFE_PROVIDER_DATA": str(folder),
        }
        _migrate(environment, folder)
        processes = {
            name: Process(name, module, *ports[name], environment, folder)
            for name, module in MODULES.items()
        }
        for process in processes.values():
            stack.callback(process.end)
            process.start()
        stage = Stage(aws, toxiproxy, cluster, processes)
        cluster.replaced = stage.replaced
        for service in ("analytics-worker", "loyalty"):
            cluster.add(service)
        asyncio.run(_opened(stage))
        yield stage


async def _databases(postgres: Postgres) -> tuple[str, str]:
    await postgres.prepare()
    return await postgres.new_database(), await postgres.new_database()


def _of_localaws(toxiproxy: Toxiproxy, ports: Mapping[str, tuple[int, int]]) -> dict[str, str]:
    return {
        "LOCALAWS_TOXIPROXY_URL": toxiproxy.url,
        "LOCALAWS_FAILOVER_SECONDS": str(FAILOVER_SECONDS),
        "LOCALAWS_MEMORYDB_SECONDS": str(FAILOVER_SECONDS),
        "LOCALAWS_TABLE_UPDATE_SECONDS": "1",
        "LOCALAWS_EDGE_PORTS": "customers=0,tills=0,api=0",
        "LOCALAWS_EDGE_SERVICES": ",".join(f"{name}=127.0.0.1:{ports[name][0]}" for name in EDGE),
    }


def _addresses(toxiproxy: Toxiproxy, ports: Mapping[str, tuple[int, int]]) -> dict[str, str]:
    """The addresses that the chart would give, on this machine."""
    services = {
        f"CAFE_{name.upper().replace('-', '_')}_URL": f"http://127.0.0.1:{port}"
        for name, (port, _) in ports.items()
    }
    at = {name: f"127.0.0.1:{port}" for name, port in toxiproxy.ports.items()}
    return {
        **services,
        "CAFE_CACHE_URL": f"redis://{at['elasticache']}/0",
        "CAFE_MEMORYDB_URL": f"redis://{at['memorydb']}/0",
        "CAFE_DOCUMENTDB_URL": f"mongodb://{at['documentdb']}/cafe",
    }


def _migrate(environment: Mapping[str, str], folder: Path) -> None:
    for module in ("cafe_order.migrate", "cafe_analytics.migrate"):
        subprocess.run(
            [sys.executable, "-m", module],
            env={**os.environ, **environment},
            cwd=folder,
            check=True,
            capture_output=True,
        )


async def _opened(stage: Stage) -> None:
    """Wait for all, and open the store with a menu and its stock."""
    await stage.ready()
    store = {
        "name": STORE,
        "city": "Lisbon",
        "timezone": "Europe/Lisbon",
        "currency": CURRENCY,
        "tillKeySha256": hashlib.sha256(b"a-till-of-these-tests").hexdigest(),
    }
    espresso = {"sku": "espresso", "name": "Espresso", "priceMinor": PRICE}
    menu = {"currency": CURRENCY, "items": [espresso]}
    stock = {"items": [{"sku": "espresso", "quantity": PLENTY}]}
    async with httpx.AsyncClient(
        timeout=10.0, trust_env=False, headers={"Authorization": f"Bearer {TOKEN}"}
    ) as client:
        for service, path, body in (
            ("order", "", store), ("menu", "/menu", menu), ("inventory", "/stock", stock),
        ):  # fmt: skip
            url = f"{stage.url(service)}/stores/{STORE}{path}"
            (await client.put(url, json=body)).raise_for_status()
