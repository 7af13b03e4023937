"""The health port: /livez, /readyz and /metrics, and the watch over the event loop.

Kubernetes probes and Prometheus call it. A standby without the Lease is ready: it is a replica that
does what it should. `main.py` sets what readiness waits for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from cloudcafe_operator import metrics
from cloudcafe_operator.ports import Clock

LONGEST_LAG_SECONDS = 10.0
SAMPLE_SECONDS = 0.05


class Health:
    """What the probes are told. `starting` empty means ready."""

    def __init__(self) -> None:
        self.starting = "the operator is starting"
        self.role = "standby"
        self.lag = 0.0

    async def livez(self, _request: web.Request) -> web.Response:
        """Alive: the event loop answers, and was not stuck just now."""
        stuck = self.lag > LONGEST_LAG_SECONDS
        return web.Response(status=503 if stuck else 200, text="stuck\n" if stuck else "ok\n")

    async def readyz(self, _request: web.Request) -> web.Response:
        """Ready: what is needed has come, whether leading or standing by."""
        if self.starting:
            return web.Response(status=503, text=f"{self.starting}\n")
        return web.Response(text=f"ok, {self.role}\n")

    async def metrics(self, _request: web.Request) -> web.Response:
        """All metrics in Prometheus's text format."""
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def serve(health: Health, *, host: str, port: int) -> Callable[[], Awaitable[None]]:
    """Listen; returns the function that stops it."""
    app = web.Application()
    app.router.add_get("/livez", health.livez)
    app.router.add_get("/readyz", health.readyz)
    app.router.add_get("/metrics", health.metrics)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner.cleanup


async def watch_loop(health: Health, clock: Clock) -> None:
    """Measure how late the event loop is, until cancelled.

    On a busy machine late is not blocked: the process may just not run. So the worst is noted as
    far as the loop's own thread used the processor meanwhile.
    """
    worst = 0.0
    while True:
        before, used = clock.monotonic(), time.thread_time()
        await asyncio.sleep(SAMPLE_SECONDS)
        health.lag = max(0.0, clock.monotonic() - before - SAMPLE_SECONDS)
        metrics.loop_lag.observe(health.lag)
        worst = max(worst, min(health.lag, time.thread_time() - used))
        metrics.loop_busy_max.set(worst)
