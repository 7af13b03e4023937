"""AWS refuses a share of the calls, or is as slow with alarms as it is. Used by `scenarios.py`."""

from __future__ import annotations

from collections.abc import AsyncIterator

from dev.steps import say
from tests.bench.contenders import OURS, Contender
from tests.bench.counters import PATIENCE_S, Figures, cpu_ms, mark
from tests.bench.world import ReadyWatch, World, create_stores

THROTTLED_SHARE = 0.2
ALARMS_PER_SECOND = 3.0  # AWS's quota for PutMetricAlarm, unless it is raised
MOST_THROTTLED = 100
MOST_IN_LINE = 10  # of a contender that makes nothing while it waits for an alarm: 30 s


async def refused(
    place: World, one: Contender, watch: ReadyWatch, stores: int
) -> AsyncIterator[tuple[str, Figures]]:
    """Yield each scenario's name and figures: owners create more stores than the ones there."""
    count, first = max(10, min(MOST_THROTTLED, stores // 10)), stores
    await place.throttle(THROTTLED_SHARE)
    made = range(first, first + count)
    yield f"{THROTTLED_SHARE:.0%} throttled", await _while_refused(place, one, watch, made)
    await place.throttle(0.0, cloudwatch_PutMetricAlarm=ALARMS_PER_SECOND)
    in_line = count if one.name == OURS else min(count, MOST_IN_LINE)
    made = range(first + count, first + count + in_line)
    yield "alarms at AWS's rate", await _while_refused(place, one, watch, made)
    await place.throttle(0.0)


async def _while_refused(
    place: World, one: Contender, watch: ReadyWatch, numbers: range
) -> Figures:
    say(f"{one.name}: {len(numbers)} more stores, and AWS refuses calls")
    before = await mark(place, one)
    await create_stores(place.server, numbers)
    ended = await watch.until(numbers.stop, seconds=PATIENCE_S)
    after = await mark(place, one)
    calls = sum(
        n - before.calls.get(call, 0)
        for call, n in after.calls.items()
        if call.startswith("throttled")
    )
    return {
        "all Ready after s": ended - before.at,
        "refused calls": calls,
        "CPU ms/object": cpu_ms(before, after) / len(numbers),
    }
