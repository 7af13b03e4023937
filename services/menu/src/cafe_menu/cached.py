"""Menus read through the cache: cache-aside, and old copies while the database is away.

`CachedMenus` is a store of menus (the port of `service.py`) around another. It promises:

- a copy younger than `fresh_seconds` is served as it is, so that is also how long a menu can be out
  of date whose change did not reach the cache;
- while the database is away or slow, an older copy is served, marked as stale, for as long as the
  cache keeps it;
- while the cache is away, the database is asked, and only one request a second tries the cache;
- one read of a store's menu is under way at a time, however many requests wait for it.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

import structlog
from cafe_kit.errors import UnavailableError

from cafe_menu.cache import Cache, Found
from cafe_menu.cache_metrics import CacheMetrics
from cafe_menu.models import MenuInput, MenuSummary, MenuView, Reading
from cafe_menu.service import Menus

log = structlog.get_logger()

HOLD_OFF_SECONDS = 1.0
STALE_PATIENCE_SECONDS = 0.25
"""Nobody waits longer for a slow database when there is a copy that still serves."""


class HoldOff:
    """Leaves what failed alone for a while; then one caller at a time tries it."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._failing = False
        self._until = 0.0

    def may_try(self) -> bool:
        """Whether the caller may try now, and has then to tell how it went."""
        if not self._failing:
            return True
        now = self._clock()
        if now < self._until:
            return False
        self._until = now + self._seconds
        return True

    def failed(self) -> bool:
        """It failed; returns whether that is news."""
        news = not self._failing
        self._failing = True
        self._until = self._clock() + self._seconds
        return news

    def succeeded(self) -> bool:
        """It works; returns whether that is news."""
        news = self._failing
        self._failing = False
        return news


class CachedMenus:
    """Menus of `menus`, with copies in `cache`."""

    def __init__(
        self,
        menus: Menus,
        cache: Cache,
        *,
        fresh_seconds: float,
        metrics: CacheMetrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._menus = menus
        self._cache = cache
        self._fresh = fresh_seconds
        self._metrics = metrics
        self._clock = clock
        self._cache_hold = HoldOff(HOLD_OFF_SECONDS, clock)
        self._database_hold = HoldOff(HOLD_OFF_SECONDS, clock)
        self._under_way: dict[str, asyncio.Task[Reading]] = {}

    async def menu(self, store_id: str) -> Reading:
        """A store's menu."""
        found = await self._look(store_id)
        if found is None:
            self._metrics.request("bypass")
            return await asyncio.shield(self._shared_read(store_id, ""))
        copy = found.copy
        if copy is None:
            self._metrics.request("miss")
            return await asyncio.shield(self._shared_read(store_id, found.lease))
        if copy.age_seconds < self._fresh:
            self._metrics.request("hit")
            return copy
        return await self._newer_than(copy, store_id, found.lease)

    async def put(self, store_id: str, menu: MenuInput) -> MenuView:
        """Replace it, in the database and then in the cache."""
        found = await self._look(store_id)
        view = await self._menus.put(store_id, menu)
        await self._written(store_id, Reading(view.version, view), found)
        return view

    async def delete(self, store_id: str) -> int:
        """Forget it; the cache keeps a tombstone."""
        found = await self._look(store_id)
        version = await self._menus.delete(store_id)
        await self._written(store_id, Reading(version, None), found)
        return version

    async def page(self, after: str, limit: int) -> list[MenuSummary]:
        """Straight from the database: rare, and for the platform."""
        return await self._menus.page(after, limit)

    async def _look(self, store_id: str) -> Found | None:
        """What the cache has; None when it is away."""
        if not self._cache_hold.may_try():
            return None
        try:
            found = await self._cache.look(store_id)
        except UnavailableError as error:
            self._cache_failed(error)
            return None
        if self._cache_hold.succeeded():
            log.info("cache is back")
        return found

    async def _newer_than(self, copy: Reading, store_id: str, lease: str) -> Reading:
        """The database's menu; the copy if that takes too long."""
        if self._database_hold.may_try():
            try:
                async with asyncio.timeout(STALE_PATIENCE_SECONDS):
                    reading = await asyncio.shield(self._shared_read(store_id, lease))
            except (UnavailableError, TimeoutError) as error:
                if self._database_hold.failed():
                    log.warning("stale menus are served", why=str(error) or type(error).__name__)
            else:
                self._metrics.request("expired")
                return reading
        self._metrics.request("stale")
        return replace(copy, stale=True)

    def _shared_read(self, store_id: str, lease: str) -> asyncio.Task[Reading]:
        task = self._under_way.get(store_id)
        if task is None:
            task = asyncio.create_task(self._read(store_id, lease))
            self._under_way[store_id] = task
            task.add_done_callback(lambda done: self._landed(store_id, done))
        return task

    def _landed(self, store_id: str, task: asyncio.Task[Reading]) -> None:
        if self._under_way.get(store_id) is task:
            del self._under_way[store_id]
        if not task.cancelled():
            task.exception()  # seen here too, should every waiter have left

    async def _read(self, store_id: str, lease: str) -> Reading:
        began = self._clock()
        reading = await self._menus.menu(store_id)
        if self._database_hold.succeeded():
            log.info("database is back")
        if lease:
            aged = replace(reading, age_seconds=self._clock() - began)
            try:
                kept = await self._cache.fill(store_id, aged, lease)
            except UnavailableError as error:
                self._cache_failed(error)
                self._metrics.write("lost")
            else:
                self._metrics.write("stored" if kept else "refused")
        return reading

    async def _written(self, store_id: str, reading: Reading, before: Found | None) -> None:
        """After a change. The cache is always tried: a lost change is worse than a slow one."""
        # whoever asks from now on must not wait for a read that began before the change
        self._under_way.pop(store_id, None)
        try:
            kept = await self._cache.write(store_id, reading, before.lease if before else "")
        except UnavailableError as error:
            self._cache_failed(error)
            self._metrics.write("lost")
            log.warning("cache missed a change", store=store_id, version=reading.version)
        else:
            self._metrics.write("stored" if kept else "refused")

    def _cache_failed(self, error: UnavailableError) -> None:
        if self._cache_hold.failed():
            log.warning("cache is away", why=error.detail)
