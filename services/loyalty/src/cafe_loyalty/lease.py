"""One replica at a time does a worker's work; the others stand by. Used for the stream's consumer.

The lease is a key in MemoryDB that ends by itself. It only saves double work: a holder that was
asleep may work beside its successor for a moment, and what they do must bear that.
"""

import asyncio
import secrets
import time
from collections.abc import Callable

import structlog
from cafe_kit.errors import UnavailableError
from cafe_kit.redis import RedisStore
from cafe_kit.workers import Worker, wait_or_stop
from prometheus_client import CollectorRegistry, Gauge

from cafe_loyalty import scripts

log = structlog.get_logger()


class Lease:
    """A lease by name; each process holds it under a name of its own."""

    def __init__(self, store: RedisStore, name: str, *, seconds: float) -> None:
        self._store = store
        self._key = f"loyalty:lease:{name}"
        self._holder = secrets.token_hex(8)
        self._ms = round(seconds * 1000)
        self._renew = store.client.register_script(scripts.RENEW)
        self._release = store.client.register_script(scripts.RELEASE)

    async def take(self) -> bool:
        """Take it if nobody holds it.

        Raises:
            UnavailableError: MemoryDB is away; so for every method here.
        """
        async with self._store.translated():
            return bool(await self._store.client.set(self._key, self._holder, nx=True, px=self._ms))

    async def renew(self) -> bool:
        """Hold it on; False when it is somebody else's or ran out."""
        async with self._store.translated():
            return bool(await self._renew(keys=[self._key], args=[self._holder, self._ms]))

    async def release(self) -> None:
        """Let a successor in at once; nothing if it is not ours."""
        async with self._store.translated():
            await self._release(keys=[self._key], args=[self._holder])


class Leased:
    """A worker that works while it holds a lease of `seconds`."""

    def __init__(
        self,
        worker: Worker,
        lease: Lease,
        *,
        seconds: float,
        registry: CollectorRegistry,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._worker = worker
        self._lease = lease
        self._seconds = seconds
        self._clock = clock
        self._held = Gauge(
            "cafe_loyalty_lease_held", "1 = this replica reads the stream.", registry=registry
        )

    async def run(self, stopping: asyncio.Event) -> None:
        """Worker: wait for the lease, work while it lasts, begin again."""
        while not stopping.is_set():
            if await self._taken():
                await self._work(stopping)
            else:
                await wait_or_stop(stopping, self._seconds / 3)

    async def _taken(self) -> bool:
        try:
            return await self._lease.take()
        except UnavailableError as error:
            log.debug("no lease", why=error.detail)
            return False

    async def _work(self, stopping: asyncio.Event) -> None:
        log.info("lease taken")
        self._held.set(1)
        enough = asyncio.Event()
        working = asyncio.ensure_future(self._worker(enough))
        try:
            await self._renew_until(stopping, working)
            enough.set()
            await working
        finally:
            self._held.set(0)
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            await self._let_go()

    async def _renew_until(self, stopping: asyncio.Event, working: asyncio.Future[None]) -> None:
        """Return when the lease is lost, the work has ended, or we stop."""
        sure_until = self._clock() + self._seconds
        while not stopping.is_set() and not working.done():
            await wait_or_stop(stopping, self._seconds / 3)
            asked_at = self._clock()
            try:
                if not await self._lease.renew():
                    log.warning("lease lost")
                    return
                sure_until = asked_at + self._seconds
            except UnavailableError as error:
                if self._clock() >= sure_until:
                    log.warning("lease lost", why=error.detail)
                    return

    async def _let_go(self) -> None:
        try:
            await self._lease.release()
        except UnavailableError as error:
            log.info("lease runs out by itself", why=error.detail)
