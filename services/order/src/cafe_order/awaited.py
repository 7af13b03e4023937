"""Messages that are parked for a store's queue or table: sent as soon as it takes them again.

A worker of the relay's kind, in every replica. Each round tries the oldest of each queue; where
they arrive, the rest follows at once. So a queue that stays away costs one call a round however
much waits for it, and what waits for it is neither claimed nor counted by the relay.

A store may name another queue or table while messages wait for the former one: they follow it. What
waits for a store that is gone is forgotten after as many days as its queue would have kept it. All
of them are called queues here.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass
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
MOST_FOLLOW = 1000
KEPT_DAYS = 4
"""As the operator sets MessageRetentionPeriod of the stores' queues."""
AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Own:
    """What stores have of a kind: the column of `stores` that names it, and how messages do."""

    named: str
    address: str
    """The field of a message that says where it goes."""
    content: str
    """The field that says what."""
    kept: str = "TRUE"
    """For which stores a message that waits too long is worth keeping."""


OWN = {
    # a coffee is paid: while its store lives, a person has to look
    events.TICKETS: Own("tickets_queue", "queue", "ticket"),
    # without its table, nobody is left who would read the list
    events.STORE_HISTORY: Own("orders_table", "table", "order", "s.orders_table IS NOT NULL"),
}

# Skips from queue to queue in the index, however many messages each has.
_KNOWN = """
WITH RECURSIVE known AS (
    (SELECT parked_for FROM outbox WHERE parked_for IS NOT NULL ORDER BY parked_for LIMIT 1)
    UNION ALL
    SELECT (SELECT o.parked_for FROM outbox o WHERE o.parked_for > known.parked_for
            ORDER BY o.parked_for LIMIT 1)
    FROM known WHERE known.parked_for IS NOT NULL
)
"""

QUEUES = f"""{_KNOWN}
SELECT parked_for FROM known WHERE parked_for IN (SELECT {{named}} FROM stores) LIMIT $1
"""  # noqa: S608 - all texts are ours

# Only a queue that no store names is looked into; it was one store's.
FOLLOW = f"""{_KNOWN}
, astray AS MATERIALIZED (
    SELECT o.id, s.{{named}} AS named
    FROM known CROSS JOIN LATERAL (
        SELECT id, order_id FROM outbox
        WHERE parked_for = known.parked_for AND destination = $1
        ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED) o
    JOIN orders p ON p.id = o.order_id JOIN stores s ON s.id = p.store_id
    WHERE s.{{named}} IS NOT NULL
      AND known.parked_for NOT IN (SELECT {{named}} FROM stores WHERE {{named}} IS NOT NULL)
    LIMIT $2
)
UPDATE outbox o SET parked_for = astray.named, payload = json_build_object(
    '{{address}}', astray.named, '{{content}}', o.payload::json -> '{{content}}')::text
FROM astray WHERE o.id = astray.id
"""  # noqa: S608 - all texts are ours

FORGET = """
DELETE FROM outbox o
WHERE o.parked_for IS NOT NULL AND o.created_at < now() - make_interval(days => $1)
  AND o.destination = $2
  AND o.parked_for NOT IN (SELECT {named} FROM stores WHERE {named} IS NOT NULL)
  AND NOT EXISTS (SELECT FROM orders p JOIN stores s ON s.id = p.store_id
                  WHERE p.id = o.order_id AND {kept})
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

    async def follow(self) -> int:
        """Readdress what waits for a queue that its store no longer names; returns how many."""
        ...

    async def forget(self) -> int:
        """Delete what waited too long for a store that is gone; returns how many."""
        ...

    def claim(self, queue: str, limit: int) -> AbstractAsyncContextManager[Claimed]:
        """Lock the oldest for the time of the block."""
        ...


class PostgresAwaited:
    """The same in the outbox table."""

    def __init__(self, database: Database, destination: str) -> None:
        self._database = database
        self._destination = destination
        self._own = asdict(OWN[destination])

    async def queues(self) -> list[str]:
        """The queues of stores that something waits for; not more than a bound."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(QUEUES.format(**self._own), MOST_QUEUES)
        return [row["parked_for"] for row in rows]

    async def follow(self) -> int:
        """Readdress what waits for a queue that its store no longer names; returns how many."""
        sql = FOLLOW.format(**self._own)
        async with self._database.connection() as connection:
            tag: str = await connection.execute(sql, self._destination, MOST_FOLLOW)
        return int(tag.removeprefix("UPDATE "))

    async def forget(self) -> int:
        """Delete what waited too long for a store that is gone; returns how many."""
        sql = FORGET.format(**self._own)
        async with self._database.connection() as connection:
            tag: str = await connection.execute(sql, KEPT_DAYS, self._destination)
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

        if moved := await self._awaited.follow():
            log.info("messages follow their stores to other queues", messages=moved)
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
