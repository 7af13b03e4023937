"""Where the counters stand, and what lies between two readings. Used by `scenarios.py`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from tests.bench.contenders import OURS, Contender, quantile
from tests.bench.stand_in import LOOKED
from tests.bench.world import Usage, World

PATIENCE_S = 2700.0
QUEUE = "cloudcafe_queue_latency_seconds"
READS = ("Get", "List", "Describe", "BatchGet")
Figures = dict[str, float]


@dataclass
class Mark:
    """Where the counters stood."""

    at: float
    usage: Usage
    writes: Mapping[str, float]
    calls: Mapping[str, int]
    metrics: str


async def mark(place: World, one: Contender) -> Mark:
    """Note where everything stands."""
    return Mark(
        time.monotonic(),
        one.usage(),
        await place.server.writes(),
        await place.calls(),
        one.metrics() if one.name == OURS else "",
    )


async def until_quiet(place: World, one: Contender) -> tuple[float, float]:
    """Wait until a contender has used less than 15 % of a core for three seconds; since when."""
    quiet_for, moments = 0, [(time.monotonic(), 0.0)]
    while quiet_for < 3 or moments[-1][1] < 1.0:  # its start alone takes a second of CPU
        await asyncio.sleep(1.0)
        moments.append((time.monotonic(), one.usage().cpu_seconds))
        (earlier, before), (later, now) = moments[-2:]
        quiet_for = quiet_for + 1 if now - before < 0.15 * (later - earlier) else 0
        assert len(moments) < PATIENCE_S, f"{one.name} does not come to rest"
    return moments[-4]


async def per_store(
    place: World, count: int, calls: Mapping[str, int], writes: Mapping[str, float]
) -> Figures:
    now = await place.calls()
    made = {name: n - calls.get(name, 0) for name, n in now.items()}
    later = await place.server.writes()
    events = later.get("POST events", 0) - writes.get("POST events", 0)
    return {
        "API writes/store": (diff(writes, later)) / count,
        "events/store": events / count,
        "AWS reads/store": sum(n for call, n in made.items() if is_aws_read(call)) / count,
        "AWS writes/store": sum(
            n for call, n in made.items() if is_aws(call) and not is_aws_read(call)
        ) / count,
        "cafe calls/store": sum(n for call, n in made.items() if is_cafe(call)) / count,
    }  # fmt: skip


def diff(before: Mapping[str, float], after: Mapping[str, float]) -> float:
    """Return the writes between, events apart."""
    names = [name for name in after if not name.endswith(" events")]
    return sum(after[name] - before.get(name, 0) for name in names)


def queue(one: Contender, before: Mark, after: Mark) -> Figures:
    if one.name != OURS:
        return {}
    return {
        f"queue p{share * 100:.0f} s": quantile(after.metrics, QUEUE, share, before=before.metrics)
        for share in (0.5, 0.99)
    }


def cpu_ms(before: Mark, after: Mark) -> float:
    return (after.usage.cpu_seconds - before.usage.cpu_seconds) * 1000


def is_aws(call: str) -> bool:
    return not call.startswith(("cafe:", "throttled", LOOKED))


def is_cafe(call: str) -> bool:
    return call.startswith("cafe:")


def is_aws_read(call: str) -> bool:
    return is_aws(call) and call.partition(":")[2].startswith(READS)
