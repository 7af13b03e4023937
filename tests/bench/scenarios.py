"""The work that all contenders get: create, change, restart, nothing, throttled calls.

Each scenario returns its figures by name. Times belong to a machine; counts do not, and those are
what `test_counts.py` asserts.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from cloudcafe_operator.effects.rush import PLAN

from dev.steps import say
from dev.system import ROOT
from tests.bench.apart import change_apart
from tests.bench.changes import (
    APART,
    RUSH,
    RUSH_SECONDS,
    STEADY,
    STEADY_SECONDS,
    Changes,
    change,
)
from tests.bench.contenders import OURS, Contender, contender, quantile, reconciles, wait_leading
from tests.bench.counters import (
    PATIENCE_S,
    QUEUE,
    Figures,
    cpu_ms,
    diff,
    is_aws,
    is_aws_read,
    is_cafe,
    mark,
    per_store,
    queue,
    until_quiet,
)
from tests.bench.refusals import refused
from tests.bench.stand_in import LOOKED
from tests.bench.world import (
    HOME,
    MERGE,
    STORES,
    ReadyWatch,
    World,
    create_stores,
    world,
)

SECONDS_OF_LOOKS = 20.0


@dataclass(frozen=True)
class Load:
    """How much work."""

    stores: int
    changes: int = 3000
    idle_seconds: float = 60.0

    @property
    def rush(self) -> Changes:
        """Return changes of all stores, as fast as the aims say."""
        return Changes(min(self.changes, self.stores), RUSH, self.stores)

    @property
    def steady(self) -> Changes:
        """Return changes at a pace that two cores bear, API server and all."""
        return Changes(min(STEADY_SECONDS * STEADY, self.stores), STEADY, self.stores)

    @property
    def lasting_rush(self) -> Changes:
        """Return changes for long, of all stores by turns, as fast as the aims say."""
        return Changes(RUSH_SECONDS * RUSH, RUSH, self.stores)


class Found(dict[str, Figures]):
    """Figures by scenario; each is kept as soon as it is known."""

    def __init__(self, load: Load, keep: Callable[[dict[str, Figures]], None]) -> None:
        super().__init__()
        self._stores = load.stores
        self._keep = keep

    def __setitem__(self, scenario: str, figures: Figures) -> None:
        super().__setitem__(scenario, {**figures, "stores": self._stores})
        self._keep(self)


async def measure(
    name: str, load: Load, folder: Path, keep: Callable[[dict[str, Figures]], None]
) -> None:
    """Run all scenarios for one operator, in a fresh world."""
    found = Found(load, keep)
    async with world(folder) as place:
        watch = ReadyWatch(place.server)
        half = load.stores // 2
        await create_stores(place.server, range(half))
        async with watch.running():
            with ExitStack() as stack:
                one = stack.enter_context(contender(name, place))
                found["cold start"] = await cold_start(place, one, watch, half)
                found["create"] = await create(place, one, watch, range(half, load.stores))
                found["change"] = await change(place, one, watch, load.rush)
                found["steady change"] = await change(place, one, watch, load.steady)
                found["touch"] = await touch(place, one, load)
                found["idle"] = await idle(place, one, load)
            with ExitStack() as stack:
                one = stack.enter_context(contender(name, place, CAFE_RESYNC_SECONDS="10"))
                found["restart"] = await restart(place, one, load)
                if name == OURS:
                    found["looks"] = await looks(place, one)
            with ExitStack() as stack:
                one = stack.enter_context(contender(name, place))
                if name == OURS:
                    await asyncio.to_thread(wait_leading, one)
                await until_quiet(place, one)
                say(f"{name} is at rest")
                async for scenario, figures in refused(place, one, watch, load.stores):
                    found[scenario] = figures
        if name == OURS:
            found[APART] = await change_apart(place, load.lasting_rush)


async def cold_start(place: World, one: Contender, watch: ReadyWatch, stores: int) -> Figures:
    """Stores are there and nothing was done for them; the contender starts."""
    say(f"{one.name}: cold start with {stores} stores")
    began, calls, writes = time.monotonic(), await place.calls(), await place.server.writes()
    ended = await watch.until(stores, seconds=PATIENCE_S)
    usage = one.usage()
    return {
        "objects/s": stores / (ended - began),
        "CPU ms/object": usage.cpu_seconds / stores * 1000,
        "first Ready s": min(watch.ready_at.values()) - began,
        "RSS MiB": usage.rss_mib,
        **await per_store(place, stores, calls, writes),
    }


async def create(place: World, one: Contender, watch: ReadyWatch, numbers: range) -> Figures:
    """Owners create stores while the contender runs."""
    say(f"{one.name}: {len(numbers)} stores are created")
    before = await mark(place, one)
    await create_stores(place.server, numbers)
    created = await place.server.writes()
    ended = await watch.until(numbers.stop, seconds=PATIENCE_S)
    after = await mark(place, one)
    own = dict(before.writes)
    own["POST cafestores"] = own.get("POST cafestores", 0) + len(numbers)
    assert created["POST cafestores"] == own["POST cafestores"]
    return {
        "objects/s": len(numbers) / (ended - before.at),
        "CPU ms/object": cpu_ms(before, after) / len(numbers),
        "CPU s": cpu_ms(before, after) / 1000,
        **queue(one, before, after),
        "RSS MiB": after.usage.rss_mib,
        "RSS KiB/object": (after.usage.rss_mib - before.usage.rss_mib) * 1024 / len(numbers),
        **await per_store(place, len(numbers), before.calls, own),
    }


async def idle(place: World, one: Contender, load: Load) -> Figures:
    """Nothing changes."""
    if one.name == OURS:
        await _plan_shown(place, load)
    say(f"{one.name}: nothing for {load.idle_seconds:g} s")
    before = await mark(place, one)
    await asyncio.sleep(load.idle_seconds)
    after = await mark(place, one)
    calls = {name: count - before.calls.get(name, 0) for name, count in after.calls.items()}
    minutes = (after.at - before.at) / 60
    looked = reconciles(after.metrics) - reconciles(before.metrics)
    say(f"{one.name}: {json.dumps({name: n for name, n in calls.items() if n and is_aws(name)})}")
    return {
        "writes": diff(before.writes, after.writes),
        "CPU ms/s": cpu_ms(before, after) / (after.at - before.at),
        "AWS calls/min": sum(n for name, n in calls.items() if is_aws(name)) / minutes,
        "cafe calls/min": sum(n for name, n in calls.items() if is_cafe(name)) / minutes,
        "reconciles": looked,
        "RSS MiB": after.usage.rss_mib,
        "RSS KiB/object": after.usage.rss_mib * 1024 / load.stores,
    }


async def touch(place: World, one: Contender, load: Load) -> Figures:
    """Somebody writes an annotation that means nothing: the contender looks, and that is all."""
    if one.name == OURS:
        await _plan_shown(place, load)
    total = min(load.changes, load.stores)
    say(f"{one.name}: {total} stores are touched")
    before = await mark(place, one)
    waiting = iter(range(total))
    note = {"metadata": {"annotations": {"bench/touched": str(time.monotonic())}}}

    async def writer() -> None:
        for number in waiting:
            await place.server.ask("PATCH", f"{STORES}/store-{number:05}", note, content=MERGE)

    await asyncio.gather(*(writer() for _ in range(4)))
    await until_quiet(place, one)
    after = await mark(place, one)
    looked = reconciles(after.metrics) - reconciles(before.metrics)
    assert one.name != OURS or looked >= total, f"{looked} of {total} were looked at"
    return {
        "writes": diff(before.writes, after.writes) - total,
        "CPU ms/object": cpu_ms(before, after) / total,
    }


async def _plan_shown(place: World, load: Load) -> None:
    """Wait until the plan of the fleet knows all stores: it is written twice a minute at most."""
    path, deadline = f"/api/v1/namespaces/{HOME}/configmaps/{PLAN}", time.monotonic() + PATIENCE_S
    while (await place.server.ask("GET", path))["data"]["stores"] != str(load.stores):
        assert time.monotonic() < deadline, "the plan does not know all stores"
        await asyncio.sleep(0.5)


async def restart(place: World, one: Contender, load: Load) -> Figures:
    """All is in order, and the contender starts anew."""
    say(f"{one.name}: restart with {load.stores} stores")
    writes, _ = await place.server.writes(), await place.calls(reset=True)
    began = time.monotonic()
    quiet_at, cpu = await until_quiet(place, one)
    calls = await place.calls()
    text = one.metrics() if one.name == OURS else ""
    aws = {call: n for call, n in calls.items() if is_aws(call)}
    return {
        "quiet after s": quiet_at - began,
        "CPU s": cpu,
        "writes": diff(writes, await place.server.writes()),
        "AWS reads": sum(n for call, n in aws.items() if is_aws_read(call)),
        "AWS writes": sum(n for call, n in aws.items() if not is_aws_read(call)),
        "cafe calls/store": sum(n for call, n in calls.items() if is_cafe(call)) / load.stores,
        "RSS MiB": one.usage().rss_mib,
        **({"queue p99 s": quantile(text, QUEUE, 0.99, woken="clock")} if text else {}),
    }


async def looks(place: World, one: Contender) -> Figures:
    """Stores are looked at in full again and again, more often than usual, and all is in order."""
    say(f"{one.name}: whole looks for {SECONDS_OF_LOOKS:g} s")
    before = await mark(place, one)
    await asyncio.sleep(SECONDS_OF_LOOKS)
    after = await mark(place, one)
    calls = {name: count - before.calls.get(name, 0) for name, count in after.calls.items()}
    looked = calls[LOOKED]
    return {
        "looks/s": looked / (after.at - before.at),
        "CPU ms/look": cpu_ms(before, after) / max(1, looked),
        "cafe calls/look": sum(n for name, n in calls.items() if is_cafe(name)) / max(1, looked),
        "AWS calls/look": sum(n for name, n in calls.items() if is_aws(name)) / max(1, looked),
        "writes": diff(before.writes, after.writes),
    }


async def minimal(load: Load, folder: Path) -> dict[str, Figures]:
    """The upper bound, for stores that are there and for stores that it creates."""
    half, found = load.stores // 2, {}
    async with world(folder) as place:
        await create_stores(place.server, range(half))
        for scenario, first, last, create in (
            ("cold start", 0, half, "exists"),
            ("create", half, load.stores, "create"),
        ):
            say(f"minimal: {scenario}")
            async with ReadyWatch(place.server).running():  # as it sees the others' work
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "tests.bench.minimal", str(place.plane.folder),
                    place.stand_in, str(first), str(last), create,
                    stdout=asyncio.subprocess.PIPE, cwd=ROOT,
                )  # fmt: skip
                output, _ = await process.communicate()
            assert process.returncode == 0
            said, count = json.loads(output), last - first
            found[scenario] = {
                "objects/s": count / said["seconds"],
                "CPU ms/object": said["cpu"] / count * 1000,
                "RSS MiB": said["rss"],
                "stores": load.stores,
            }
    return found
