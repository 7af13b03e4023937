"""Batches of order events into the warehouse: staging, MERGE and position in one transaction.

`WarehouseSink` is what the kit's `KinesisConsumer` pours into; `app.py` makes it. A load is:

1. LOCK the positions. Loads go one after the other, over all replicas and shards: on Redshift
   they would exclude each other anyway, and two MERGEs of one order must never overlap, because
   no constraint forbids a second row. Locking first also means that nothing was read before, so
   Redshift's serializable isolation has nothing to complain about.
2. Compare and swap the shard's position. Whoever comes second changes no row and rolls back.
3. Stage the facts, raise them to what is stored already, MERGE, drop the staging tables.

A crash anywhere leaves nothing or all of it. Each statement says what Redshift asks of it.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

import asyncpg
import structlog
from cafe_kit.database import Connection, Database, DatabaseUnavailableError
from cafe_kit.kinesis import EventRefusedError, PositionMovedError, ShardBatch
from prometheus_client import CollectorRegistry, Counter, Histogram

from cafe_analytics.dialect import POSTGRESQL_GUARD, is_redshift
from cafe_analytics.facts import OrderFact, facts_of
from cafe_analytics.vanished import LockHeldError, end_vanished, take_lock

log = structlog.get_logger()

MOST_PARAMETERS = 32_767
"""Of one statement, in both servers' protocol."""

ORDER_COLUMNS = (
    "order_id",
    "store_id",
    "customer_id",
    "currency",
    "total_minor",
    "status",
    "status_rank",
    "reason",
    "placed_at",
    "confirmed_at",
    "paid_at",
    "completed_at",
    "rejected_at",
    "cancelled_at",
)
LINE_COLUMNS = ("order_id", "line", "sku", "name", "quantity", "unit_price_minor")

POSITIONS = "SELECT shard, reached FROM stream_positions WHERE stream = $1"

# Redshift: without a mode, which is ACCESS EXCLUSIVE; ends with the transaction.
LOCK = "LOCK TABLE stream_positions"

# Redshift: a plain UPDATE, and its count of rows.
SWAP = """
UPDATE stream_positions SET reached = $4, moved_at = $5
WHERE stream = $1 AND shard = $2 AND reached = $3
"""

# Redshift: no ON CONFLICT; the lock makes the question and the answer one step.
REACHED = "SELECT reached FROM stream_positions WHERE stream = $1 AND shard = $2"
FIRST = "INSERT INTO stream_positions (stream, shard, reached, moved_at) VALUES ($1, $2, $3, $4)"

# Redshift: temporary tables know no ON COMMIT DROP, and TRUNCATE would commit; so they are made
# and dropped in each load. LIKE brings the distribution key, and the joins below stay local.
STAGE = (
    "CREATE TEMP TABLE staged_orders (LIKE orders)",
    "CREATE TEMP TABLE staged_lines (LIKE order_lines)",
)
UNSTAGE = ("DROP TABLE staged_orders", "DROP TABLE staged_lines")

# Redshift: UPDATE … FROM is known; in MERGE a WHEN branch takes no condition and no second look at
# the target, so what is newest is settled here, among the staged rows. LEAST skips NULL in both.
RAISE = """
UPDATE staged_orders SET
    status = CASE WHEN orders.status_rank > staged_orders.status_rank
                  THEN orders.status ELSE staged_orders.status END,
    reason = CASE WHEN orders.status_rank > staged_orders.status_rank
                  THEN orders.reason ELSE staged_orders.reason END,
    status_rank = GREATEST(orders.status_rank, staged_orders.status_rank),
    confirmed_at = LEAST(orders.confirmed_at, staged_orders.confirmed_at),
    paid_at = LEAST(orders.paid_at, staged_orders.paid_at),
    completed_at = LEAST(orders.completed_at, staged_orders.completed_at),
    rejected_at = LEAST(orders.rejected_at, staged_orders.rejected_at),
    cancelled_at = LEAST(orders.cancelled_at, staged_orders.cancelled_at)
FROM orders
WHERE orders.order_id = staged_orders.order_id
"""

# Redshift: the target has no alias, the source is a table, both WHEN branches are there and have
# no condition, and no two source rows meet one target row (one staged row an order, by `facts`).
MERGE_ORDERS = """
MERGE INTO orders USING staged_orders AS staged ON orders.order_id = staged.order_id
WHEN MATCHED THEN UPDATE SET
    status = staged.status, status_rank = staged.status_rank, reason = staged.reason,
    confirmed_at = staged.confirmed_at, paid_at = staged.paid_at,
    completed_at = staged.completed_at, rejected_at = staged.rejected_at,
    cancelled_at = staged.cancelled_at
WHEN NOT MATCHED THEN INSERT (order_id, store_id, customer_id, currency, total_minor, status,
    status_rank, reason, placed_at, confirmed_at, paid_at, completed_at, rejected_at, cancelled_at)
VALUES (staged.order_id, staged.store_id, staged.customer_id, staged.currency, staged.total_minor,
    staged.status, staged.status_rank, staged.reason, staged.placed_at, staged.confirmed_at,
    staged.paid_at, staged.completed_at, staged.rejected_at, staged.cancelled_at)
"""

# Redshift: DELETE … USING is known. Lines never change, so those that are there need no writing;
# MERGE still has both its branches.
KNOWN_LINES = """
DELETE FROM staged_lines USING order_lines
WHERE order_lines.order_id = staged_lines.order_id AND order_lines.line = staged_lines.line
"""
MERGE_LINES = """
MERGE INTO order_lines USING staged_lines AS staged
    ON order_lines.order_id = staged.order_id AND order_lines.line = staged.line
WHEN MATCHED THEN UPDATE SET sku = staged.sku
WHEN NOT MATCHED THEN INSERT (order_id, line, sku, name, quantity, unit_price_minor)
VALUES (staged.order_id, staged.line, staged.sku, staged.name, staged.quantity,
    staged.unit_price_minor)
"""


class LoadMetrics:
    """What the loader publishes on /metrics; lag and parked records are the consumer's."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.rows = Counter(
            "cafe_analytics_rows_merged", "Rows merged.", ["table"], registry=registry
        )
        self.seconds = Histogram(
            "cafe_analytics_batch_seconds",
            "One load, from asking for a connection to the commit.",
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=registry,
        )


class WarehouseSink:
    """Stores what a stream says, together with how far it was read."""

    def __init__(
        self,
        database: Database,
        stream: str,
        metrics: LoadMetrics,
        *,
        clock: Callable[[], datetime],
        loaded: Callable[[int], None] = lambda _events: None,
    ) -> None:
        """`loaded` hears how many events a committed load had."""
        self._database = database
        self._stream = stream
        self._metrics = metrics
        self._clock = clock
        self._loaded = loaded

    async def positions(self) -> Mapping[str, str]:
        """Shard → the last absorbed sequence number, or SHARD_END."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(POSITIONS, self._stream)
        return {row["shard"]: row["reached"] for row in rows}

    async def absorb(self, batch: ShardBatch) -> None:
        """Load a batch and move its shard's position, or do neither.

        Raises:
            PositionMovedError: another replica has moved the position; nothing was written.
            EventRefusedError: the warehouse can never store one of the events.
            UnavailableError: the warehouse is away. Whether the load counts is then unknown, and
                the position tells.
        """
        began = time.monotonic()
        try:
            merged = await self._transact(batch)
        except DatabaseUnavailableError as error:
            if isinstance(error.__cause__, LockHeldError):
                await self._look_for_vanished()
            raise
        except asyncpg.DataError as error:
            await self._name_the_culprit(batch)
            raise DatabaseUnavailableError(f"The warehouse refused a load: {error}") from error
        except asyncpg.InternalServerError as error:
            # Redshift's "serializable isolation violation" (1023) has no code of its own
            raise DatabaseUnavailableError(f"The warehouse failed: {error}") from error
        self._metrics.seconds.observe(time.monotonic() - began)
        for table, rows in merged.items():
            self._metrics.rows.labels(table).inc(rows)
        self._loaded(len(batch.events))

    async def _transact(self, batch: ShardBatch) -> Mapping[str, int]:
        async with self._database.transaction() as connection:
            await _guard(connection)
            await take_lock(connection, LOCK)
            if not await self._claimed(connection, batch):
                return {}
            return await load(connection, facts_of(batch.events))

    async def _claimed(self, connection: Connection, batch: ShardBatch) -> bool:
        """Move the position; False if exactly this batch has moved it before."""
        where, now = (batch.stream, batch.shard), self._clock()
        reached = await connection.fetchval(REACHED, *where)
        if reached == batch.position and reached != batch.before:
            return False
        if reached is None and batch.before is None:
            await connection.execute(FIRST, *where, batch.position, now)
            return True
        swapped = await connection.execute(SWAP, *where, batch.before, batch.position, now)
        if swapped != "UPDATE 1":
            raise PositionMovedError(f"{batch.shard} is at {reached}, not at {batch.before}")
        return True

    async def _look_for_vanished(self) -> None:
        """For the next try; this one has failed, whatever is found."""
        try:
            await end_vanished(self._database)
        except (asyncpg.PostgresError, DatabaseUnavailableError) as error:
            log.warning("vanished workers cannot be looked for", why=str(error))

    async def _name_the_culprit(self, batch: ShardBatch) -> None:
        """Load each event alone and roll it back; the first that is refused is the one."""
        for event in batch.events:
            try:
                async with self._database.connection() as connection:
                    trial = connection.transaction()
                    await trial.start()
                    try:
                        await load(connection, facts_of([event]))
                    finally:
                        await trial.rollback()
            except asyncpg.DataError as error:
                raise EventRefusedError(
                    event.id, f"The warehouse cannot store it: {error}"
                ) from error


async def load(connection: Connection, facts: Sequence[OrderFact]) -> Mapping[str, int]:
    """Merge facts in the transaction that the caller has opened; returns rows merged by table."""
    if not facts:
        return {}
    for statement in STAGE:
        await connection.execute(statement)
    await _insert(connection, "staged_orders", ORDER_COLUMNS, [fact.row for fact in facts])
    lines = [row for fact in facts for row in fact.line_rows]
    await _insert(connection, "staged_lines", LINE_COLUMNS, lines)
    await connection.execute(RAISE)
    await connection.execute(KNOWN_LINES)
    merged = {
        "orders": _count(await connection.execute(MERGE_ORDERS)),
        "order_lines": _count(await connection.execute(MERGE_LINES)),
    }
    for statement in UNSTAGE:
        await connection.execute(statement)
    return merged


async def _insert(
    connection: Connection,
    table: str,
    columns: tuple[str, ...],
    rows: Sequence[tuple[object, ...]],
) -> None:
    most = MOST_PARAMETERS // len(columns)
    for at in range(0, len(rows), most):
        some = rows[at : at + most]
        values = [value for row in some for value in row]
        await connection.execute(insert_of(table, columns, len(some)), *values)


@lru_cache(maxsize=64)
def insert_of(table: str, columns: tuple[str, ...], rows: int) -> str:
    """A multi-row INSERT. Redshift: known; its parameters are bounded by `MOST_PARAMETERS`."""
    width = len(columns)
    values = ", ".join(
        f"({', '.join(f'${row * width + column + 1}' for column in range(width))})"
        for row in range(rows)
    )
    return " ".join(("INSERT INTO", table, f"({', '.join(columns)})", "VALUES", values))


async def _guard(connection: Connection) -> None:
    if not is_redshift(connection):
        await connection.execute(POSTGRESQL_GUARD)


def _count(tag: str) -> int:
    """Of a command's tag, `MERGE 12`; Redshift may leave the number out."""
    count = tag.rpartition(" ")[2]
    return int(count) if count.isdigit() else 0
