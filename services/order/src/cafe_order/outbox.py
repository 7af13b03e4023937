"""SQL of the outbox: what the relay claims, and how it settles.

A batch is claimed with FOR UPDATE SKIP LOCKED and stays locked until it is settled, so two relays
never hold the same row; a relay that dies lets go at once. Only the first waiting row of an order
is claimable per destination, which keeps each order's messages in their order, also behind a
parked one.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from cafe_kit.database import Connection, Database

from cafe_order.events import Decision
from cafe_order.models import OutboxRecord

CLAIM = """
SELECT id, order_id, kind, payload, trace_id, attempts FROM outbox o
WHERE destination = $1 AND parked_at IS NULL AND due_at <= now()
  AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.destination = o.destination
                  AND e.order_id = o.order_id AND e.id < o.id)
ORDER BY id LIMIT $2
FOR UPDATE SKIP LOCKED
"""

RETRY = """
UPDATE outbox o SET attempts = o.attempts + 1, last_error = r.reason,
    due_at = now() + make_interval(secs => r.delay)
FROM unnest($1::bigint[], $2::text[], $3::float8[]) AS r (id, reason, delay)
WHERE o.id = r.id
"""

PARK = """
UPDATE outbox o SET attempts = o.attempts + 1, parked_at = now(), parked_reason = p.reason
FROM unnest($1::bigint[], $2::text[]) AS p (id, reason)
WHERE o.id = p.id
"""

DECIDE = """
WITH moved AS (
    UPDATE orders o SET status = d.status
    FROM unnest($1::uuid[], $2::text[], $3::text[]) AS d (id, status, reason)
    WHERE o.id = d.id AND o.status = 'placed'
    RETURNING o.id, d.status, d.reason
)
INSERT INTO order_history (order_id, status, reason)
SELECT id, status, reason FROM moved
RETURNING order_id
"""

TELL = """
INSERT INTO outbox (order_id, destination, kind, payload, trace_id)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])
"""

# Bounded in cost: a backlog is counted up to a limit only.
STATE = """
SELECT d.name AS destination,
       coalesce(extract(epoch FROM now() - (
           SELECT created_at FROM outbox
           WHERE destination = d.name AND parked_at IS NULL
           ORDER BY id LIMIT 1)), 0)::float8 AS lag,
       (SELECT count(*) FROM (SELECT 1 FROM outbox
           WHERE destination = d.name AND parked_at IS NULL LIMIT 10000) w)::int AS waiting,
       (SELECT count(*) FROM (SELECT 1 FROM outbox
           WHERE destination = d.name AND parked_at IS NOT NULL LIMIT 10000) p)::int AS parked
FROM unnest($1::text[]) AS d (name)
"""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One message that waits."""

    id: int
    order_id: UUID
    kind: str
    payload: str
    trace_id: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Decided:
    """The stock's word about one order, with the records that follow from it."""

    row: OutboxRow
    decision: Decision
    records: tuple[OutboxRecord, ...]


@dataclass(frozen=True, slots=True)
class Settlement:
    """What becomes of a claimed batch. Rows named nowhere stay as they are."""

    delivered: Sequence[int] = ()
    retried: Sequence[tuple[int, str, float]] = ()
    """(id, reason, seconds until the next try)."""
    parked: Sequence[tuple[int, str]] = ()
    decided: Sequence[Decided] = ()


@dataclass(frozen=True, slots=True)
class DestinationState:
    """How far behind one destination is."""

    destination: str
    lag_seconds: float
    waiting: int
    parked: int


class Batch:
    """Claimed rows, locked until the surrounding transaction ends."""

    def __init__(self, connection: Connection, rows: Sequence[OutboxRow]) -> None:
        self._connection = connection
        self.rows = rows

    async def settle(self, settlement: Settlement) -> None:
        """Write the outcome; it holds when the claim's block ends without an error."""
        connection = self._connection
        if settlement.decided:
            await self._decide(settlement.decided)
        if settlement.delivered:
            await connection.execute(
                "DELETE FROM outbox WHERE id = ANY($1::bigint[])", list(settlement.delivered)
            )
        if settlement.retried:
            ids, reasons, delays = zip(*settlement.retried, strict=True)
            await connection.execute(RETRY, ids, reasons, delays)
        if settlement.parked:
            ids, reasons = zip(*settlement.parked, strict=True)
            await connection.execute(PARK, ids, reasons)

    async def _decide(self, decided: Sequence[Decided]) -> None:
        moved = await self._connection.fetch(
            DECIDE,
            [d.row.order_id for d in decided],
            [d.decision.status for d in decided],
            [d.decision.reason for d in decided],
        )
        changed = {row["order_id"] for row in moved}
        told = [
            (d.row.order_id, record.destination, record.kind, record.payload, d.row.trace_id)
            for d in decided
            if d.row.order_id in changed
            for record in d.records
        ]
        if told:
            await self._connection.execute(TELL, *zip(*told, strict=True))


class PostgresOutbox:
    """The outbox table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def claim(self, destination: str, limit: int) -> AsyncIterator[Batch]:
        """Lock up to `limit` due rows for the time of the block."""
        async with self._database.transaction() as connection:
            rows = await connection.fetch(CLAIM, destination, limit)
            yield Batch(connection, [OutboxRow(**row) for row in rows])

    async def state(self, destinations: Sequence[str]) -> list[DestinationState]:
        """Lag and backlog, for the gauges."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(STATE, list(destinations))
        return [
            DestinationState(row["destination"], row["lag"], row["waiting"], row["parked"])
            for row in rows
        ]
