"""SQL of orders and stores, by hand. Used by the rules (`service.py`) and the housekeeping.

The SQL of placing is in `placements.py`, the relay's in `outbox.py`.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from cafe_kit.database import Database
from pydantic import TypeAdapter

from cafe_order.models import (
    HistoryEntry,
    LineView,
    OrderView,
    StoreInput,
    StoreView,
)

_LINES = TypeAdapter(list[LineView])
_HISTORY = TypeAdapter(list[HistoryEntry])


STORES = """
SELECT id, name, city, timezone, currency, tier, accepting_orders, closed_reason,
       till_key_sha256, queue_limit, measured, orders_table, tickets_queue
FROM stores WHERE id = ANY($1::text[])
"""

ORDER = """
SELECT o.id, o.store_id, o.customer_id, o.status, o.currency, o.total_minor, o.synthetic,
       o.placed_at,
       (SELECT json_agg(json_build_object('sku', l.sku, 'name', l.name, 'quantity', l.quantity,
                                          'unitPriceMinor', l.unit_price_minor) ORDER BY l.line)
        FROM order_lines l WHERE l.order_id = o.id) AS lines,
       (SELECT json_agg(json_build_object('status', h.status, 'at', h.at, 'reason', h.reason)
                        ORDER BY h.id)
        FROM order_history h WHERE h.order_id = o.id) AS history
FROM orders o WHERE o.id = $1
"""

PUT_STORE = """
INSERT INTO stores AS s (id, name, city, timezone, currency, tier, accepting_orders,
                         closed_reason, till_key_sha256, queue_limit, measured, orders_table,
                         tickets_queue)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (id) DO UPDATE SET
    name = EXCLUDED.name, city = EXCLUDED.city, timezone = EXCLUDED.timezone,
    currency = EXCLUDED.currency, tier = EXCLUDED.tier,
    accepting_orders = EXCLUDED.accepting_orders, closed_reason = EXCLUDED.closed_reason,
    till_key_sha256 = EXCLUDED.till_key_sha256, queue_limit = EXCLUDED.queue_limit,
    measured = EXCLUDED.measured,
    orders_table = EXCLUDED.orders_table, tickets_queue = EXCLUDED.tickets_queue,
    updated_at = now()
WHERE (s.name, s.city, s.timezone, s.currency, s.tier, s.accepting_orders, s.closed_reason,
       s.till_key_sha256, s.queue_limit, s.measured, s.orders_table, s.tickets_queue)
    IS DISTINCT FROM (EXCLUDED.name, EXCLUDED.city, EXCLUDED.timezone, EXCLUDED.currency,
                      EXCLUDED.tier, EXCLUDED.accepting_orders, EXCLUDED.closed_reason,
                      EXCLUDED.till_key_sha256, EXCLUDED.queue_limit, EXCLUDED.measured,
                      EXCLUDED.orders_table, EXCLUDED.tickets_queue)
"""

# One that has not ended after a day is stuck, which the books tell: it holds up no store's end.
DELETE_STORE = """
WITH under_way AS (
    SELECT count(*) AS orders FROM stores s JOIN orders o ON o.store_id = s.id
    WHERE s.id = $1 AND NOT o.synthetic AND o.status IN ('placed', 'confirmed', 'paid')
      AND o.placed_at > now() - interval '1 day'
), gone AS (
    DELETE FROM stores WHERE id = $1 AND (SELECT orders FROM under_way) = 0
)
SELECT orders FROM under_way
"""

EXPIRE_KEYS = """
DELETE FROM idempotency_keys WHERE key IN (
    SELECT key FROM idempotency_keys WHERE expires_at < now()
    ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
"""

# No other book knows them. What still waits in the outbox is told, and the answer finds no order.
EXPIRE_SYNTHETIC = """
WITH old AS MATERIALIZED (
    SELECT id FROM orders
    WHERE synthetic AND placed_at < now() - make_interval(hours => $1)
    ORDER BY placed_at LIMIT $2 FOR UPDATE SKIP LOCKED
), lines AS (
    DELETE FROM order_lines l USING old WHERE l.order_id = old.id
), history AS (
    DELETE FROM order_history h USING old WHERE h.order_id = old.id
)
DELETE FROM orders o USING old WHERE o.id = old.id
"""


def keep_hours(idempotency_hours: int) -> int:
    """How long a synthetic order is kept: while its key answers, whoever repeats it finds it."""
    return idempotency_hours + 1


class PostgresOrders:
    """Stores, orders and what became of them, in PostgreSQL.

    Every method raises `DatabaseUnavailableError` when the database is away.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def schema_version(self) -> int:
        """The newest migration; 0 when there is none yet."""
        async with self._database.connection() as connection:
            version = await connection.fetchval("SELECT max(version) FROM schema_migrations")
        return int(version or 0)

    async def order(self, order_id: UUID) -> OrderView | None:
        """An order with its lines and history."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(ORDER, order_id)
        return None if row is None else _order(row)

    async def store(self, store_id: str) -> StoreView | None:
        """One store."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(STORES, [store_id])
        return None if row is None else StoreView.model_construct(**row)

    async def stores(self, store_ids: Sequence[str]) -> list[StoreView]:
        """Those of these stores that exist."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(STORES, list(store_ids))
        return [StoreView.model_construct(**row) for row in rows]

    async def put_store(self, store_id: str, store: StoreInput) -> None:
        """Create or change; writes nothing when nothing differs."""
        async with self._database.connection() as connection:
            await connection.execute(
                PUT_STORE,
                store_id,
                store.name,
                store.city,
                store.timezone,
                store.currency,
                store.tier,
                store.accepting_orders,
                store.closed_reason,
                store.till_key_sha256,
                store.queue_limit,
                store.measured,
                store.orders_table,
                store.tickets_queue,
            )

    async def delete_store(self, store_id: str) -> int:
        """Forget the store, or return how many of its orders are under way; ended ones stay.

        Fine when it is gone already.
        """
        async with self._database.connection() as connection:
            return int(await connection.fetchval(DELETE_STORE, store_id))

    async def expire_keys(self, limit: int) -> int:
        """Delete keys whose time is over; returns how many."""
        async with self._database.connection() as connection:
            tag: str = await connection.execute(EXPIRE_KEYS, limit)
        return int(tag.removeprefix("DELETE "))

    async def expire_synthetic(self, hours: int, limit: int) -> int:
        """Delete synthetic orders that were placed so long ago; returns how many."""
        async with self._database.connection() as connection:
            tag: str = await connection.execute(EXPIRE_SYNTHETIC, hours, limit)
        return int(tag.removeprefix("DELETE "))


def _order(row: Any) -> OrderView:
    lines = _LINES.validate_json(row["lines"] or "[]")
    later = _HISTORY.validate_json(row["history"] or "[]")
    placed = HistoryEntry(status="placed", at=row["placed_at"])
    return OrderView(
        id=row["id"],
        store_id=row["store_id"],
        customer_id=row["customer_id"],
        status=row["status"],
        currency=row["currency"],
        total_minor=row["total_minor"],
        lines=lines,
        placed_at=row["placed_at"],
        synthetic=row["synthetic"],
        history=[placed, *later],
    )
