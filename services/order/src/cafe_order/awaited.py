"""Messages that are parked for a store's queue or table: sent as soon as it takes them again.

A worker of the relay's kind, in every replica. Each round tries the oldest of each queue; where
they arrive, the rest follows at once. So a queue that stays away costs one call a round however
much waits for it, and what waits for it is neither claimed nor counted by the relay.

A queue or table that no store names any more went with its store. What waits for it is forgotten
after as many days as the queue itself would have kept it. All of them are called queues here.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Protocol

import structlog
from cafe_kit.database import Database
from cafe_kit.errors import UnavailableError
from cafe_kit.workers import wait_or_stop

from cafe_order import events
from cafe_order.destinations import SQS_BATCH, Delivered, Destination, Park
from cafe_order.outbox import Batch, OutboxRow, Settlement
from cafe_order.relay import Claimed, RelayMetrics

log = structlog.get_logger()

ROUND_SECONDS = 15.0
MOST_QUEUES = 1000
KEPT_DAYS = 4
"""As the operator sets MessageRetentionPeriod of the stores' queues."""
AT_ONCE = 2

NAMED = {events.TICKETS: "tickets_queue", events.STORE_HISTORY: "orders_table"}
"""Where a store says which one is its own."""

# Skips from queue to queue in the index, however many messages each has.
QUEUES = """
WITH RECURSIVE known AS (
    (SELECT parked_for FROM outbox WHERE parked_for IS NOT NULL ORDER BY parked_for LIMIT 1)
    UNION ALL
    SELECT (SELECT o.parked_for FROM outbox o WHERE o.parked_for > known.parked_for
            ORDER BY o.parked_for LIMIT 1)
    FROM known WHERE known.parked_for IS NOT NULL
)
SELECT parked_for FROM known WHERE parked_for IN (SELECT {named} FROM stores) LIMIT $1
"""

FORGET = """
DELETE FROM outbox WHERE parked_for IS NOT NULL AND created_at < now() - make_interval(days => $1)
    AND destination = $2
    AND parked_for NOT IN (SELECT {named} FROM stores WHERE {named} IS NOT NULL)
"""

CLAIM_PARKED = """
SELECT id, id AS newest_id, order_id, kind, payload, trace_id, attempts FROM outbox
WHERE parked_for = $1 ORDER BY id LIMIT $2
FOR UPDATE SKIP LOCKED
"""


class Awaited(Protocol):
    """What is parked for queues."""

    async def queues(self) -> list[str]:
        """The queues of stores that something waits for; not more than a bound."""
        ...

    async def forget(self) -> int:
        """Delete what waited too long for a queue that is no store's; returns how many."""
        ...

    def claim(self, queue: str, limit: int) -> AbstractAsyncContextManager[Claimed]:
        """Lock the oldest for the time of the block."""
        ...


class PostgresAwaited:
    """The same in the outbox table."""

    def __init__(self, database: Database, destination: str) -> None:
        self._database = database
        self._destination = destination
        self._queues = QUEUES.format(named=NAMED[destination])
        self._forget = FORGET.format(named=NAMED[destination])

    async def queues(self) -> list[str]:
        """The queues of stores that something waits for; not more than a bound."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(self._queues, MOST_QUEUES)
        return [row["parked_for"] for row in rows]

    async def forget(self) -> int:
        """Delete what waited too long for a queue that is no store's; returns how many."""
        async with self._database.connection() as connection:
            tag: str = await connection.execute(self._forget, KEPT_DAYS, self._destination)
        return int(tag.removeprefix("DELETE "))

    @asynccontextmanager
    async def claim(self, queue: str, limit: int) -> AsyncIterator[Batch]:
        """Lock the oldest for the time of the block."""
        async with self._database.transaction() as connection:
            rows = await connection.fetch(CLAIM_PARKED, queue, limit)
            yield Batch(connection, self._destination, [OutboxRow(**row) for row in rows])


class Redelivery:
    """Sends what is parked, once its queue is there again."""

    def __init__(
        self,
        destination: Destination,
        awaited: Awaited,
        metrics: RelayMetrics,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._destination = destination
        self._awaited = awaited
        self._metrics = metrics
        self._clock = clock

    async def run(self, stopping: asyncio.Event) -> None:
        """Worker: a round, and a pause of about a quarter of a minute."""
        while not stopping.is_set():
            try:
                await self.run_once()
                if forgotten := await self._awaited.forget():
                    log.warning("messages went with their stores", messages=forgotten)
            except UnavailableError as error:
                log.debug("nothing sent again", why=error.detail)
            await wait_or_stop(stopping, ROUND_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311 - jitter

    async def run_once(self) -> int:
        """Try each queue; returns how many messages arrived."""
        room = asyncio.Semaphore(AT_ONCE)

        async def try_one(queue: str) -> int:
            async with room:
                return await self._send_all(queue)

        queues = await self._awaited.queues()
        return sum(await asyncio.gather(*(try_one(queue) for queue in queues)))

    async def _send_all(self, queue: str) -> int:
        """Send until nothing is left, or the queue does not take it."""
        sent = 0
        while True:
            async with self._awaited.claim(queue, SQS_BATCH) as batch:
                if not batch.rows:
                    break
                settlement = await self._try(batch.rows)
                await batch.settle(settlement)
            sent += len(settlement.delivered)
            if len(settlement.delivered) + len(settlement.parked) < len(batch.rows):
                return sent  # it stays as it is parked
        if sent:
            log.info("a queue is there again", queue=queue, sent=sent)
        return sent

    async def _try(self, rows: Sequence[OutboxRow]) -> Settlement:
        newest_only = self._destination.newest_only
        lines = {row.order_id if newest_only else row.id: row for row in rows}
        answers = await self._destination.deliver(list(lines.values()))
        outcomes = dict(zip(lines, answers, strict=True))
        delivered, hopeless = [], []
        for row in rows:
            outcome = outcomes[row.order_id if newest_only else row.id]
            if isinstance(outcome, Delivered):
                delivered.append(row)
            elif isinstance(outcome, Park) and outcome.until is None:
                hopeless.append((row.id, outcome.reason[:500], None))
        self._metrics.outcomes.labels(self._destination.name, "delivered").inc(len(delivered))
        return Settlement(self._clock(), delivered, parked=hopeless)
