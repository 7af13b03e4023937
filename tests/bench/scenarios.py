"""The work that all contenders get: create, change, restart, nothing, throttled calls.

Each scenario returns its figures by name. Times belong to a machine; counts do not, and those are
what `test_counts.py` asserts.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from dev.steps import say
from dev.system import ROOT
from tests.bench.contenders import OURS, Contender, contender, quantile, reconciles, wait_leading
from tests.bench.world import (
    MERGE,
    STORES,
    ReadyWatch,
    Usage,
    World,
    create_stores,
    world,
)

PATIENCE_S = 900.0
QUEUE = "cloudcafe_queue_latency_seconds"
READS = ("Get", "List", "Describe", "BatchGet")
Figures = dict[str, float]


@dataclass(frozen=True)
class Load:
    """How much work."""

    stores: int
    changes_per_second: int = 300
    changes: int = 3000
    idle_seconds: float = 60.0
    throttled_share: float = 0.2


@dataclass
class Mark:
    """Where the counters stood."""

    at: float
    usage: Usage
    writes: Mapping[str, float]
    calls: Mapping[str, int]
    metrics: str


async def measure(name: str, load: Load, folder: Path) -> dict[str, Figures]:
    """Run all scenarios for one operator, in a fresh world."""
    found: dict[str, Figures] = {}
    async with world(folder) as place:
        watch = ReadyWatch(place.server)
        half = load.stores // 2
        await create_stores(place.server, range(half))
        async with watch.running():
            with ExitStack() as stack:
                one = stack.enter_context(contender(name, place))
                found["cold start"] = await cold_start(place, one, watch, half)
                found["create"] = await create(place, one, watch, range(half, load.stores))
                found["change"] = await change(place, one, watch, load)
                found["idle"] = await idle(place, one, load)
            with ExitStack() as stack:
                found["restart"] = await restart(place, name, load, stack)
            with ExitStack() as stack:
                one = stack.enter_context(contender(name, place))
                found["throttled"] = await throttled(place, one, watch, load)
    for figures in found.values():
        figures["stores"] = load.stores
    return found


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
        **await _per_store(place, stores, calls, writes),
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
        "CPU ms/object": _cpu_ms(before, after) / len(numbers),
        "CPU s": _cpu_ms(before, after) / 1000,
        **_queue(one, before, after),
        "RSS MiB": after.usage.rss_mib,
        "RSS KiB/object": (after.usage.rss_mib - before.usage.rss_mib) * 1024 / len(numbers),
        **await _per_store(place, len(numbers), before.calls, own),
    }


async def change(place: World, one: Contender, watch: ReadyWatch, load: Load) -> Figures:
    """So many changes of a spec a second, each of another store."""
    total = min(load.changes, load.stores)
    say(f"{one.name}: {total} changes at {load.changes_per_second}/s")
    before, sent = await mark(place, one), dict[tuple[str, int], float]()
    began = time.monotonic()
    limit = asyncio.Semaphore(64)

    async def patch(number: int) -> None:
        async with limit:
            name = f"store-{number % load.stores:05}"
            spec = {"spec": {"city": f"Lisbon {number}"}}
            at = time.monotonic()
            item = await place.server.ask("PATCH", f"{STORES}/{name}", spec, content=MERGE)
            sent[name, item["metadata"]["generation"]] = at

    tasks = []
    for number in range(total):
        due = began + number / load.changes_per_second
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        tasks.append(asyncio.create_task(patch(number)))
    await asyncio.gather(*tasks)
    offered = time.monotonic() - began
    last = {name: max(made for one, made in sent if one == name) for name, _ in sent}
    deadline = time.monotonic() + PATIENCE_S
    while any((name, made) not in watch.ready_at for name, made in last.items()):
        assert time.monotonic() < deadline, "changed stores are not Ready"
        await asyncio.sleep(0.05)
    after = await mark(place, one)
    took = [_ready_after(watch, name, made, at) for (name, made), at in sent.items()]
    cuts = quantiles(took, n=100, method="inclusive")
    return {
        "offered/s": total / offered,
        "changes/s": total / (max(watch.ready_at[key] for key in last.items()) - began),
        "update → Ready p50 s": cuts[49],
        "update → Ready p99 s": cuts[98],
        "CPU ms/object": _cpu_ms(before, after) / total,
        **_queue(one, before, after),
    }


async def idle(place: World, one: Contender, load: Load) -> Figures:
    """Nothing changes."""
    say(f"{one.name}: nothing for {load.idle_seconds:g} s")
    before = await mark(place, one)
    await asyncio.sleep(load.idle_seconds)
    after = await mark(place, one)
    calls = {name: count - before.calls.get(name, 0) for name, count in after.calls.items()}
    minutes = (after.at - before.at) / 60
    looked = reconciles(after.metrics) - reconciles(before.metrics)
    return {
        "writes": _diff(before.writes, after.writes),
        "CPU ms/s": _cpu_ms(before, after) / (after.at - before.at),
        "AWS calls/min": sum(n for name, n in calls.items() if _is_aws(name)) / minutes,
        "cafe calls/min": sum(n for name, n in calls.items() if not _is_aws(name)) / minutes,
        "reconciles": looked,
        "RSS MiB": after.usage.rss_mib,
        "RSS KiB/object": after.usage.rss_mib * 1024 / load.stores,
    }


async def restart(place: World, name: str, load: Load, stack: ExitStack) -> Figures:
    """All is in order, and the contender starts anew."""
    say(f"{name}: restart with {load.stores} stores")
    writes, calls = await place.server.writes(), await place.calls(reset=True)
    began = time.monotonic()
    one = stack.enter_context(contender(name, place))
    quiet_at, cpu = await _until_quiet(place, one)
    calls = await place.calls()
    text = one.metrics() if name == OURS else ""
    return {
        "quiet after s": quiet_at - began,
        "CPU s": cpu,
        "CPU ms/object": cpu / load.stores * 1000,
        "writes": _diff(writes, await place.server.writes()),
        "AWS reads": sum(n for call, n in calls.items() if _is_aws_read(call)),
        "AWS writes": sum(
            n for call, n in calls.items() if _is_aws(call) and not _is_aws_read(call)
        ),
        "RSS MiB": one.usage().rss_mib,
        **({"queue p99 s": quantile(text, QUEUE, 0.99)} if text else {}),
    }


async def throttled(place: World, one: Contender, watch: ReadyWatch, load: Load) -> Figures:
    """A share of AWS's calls is refused, and owners create more stores."""
    count = max(10, load.stores // 10)
    say(f"{one.name}: {count} more stores, {load.throttled_share:.0%} of AWS calls throttled")
    if one.name == OURS:
        await asyncio.to_thread(wait_leading, one)
    await _until_quiet(place, one)
    await place.throttle(load.throttled_share)
    before = await mark(place, one)
    await create_stores(place.server, range(load.stores, load.stores + count))
    ended = await watch.until(load.stores + count, seconds=PATIENCE_S)
    after = await mark(place, one)
    refused = sum(
        n - before.calls.get(call, 0)
        for call, n in after.calls.items()
        if call.startswith("throttled")
    )
    await place.throttle(0.0)
    return {
        "all Ready after s": ended - before.at,
        "refused calls": refused,
        "CPU ms/object": _cpu_ms(before, after) / count,
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


async def mark(place: World, one: Contender) -> Mark:
    """Note where everything stands."""
    return Mark(
        time.monotonic(),
        one.usage(),
        await place.server.writes(),
        await place.calls(),
        one.metrics() if one.name == OURS else "",
    )


async def _until_quiet(place: World, one: Contender) -> tuple[float, float]:
    """Wait until a contender has used less than 5 % of a core for three seconds; since when."""
    quiet_for, moments = 0, [(time.monotonic(), 0.0)]
    while quiet_for < 3 or moments[-1][1] < 1.0:  # its start alone takes a second of CPU
        await asyncio.sleep(1.0)
        moments.append((time.monotonic(), one.usage().cpu_seconds))
        (earlier, before), (later, now) = moments[-2:]
        quiet_for = quiet_for + 1 if now - before < 0.05 * (later - earlier) else 0
        assert len(moments) < PATIENCE_S, f"{one.name} does not come to rest"
    return moments[-4]


async def _per_store(
    place: World, count: int, calls: Mapping[str, int], writes: Mapping[str, float]
) -> Figures:
    now = await place.calls()
    made = {name: n - calls.get(name, 0) for name, n in now.items()}
    later = await place.server.writes()
    events = later.get("POST events", 0) - writes.get("POST events", 0)
    return {
        "API writes/store": (_diff(writes, later)) / count,
        "events/store": events / count,
        "AWS reads/store": sum(n for call, n in made.items() if _is_aws_read(call)) / count,
        "AWS writes/store": sum(
            n for call, n in made.items() if _is_aws(call) and not _is_aws_read(call)
        ) / count,
        "cafe calls/store": sum(n for call, n in made.items() if not _is_aws(call)) / count,
    }  # fmt: skip


def _diff(before: Mapping[str, float], after: Mapping[str, float]) -> float:
    """Return the writes between, events apart."""
    names = [name for name in after if not name.endswith(" events")]
    return sum(after[name] - before.get(name, 0) for name in names)


def _queue(one: Contender, before: Mark, after: Mark) -> Figures:
    if one.name != OURS:
        return {}
    return {
        f"queue p{share * 100:.0f} s": quantile(after.metrics, QUEUE, share, before=before.metrics)
        for share in (0.5, 0.99)
    }


def _ready_after(watch: ReadyWatch, name: str, made: int, sent: float) -> float:
    """Return the seconds until this change, or a later one of the same store, was Ready."""
    return min(
        at for (one, generation), at in watch.ready_at.items()
        if one == name and generation >= made
    ) - sent  # fmt: skip


def _cpu_ms(before: Mark, after: Mark) -> float:
    return (after.usage.cpu_seconds - before.usage.cpu_seconds) * 1000


def _is_aws(call: str) -> bool:
    return not call.startswith(("cafe:", "throttled"))


def _is_aws_read(call: str) -> bool:
    return _is_aws(call) and call.partition(":")[2].startswith(READS)
