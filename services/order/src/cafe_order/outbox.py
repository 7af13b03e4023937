"""SQL of the outbox: what the relay claims, and how it settles.

A batch is claimed with FOR UPDATE SKIP LOCKED and stays locked until it is settled, so two relays
never hold the same row; a relay that dies lets go at once. Only the first waiting row of an order
is claimable per destination, which keeps each order's messages in their order, also behind a
parked one. So whoever holds an order's first row holds its whole line: where only the newest
message counts, the rest of the line goes with it. There a row that is parked for its table holds
nothing up: all that followed would be counted as waiting for as long as the table is away.

What people do with parked rows is in `operations.py`; `awaited.py` has those that wait for a queue.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from cafe_kit.database import Connection, Database

from cafe_order import saga
from cafe_order.saga import Step, StockAnswer
from cafe_order.transitions import Wish, advance

_CLAIM = """
SELECT id, id AS newest_id, order_id, kind, payload, trace_id, attempts FROM outbox o
WHERE destination = $1 AND parked_at IS NULL AND due_at <= now()
  AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.destination = o.destination
                  AND e.order_id = o.order_id AND e.id < o.id {but})
ORDER BY id LIMIT $2
FOR UPDATE SKIP LOCKED
"""

CLAIM = _CLAIM.format(but="")
CLAIM_NEWEST = f"""
WITH first AS MATERIALIZED ({_CLAIM.format(but="AND e.parked_for IS NULL")})
SELECT first.id, n.id AS newest_id, first.order_id, n.kind, n.payload, n.trace_id, first.attempts
FROM first CROSS JOIN LATERAL (
    SELECT id, kind, payload, trace_id FROM outbox
    WHERE destination = $1 AND order_id = first.order_id ORDER BY id DESC LIMIT 1) AS n
"""  # noqa: S608 - both texts are ours

DELIVERED = "DELETE FROM outbox WHERE id = ANY($1::bigint[])"

DELIVERED_LINES = """
DELETE FROM outbox o USING unnest($2::uuid[], $3::bigint[]) AS d (order_id, newest_id)
WHERE o.destination = $1 AND o.order_id = d.order_id AND o.id <= d.newest_id
  AND o.parked_for IS NULL
"""

RETRY = """
UPDATE outbox o SET attempts = o.attempts + 1, last_error = r.reason,
    due_at = now() + make_interval(secs => r.delay)
FROM unnest($1::bigint[], $2::text[], $3::float8[]) AS r (id, reason, delay)
WHERE o.id = r.id
"""

PARK = """
UPDATE outbox o SET attempts = o.attempts + 1, parked_at = now(), parked_reason = p.reason,
    parked_for = p.queue
FROM unnest($1::bigint[], $2::text[], $3::text[]) AS p (id, reason, queue)
WHERE o.id = p.id
"""

# Bounded in cost: a backlog is counted up to $2 only.
STATE = """
SELECT d.name AS destination,
       coalesce(extract(epoch FROM now() - (
           SELECT created_at FROM outbox
           WHERE destination = d.name AND parked_at IS NULL
           ORDER BY id LIMIT 1)), 0)::float8 AS lag,
       (SELECT count(*) FROM (SELECT 1 FROM outbox
           WHERE destination = d.name AND parked_at IS NULL LIMIT $2) w)::int AS waiting,
       (SELECT count(*) FROM (SELECT 1 FROM outbox
           WHERE destination = d.name AND parked_at IS NOT NULL LIMIT $2) p)::int AS parked
FROM unnest($1::text[]) AS d (name)
"""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One message that waits, or the newest of an order's line of them."""

    id: int
    """Of the first in its line: the one that is locked, tried and parked."""
    newest_id: int
    order_id: UUID
    kind: str
    payload: str
    trace_id: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """What becomes of a claimed batch. Rows named nowhere stay as they are."""

    at: datetime
    delivered: Sequence[OutboxRow] = ()
    retried: Sequence[tuple[int, str, float]] = ()
    """(id, reason, seconds until the next try)."""
    parked: Sequence[tuple[int, str, str | None]] = ()
    """(id, reason, the queue that it waits for, if that may come back)."""
    said: Sequence[tuple[OutboxRow, StockAnswer]] = ()
    """What the stock answered to rows that are delivered, too."""


@dataclass(frozen=True, slots=True)
class DestinationState:
    """How far behind one destination is."""

    destination: str
    lag_seconds: float
    waiting: int
    parked: int


class Batch:
    """Claimed rows, locked until the surrounding transaction ends."""

    def __init__(self, connection: Connection, destination: str, rows: Sequence[OutboxRow]) -> None:
        self._connection = connection
        self._destination = destination
        self.rows = rows

    async def settle(self, settlement: Settlement) -> bool:
        """Write the outcome; it holds when the claim's block ends without an error.

        Returns whether orders moved on, and so whether there are new messages.
        """
        moved = await self._advance(settlement) if settlement.said else False
        await self._delete(settlement.delivered)
        connection = self._connection
        if settlement.retried:
            ids, reasons, delays = zip(*settlement.retried, strict=True)
            await connection.execute(RETRY, ids, reasons, delays)
        if settlement.parked:
            ids, reasons, queues = zip(*settlement.parked, strict=True)
            await connection.execute(PARK, ids, reasons, queues)
        return moved

    async def _advance(self, settlement: Settlement) -> bool:
        wishes = [
            Wish(row.order_id, partial(saga.after_stock, said)) for row, said in settlement.said
        ]
        outcomes = await advance(self._connection, wishes, settlement.at)
        return any(isinstance(outcome, Step) for outcome in outcomes)

    async def _delete(self, rows: Sequence[OutboxRow]) -> None:
        lines = [row for row in rows if row.newest_id != row.id]
        single = [row.id for row in rows if row.newest_id == row.id]
        if single:
            await self._connection.execute(DELIVERED, single)
        if lines:
            await self._connection.execute(
                DELIVERED_LINES,
                self._destination,
                [row.order_id for row in lines],
                [row.newest_id for row in lines],
            )


class PostgresOutbox:
    """The outbox table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def claim(
        self, destination: str, limit: int, *, newest_only: bool = False
    ) -> AsyncIterator[Batch]:
        """Lock up to `limit` due rows, of different orders, for the time of the block."""
        async with self._database.transaction() as connection:
            sql = CLAIM_NEWEST if newest_only else CLAIM
            rows = await connection.fetch(sql, destination, limit)
            yield Batch(connection, destination, [OutboxRow(**row) for row in rows])

    async def state(
        self, destinations: Sequence[str], count_to: int = 10_000
    ) -> list[DestinationState]:
        """Lag and backlog, for the gauges; counting ends at `count_to`."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(STATE, list(destinations), count_to)
        return [
            DestinationState(row["destination"], row["lag"], row["waiting"], row["parked"])
            for row in rows
        ]
