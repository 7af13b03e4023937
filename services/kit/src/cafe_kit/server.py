"""Serving: the public and the admin application on two ports of one event loop.

`run` is called by every service's `__main__`. On SIGTERM: unready, a pause for the routes to
change, then the public listener closes, requests in flight and workers finish within their bound,
and the admin port goes last, so that probes see the drain.
"""

import asyncio
import contextlib
import gc
import signal
from collections.abc import Iterator

import structlog
import uvicorn
import uvloop
from fastapi import FastAPI

from cafe_kit import logs
from cafe_kit.app import Application

log = structlog.get_logger()

KEEP_ALIVE_SECONDS = 75
"""Longer than any client's pool keeps a connection, or a request meets one that just closed."""


class EmbeddedServer(uvicorn.Server):
    """A uvicorn server that leaves the signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Two servers share one process, so neither may own its signals."""
        yield


def run(application: Application) -> None:
    """Serve until SIGTERM or SIGINT, then stop gracefully."""
    logs.configure(application.name, application.settings.log_level)
    # what the start has made stays: the collector need not look through it again and again
    gc.collect()
    gc.freeze()
    # with httptools 310-460 µs of CPU for a small POST, 650-740 with asyncio and h11
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(application))


async def serve(application: Application) -> None:
    """The life of a service process."""
    settings = application.settings
    public = _server(application.public, settings.public_port, application)
    admin = _server(application.admin, settings.admin_port, application)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    admin_task = asyncio.create_task(admin.serve(), name="admin")
    public_task = asyncio.create_task(public.serve(), name="public")
    async with application.running():
        log.info("serving", public=settings.public_port, admin=settings.admin_port)
        stopped = asyncio.create_task(stop.wait(), name="signal")
        await asyncio.wait({stopped, admin_task, public_task}, return_when=asyncio.FIRST_COMPLETED)
        application.health.draining = True
        if stopped.done():
            log.info("draining", seconds=settings.drain_delay_seconds)
            await asyncio.sleep(settings.drain_delay_seconds)
        public.should_exit = True
        await public_task
    admin.should_exit = True
    await admin_task
    stopped.cancel()
    log.info("stopped")


def _server(app: FastAPI, port: int, application: Application) -> EmbeddedServer:
    return EmbeddedServer(
        uvicorn.Config(
            app,
            host=application.settings.bind_host,
            port=port,
            lifespan="off",
            http="httptools",  # named: without it uvicorn would quietly fall back
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # nothing here asks for the client's address
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=int(application.settings.drain_timeout_seconds),
        )
    )
