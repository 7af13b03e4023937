"""Liveness, readiness and startup, dependency by dependency.

Services start in any order: nothing is connected while the process starts. Each dependency is
tried in the background until it answers, and watched from then on. `admin.py` serves the result.

Readiness is deliberately lenient once a service has been ready. When a *shared* dependency goes
away, all replicas are hit alike; taking them all out of the Service would turn an honest 503 with
Retry-After into refused connections and would delay recovery by a probe period. Only a replica
that reaches *none* of its dependencies for `isolation_grace_seconds` is likely to be cut off
itself, and steps aside for its peers.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from cafe_kit.metrics import Metrics
from cafe_kit.workers import wait_or_stop

log = structlog.get_logger()

CHECK_SECONDS = 2.0
CHECK_TIMEOUT_SECONDS = 2.0
FIRST_RETRY_SECONDS = 0.25
NOT_TRIED = "not tried yet"


@dataclass
class Dependency:
    """Something this service talks to. `check` raises when it does not answer."""

    name: str
    check: Callable[[], Awaitable[None]]
    required: bool = True
    up: bool = field(default=False, init=False)
    seen: bool = field(default=False, init=False)
    since: float = field(default_factory=time.monotonic, init=False)
    error: str = field(default=NOT_TRIED, init=False)

    def record(self, error: str | None) -> bool:
        """Note one check's outcome; returns whether that is news."""
        changed = self.up != (error is None)
        news = changed or self.error == NOT_TRIED
        if changed:
            self.since = time.monotonic()
        self.up = error is None
        self.seen = self.seen or self.up
        self.error = error or ""
        return news

    def document(self) -> dict[str, object]:
        """How it is, and since when."""
        return {
            "name": self.name,
            "up": self.up,
            "required": self.required,
            "forSeconds": round(time.monotonic() - self.since, 1),
            **({"error": self.error} if self.error else {}),
        }


class Health:
    """The state of this process and of all it depends on."""

    def __init__(self, metrics: Metrics, *, isolation_grace_seconds: float = 10.0) -> None:
        self._metrics = metrics
        self._grace = isolation_grace_seconds
        self.dependencies: list[Dependency] = []
        self.draining = False

    def depends_on(
        self, name: str, check: Callable[[], Awaitable[None]], *, required: bool = True
    ) -> None:
        """Declare a dependency; `required` ones must have answered once before we are ready."""
        self.dependencies.append(Dependency(name, check, required))

    @property
    def started(self) -> bool:
        """All required dependencies have answered at least once."""
        return all(d.seen for d in self.dependencies if d.required)

    @property
    def isolated(self) -> bool:
        """Nothing at all has answered for longer than the grace: the fault is likely here."""
        now = time.monotonic()
        return bool(self.dependencies) and all(
            not d.up and now - d.since > self._grace for d in self.dependencies
        )

    @property
    def ready(self) -> bool:
        """Whether the Service should route to this replica."""
        return self.started and not self.draining and not self.isolated

    def document(self) -> dict[str, object]:
        """What /readyz answers."""
        return {
            "ready": self.ready,
            "draining": self.draining,
            "isolated": self.isolated,
            "dependencies": [d.document() for d in self.dependencies],
        }

    def document_of(self, name: str) -> dict[str, object] | None:
        """What /readyz/<name> answers; None for what we do not depend on."""
        return next((d.document() for d in self.dependencies if d.name == name), None)

    async def check_once(self, dependency: Dependency) -> None:
        """Try one dependency, bounded in time, and note the outcome."""
        error: str | None = None
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
                await dependency.check()
        except TimeoutError:
            error = f"no answer within {CHECK_TIMEOUT_SECONDS:g} s"
        except Exception as failure:  # noqa: BLE001 - whatever a client raises means "down"
            error = f"{type(failure).__name__}: {failure}"
        if dependency.record(error):
            log.info("dependency changed", dependency=dependency.name, up=not error, error=error)
        self._metrics.dependency_up.labels(dependency.name).set(dependency.up)

    async def watch(self, stopping: asyncio.Event) -> None:
        """Worker: check every dependency for ever, each at its own pace."""
        async with asyncio.TaskGroup() as group:
            for dependency in self.dependencies:
                group.create_task(self._watch_one(dependency, stopping))

    async def _watch_one(self, dependency: Dependency, stopping: asyncio.Event) -> None:
        pause = FIRST_RETRY_SECONDS
        while not stopping.is_set():
            await self.check_once(dependency)
            pause = CHECK_SECONDS if dependency.up else min(pause * 2, CHECK_SECONDS)
            await wait_or_stop(stopping, pause)
