"""What every contender works in: a control plane of its own, the stand-in, and the measuring side.

Called by `scenarios.py`. Counts come from the API server's own metrics and from the stand-in, CPU
and memory from /proc, so that no contender reports on itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from dev.controlplane import ControlPlane
from dev.system import ROOT
from tests.integration.cluster import Cluster

NAMESPACE, HOME = "bench", "bench-home"
STORES = f"/apis/cloudcafe.dev/v1alpha1/namespaces/{NAMESPACE}/cafestores"
ALL_STORES = "/apis/cloudcafe.dev/v1alpha1/cafestores"
FINALIZER = "cloudcafe.dev/cleanup"
JSON, MERGE = "application/json", "application/merge-patch+json"
REQUESTS = re.compile(
    r'apiserver_request_total\{.*[,{]resource="(?P<resource>[^"]+)".*verb="(?P<verb>[A-Z]+)".*\} '
    r"(?P<count>[0-9.e+]+)"
)
WRITING = {"POST", "PUT", "PATCH", "APPLY", "DELETE"}
COUNTED = {"cafestores", "secrets", "configmaps", "events"}
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = 500


@dataclass
class Server:
    """The API server as the measuring side uses it."""

    session: aiohttp.ClientSession
    url: str

    async def ask(
        self, method: str, path: str, body: Any = None, *, content: str = JSON
    ) -> dict[str, Any]:
        """Send one request; anything but success fails the benchmark."""
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": content}
        async with self.session.request(
            method, self.url + path, data=data, headers=headers
        ) as answer:
            text = await answer.text()
            assert answer.ok, f"{method} {path}: {answer.status} {text[:500]}"
            return dict(json.loads(text))

    async def writes(self) -> dict[str, float]:
        """Return how many writes were served so far, by verb and resource."""
        async with self.session.get(f"{self.url}/metrics") as answer:
            text = await answer.text()
        found: dict[str, float] = {}
        for line in REQUESTS.finditer(text):
            if line["verb"] in WRITING and line["resource"] in COUNTED:
                key = f"{line['verb']} {line['resource']}"
                found[key] = found.get(key, 0) + float(line["count"])
        return found

    async def stores(self) -> AsyncIterator[dict[str, Any]]:
        """Yield all stores, page by page; `version` of the list is kept for a watch."""
        token = ""
        while True:
            more = f"&continue={token}" if token else ""
            page = await self.ask("GET", f"{STORES}?limit={PAGE}{more}")
            self.version = page["metadata"]["resourceVersion"]
            for item in page["items"]:
                yield item
            token = page["metadata"].get("continue", "")
            if not token:
                return


@dataclass
class World:
    """All of it, alive."""

    plane: ControlPlane
    server: Server
    stand_in: str
    folder: Path
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    async def calls(self, *, reset: bool = False) -> dict[str, int]:
        """Return the stand-in's counts by call."""
        method = "DELETE" if reset else "GET"
        async with self.server.session.request(method, f"{self.stand_in}/_calls") as answer:
            return dict(json.loads(await answer.text()))

    async def throttle(self, share: float, **limits: float) -> None:
        """Refuse this share of AWS's calls from now on, and more of some than so many a second."""
        url = f"{self.stand_in}/_throttle"
        said = {"share": share, "limits": {name.replace("_", ":"): n for name, n in limits.items()}}
        async with self.server.session.put(url, data=json.dumps(said)) as answer:
            assert answer.ok


@dataclass(frozen=True)
class Usage:
    """What a process used so far."""

    cpu_seconds: float
    rss_mib: float
    peak_mib: float

    @classmethod
    def of(cls, pid: int | str) -> Usage:
        """Read /proc; `self` is this process."""
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        status = dict(
            line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        )
        return cls(
            (int(stat[11]) + int(stat[12])) / TICKS,
            int(status["VmRSS"].split()[0]) / 1024,
            int(status["VmHWM"].split()[0]) / 1024,
        )


def store(number: int) -> dict[str, Any]:
    """Return a store as an owner with a short manifest writes it; the finalizer as admission
    policy gives it, which the bare control plane's definitions do not bring."""
    return {
        "apiVersion": "cloudcafe.dev/v1alpha1",
        "kind": "CafeStore",
        "metadata": {"name": f"store-{number:05}", "namespace": NAMESPACE,
                     "finalizers": [FINALIZER]},
        "spec": {"city": "Lisbon", "tier": "kiosk", "timezone": "Europe/Lisbon", "currency": "EUR",
                 "rushes": [{"name": "morning", "start": "07:30", "end": "09:30",
                             "ordersPerMinute": 4}]},
    }  # fmt: skip


def is_ready(item: dict[str, Any]) -> bool:
    """Whether its current spec was found Ready."""
    status = item.get("status") or {}
    if status.get("observedGeneration") != item["metadata"]["generation"]:
        return False
    rows = status.get("conditions") or []
    return any(row["type"] == "Ready" and row["status"] == "True" for row in rows)


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    """A fresh one; everything that it started is gone at the end."""
    with ControlPlane.start(folder / "plane") as plane, _stand_in() as url:
        cluster = Cluster(plane.kubeconfig)
        cluster.serve_our_kinds()
        for name in (NAMESPACE, HOME):
            cluster.kubectl("create", "namespace", name)
        connector = aiohttp.TCPConnector(ssl=tls(plane), limit=64)
        timeout = aiohttp.ClientTimeout(total=120)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            yield World(plane, Server(session, plane.server), url, folder)


def tls(plane: ControlPlane) -> ssl.SSLContext:
    """Return the administrator's TLS."""
    pki = plane.folder / "pki"
    context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    client = pki / "client-kubeconfig"
    context.load_cert_chain(client.with_suffix(".crt"), client.with_suffix(".key"))
    return context


@contextmanager
def _stand_in() -> Iterator[str]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.stand_in"], stdout=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


async def create_stores(server: Server, numbers: range, *, writers: int = 16) -> None:
    """Create stores, so many at a time."""
    waiting = iter(numbers)

    async def writer() -> None:
        for number in waiting:
            await server.ask("POST", STORES, store(number))

    await asyncio.gather(*(writer() for _ in range(writers)))


class ReadyWatch:
    """Knows, by a watch of its own, when each store was Ready for each generation."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.ready_at: dict[tuple[str, int], float] = {}
        self.first_ready: dict[str, float] = {}
        self.changed = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ReadyWatch]:
        """Watch while the body runs."""
        async for item in self._server.stores():
            self._see(item)
        self._task = asyncio.create_task(self._watch())
        try:
            yield self
        finally:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def until(self, count: int, *, seconds: float) -> float:
        """Wait until so many stores were Ready; the last one's moment."""
        deadline = time.monotonic() + seconds
        while True:
            if len(self.first_ready) >= count:
                return max(self.first_ready.values())
            self.check()
            left = deadline - time.monotonic()
            assert left > 0, (
                f"{len(self.first_ready)} of {count} stores are Ready after {seconds:.0f} s"
            )
            self.changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.changed.wait(), min(left, 1))

    async def _watch(self) -> None:
        version = self._server.version
        timeout = aiohttp.ClientTimeout(total=None)
        while True:  # the API server ends a watch when it likes
            url = f"{self._server.url}{STORES}?watch=1&resourceVersion={version}"
            async with self._server.session.get(url, timeout=timeout, read_bufsize=2**22) as answer:
                async for line in answer.content:
                    event = json.loads(line)
                    assert event["type"] != "ERROR", event
                    version = event["object"]["metadata"]["resourceVersion"]
                    self._see(event["object"])

    def check(self) -> None:
        """Raise what ended the watch, if anything did."""
        if self._task.done():
            self._task.result()

    def _see(self, item: dict[str, Any]) -> None:
        if is_ready(item):
            meta = item["metadata"]
            now = time.monotonic()
            self.ready_at.setdefault((meta["name"], meta["generation"]), now)
            self.first_ready.setdefault(meta["name"], now)
            self.changed.set()
