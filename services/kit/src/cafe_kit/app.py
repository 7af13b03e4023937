"""The application factory: what every service is made of.

A service's own `app.py` composes an `Application` from settings, routers, dependencies and
workers; `server.run` serves it; tests use `running()` without sockets.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from fastapi import APIRouter, FastAPI

from cafe_kit import problems
from cafe_kit.admin import build_admin
from cafe_kit.auth import ServiceOnly
from cafe_kit.edge import Edge, Express
from cafe_kit.health import Health
from cafe_kit.metrics import Metrics
from cafe_kit.problems import Problem
from cafe_kit.settings import KitSettings
from cafe_kit.stress import Stress
from cafe_kit.workers import Worker, finish, supervise

COMMON_PROBLEMS = (401, 403, 413, 422, 503, 504)


@dataclass
class Application:
    """One service process: its two HTTP applications and what runs beside them."""

    name: str
    settings: KitSettings
    public: FastAPI
    metrics: Metrics
    health: Health
    stress: Stress = field(default_factory=Stress)
    express: Express = field(default_factory=dict)
    """Routes that are handled before the framework, where every microsecond counts."""
    admin_routers: list[APIRouter] = field(default_factory=list)
    """What the service adds to its admin port; its routes ask for the services' token."""
    workers: dict[str, Worker] = field(default_factory=dict)
    closers: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    finishers: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """What is left to do after the last worker, while everything is still open."""

    @property
    def admin(self) -> FastAPI:
        """The application of the admin port."""
        app = build_admin(self.name, self.settings, self.health, self.metrics, self.stress)
        for router in self.admin_routers:
            app.include_router(router, dependencies=[ServiceOnly])
        return app

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Workers and dependency checks run inside; everything is closed afterwards."""
        stopping = asyncio.Event()
        workers = {
            "health": self.health.watch,
            "loop-lag": self.metrics.watch_loop,
            **self.workers,
        }
        async with AsyncExitStack() as stack:
            for last in (self.stress.stop, *self.closers, *self.finishers):
                stack.push_async_callback(last)
            tasks = [
                asyncio.create_task(supervise(name, worker, stopping), name=name)
                for name, worker in workers.items()
            ]
            try:
                yield
            finally:
                stopping.set()
                await finish(tasks, self.settings.drain_timeout_seconds)


def build_application(
    name: str,
    title: str,
    settings: KitSettings,
    routers: Sequence[APIRouter],
    *,
    story: str = "",
) -> Application:
    """The application with its edge, problem documents and routers; nothing is connected yet.

    `story` says what in a cafe's day the CPU stress of this service stands for.
    """
    metrics = Metrics(name)
    public = FastAPI(
        title=title,
        version="1.0.0",
        redirect_slashes=False,
        # ours are in metrics.py and context.py; asking for each request whether anybody wants
        # FastAPI's cost 8 % of an order
        telemetry={"tracing": False, "metrics": False, "logs": False},
        responses={
            status: {"model": Problem, "description": "Problem (RFC 9457)"}
            for status in COMMON_PROBLEMS
        },
    )
    problems.install(public)
    # replacing the bound method is the way FastAPI documents
    public.openapi = problems.describe(public)  # type: ignore[method-assign] # FastAPI's own hook
    express: Express = {}
    public.add_middleware(Edge, settings=settings, metrics=metrics, express=express)
    public.state.settings = settings
    for router in routers:
        public.include_router(router)
    public.add_api_route("/livez", _livez, include_in_schema=False)
    health = Health(metrics, isolation_grace_seconds=settings.isolation_grace_seconds)
    return Application(
        name=name,
        settings=settings,
        public=public,
        metrics=metrics,
        health=health,
        stress=Stress(story),
        express=express,
    )


async def _livez() -> dict[str, str]:
    """For neighbours and load balancers; the kubelet asks the admin port."""
    return {"status": "alive"}
