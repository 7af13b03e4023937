"""What runs beside the requests: workers, kept running and stopped in time.

Used by `app.py`, which starts them, and by the workers themselves.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

log = structlog.get_logger()

Worker = Callable[[asyncio.Event], Awaitable[None]]
"""Runs until the event is set; it then finishes what it is at and returns."""

RESTART_SECONDS = 1.0


async def supervise(name: str, worker: Worker, stopping: asyncio.Event) -> None:
    """Keep a worker running until we stop: one bad moment must not end it for good."""
    while not stopping.is_set():
        try:
            await worker(stopping)
        except Exception:  # logged whole; the process serves on and the worker starts again
            log.exception("worker failed", worker=name)
        await wait_or_stop(stopping, RESTART_SECONDS)


async def finish(tasks: Sequence[asyncio.Task[None]], seconds: float) -> None:
    """Wait for stopping workers; those that take too long are cancelled."""
    _, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        log.warning("worker cancelled", worker=task.get_name())
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)


async def wait_or_stop(stopping: asyncio.Event, seconds: float) -> None:
    """Sleep, but return at once when the process is stopping."""
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return
