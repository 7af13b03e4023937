"""The end of what is too old: idempotency keys, and synthetic orders. Workers of each replica.

A statement deletes a bounded number of rows, and a rest lies between two of them, so that even what
gathered for months goes beside the orders that are placed meanwhile.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from cafe_kit.errors import UnavailableError
from cafe_kit.workers import wait_or_stop

log = structlog.get_logger()

ROUND_SECONDS = 60.0
REST_SECONDS = 0.1
BATCH = 500

Delete = Callable[[int], Awaitable[int]]
"""Deletes up to so many; returns how many. Raises UnavailableError."""


class Expiring:
    """Deletes one kind."""

    def __init__(self, what: str, delete: Delete) -> None:
        self._what = what
        self._delete = delete

    async def run(self, stopping: asyncio.Event) -> None:
        """Worker: batches until one is not full, then a minute's pause."""
        while not stopping.is_set():
            full = await self.run_once() == BATCH
            await wait_or_stop(stopping, REST_SECONDS if full else ROUND_SECONDS)

    async def run_once(self) -> int:
        """Delete one batch; returns how many there were, none while the database is away."""
        try:
            return await self._delete(BATCH)
        except UnavailableError as error:
            log.debug("nothing expired", what=self._what, why=error.detail)
            return 0
