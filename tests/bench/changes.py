"""Owners change their stores at a given pace. Used by `scenarios.py`."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from statistics import quantiles

from dev.steps import say
from tests.bench.contenders import Contender
from tests.bench.counters import PATIENCE_S, Figures, cpu_ms, diff, mark, queue
from tests.bench.world import MERGE, STORES, ReadyWatch, World

APART = "change, API server apart"  # the scenario of `apart.py`
RUSH, RUSH_SECONDS = 300, 30  # changes a second of the aims, and for how long they last
STEADY, STEADY_SECONDS = 100, 10  # changes a second that two cores bear, API server and all


@dataclass(frozen=True)
class Changes:
    """How many, of so many stores by turns, and how many a second are offered."""

    total: int
    per_second: int
    stores: int


async def change(place: World, one: Contender, watch: ReadyWatch, asked: Changes) -> Figures:
    """So many changes of a spec a second, of one store after the other."""
    say(f"{one.name}: {asked.total} changes at {asked.per_second}/s")
    before, sent = await mark(place, one), dict[tuple[str, int], float]()
    began = time.monotonic()
    limit = asyncio.Semaphore(64)

    async def patch(number: int) -> None:
        async with limit:
            name = f"store-{number % asked.stores:05}"
            spec = {"spec": {"city": f"Lisbon {began:.3f} {number}"}}  # as it never was
            at = time.monotonic()
            item = await place.server.ask("PATCH", f"{STORES}/{name}", spec, content=MERGE)
            sent[name, item["metadata"]["generation"]] = at

    tasks = []
    for number in range(asked.total):
        due = began + number / asked.per_second
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        tasks.append(asyncio.create_task(patch(number)))
    await asyncio.gather(*tasks)
    offered = time.monotonic() - began
    last = {name: max(made for one, made in sent if one == name) for name, _ in sent}
    deadline = time.monotonic() + PATIENCE_S
    while missing := [key for key in last.items() if key not in watch.ready_at]:
        watch.check()
        assert time.monotonic() < deadline, f"changed and not Ready: {missing[:5]}"
        await asyncio.sleep(0.05)
    after = await mark(place, one)
    took = [_ready_after(watch, name, made, at) for (name, made), at in sent.items()]
    cuts = quantiles(took, n=100, method="inclusive")
    return {
        "offered/s": asked.total / offered,
        "changes/s": asked.total / (max(watch.ready_at[key] for key in last.items()) - began),
        "update → Ready p50 s": cuts[49],
        "update → Ready p99 s": cuts[98],
        "CPU ms/object": cpu_ms(before, after) / asked.total,
        "API writes/change": diff(before.writes, after.writes) / asked.total - 1,
        **queue(one, before, after),
    }


def _ready_after(watch: ReadyWatch, name: str, made: int, sent: float) -> float:
    """Return the seconds until this change, or a later one of the same store, was Ready."""
    return min(
        at for (one, generation), at in watch.ready_at.items()
        if one == name and generation >= made
    ) - sent  # fmt: skip
