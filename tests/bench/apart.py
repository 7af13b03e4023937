"""Our operator with an API server that costs next to nothing, as where that has cores of its own.

A change of a store costs an API server and etcd three times what it costs us, so that on a small
machine their rate is all that can be seen. Here `api_stand_in.py` takes over all that a real
control plane holds, and what is measured is how many changes one operator takes, and how long they
wait. Called by `scenarios.py`.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec

from dev.controlplane.processes import stop
from dev.system import ROOT
from tests.bench.api_stand_in import Recorded
from tests.bench.changes import Changes, change
from tests.bench.contenders import OURS, contender, wait_leading
from tests.bench.counters import Figures, until_quiet
from tests.bench.world import ReadyWatch, Server, World


async def change_apart(place: World, asked: Changes) -> Figures:
    """Owners change stores while the API server costs nothing; `place` is used up."""
    async with _apart(place), ReadyWatch(place.server).running() as watch:
        with contender(OURS, place) as one:
            await asyncio.to_thread(wait_leading, one)
            await until_quiet(place, one)
            taking_over = await place.server.writes()
            found = await change(place, one, watch, asked)
            return {**found, "status writes of taking over": taking_over.get("PATCH cafestores", 0)}


@asynccontextmanager
async def _apart(place: World) -> AsyncIterator[None]:
    """Let the stand-in take the control plane's place; that one is gone for good."""
    recorded, file = await _record(place.server), place.folder / "recorded.json"
    file.write_bytes(msgspec.json.encode(recorded))
    stop(place.plane.processes)
    with _served(file, place.plane.folder / "pki" / "apiserver.crt") as url:
        access = place.plane.kubeconfig
        access.write_text(access.read_text().replace(place.plane.server, url))
        place.server.url = url
        yield


@contextmanager
def _served(file: Path, certificate: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.bench.api_stand_in", str(file), str(certificate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            yield f"https://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


async def _record(server: Server) -> Recorded:
    """Read what the API server says of itself, and all its objects."""
    groups = await server.ask("GET", "/apis")
    versions = [one["groupVersion"] for group in groups["groups"] for one in group["versions"]]
    found = Recorded(0, {"/apis": groups}, {})
    for path in ("/version", "/api", *(f"/apis/{group['name']}" for group in groups["groups"])):
        found.documents[path] = await server.ask("GET", path)
    for path in ("/api/v1", *(f"/apis/{version}" for version in versions)):
        told = found.documents[path] = await server.ask("GET", path)
        for resource in told["resources"]:
            if {"list", "watch"} <= set(resource["verbs"]):
                kind = {"apiVersion": told["groupVersion"], "kind": resource["kind"]}
                listed = await server.ask("GET", f"{path}/{resource['name']}")
                found.version = max(found.version, int(listed["metadata"]["resourceVersion"]))
                items = [] if resource["kind"] == "Event" else listed["items"]
                found.objects[f"{path}/{resource['name']}"] = [kind | item for item in items]
    return found
