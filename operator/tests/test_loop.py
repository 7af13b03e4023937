"""The watch over the event loop tells a loop that was blocked from one that was not."""

import asyncio
import time

from cloudcafe_operator import metrics
from cloudcafe_operator.effects.clock import SystemClock
from cloudcafe_operator.effects.health import SAMPLE_SECONDS, Health, watch_loop


def compute(seconds):
    """Keep the thread busy, as a handler must never do."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


async def worst_while(work):
    health = Health()
    watching = asyncio.create_task(watch_loop(health, SystemClock()))
    await asyncio.sleep(SAMPLE_SECONDS * 2)
    work()
    await asyncio.sleep(SAMPLE_SECONDS * 2)
    watching.cancel()
    return metrics.loop_busy_max._value.get()


async def test_a_handler_that_computes_too_long_is_seen():
    assert await worst_while(lambda: compute(0.2)) > 0.1


async def test_a_loop_that_only_waits_is_never_busy():
    assert await worst_while(lambda: None) < 0.05
