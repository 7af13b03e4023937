"""All SQL of the order service, by hand. Used by the rules (`service.py`) and `migrate.py`'s tests.

The relay's SQL is in `outbox.py`. `place` is one statement and so one transaction: key, order,
lines and outbox rows are all there or none is.
"""

import hashlib
from typing import Any
from uuid import UUID

from cafe_kit.database import Database
from pydantic import TypeAdapter

from cafe_order.models import (
    HistoryEntry,
    LineView,
    OrderView,
    Placed,
    Placement,
    Replay,
    StoreInput,
    StoreView,
)

_LINES = TypeAdapter(list[LineView])
_HISTORY = TypeAdapter(list[HistoryEntry])


LOOK = """
SELECT s.id, s.name, s.city, s.timezone, s.currency, s.tier, s.accepting_orders,
       s.till_key_sha256, k.request_hash, k.status, k.response
FROM (SELECT 1) AS one
LEFT JOIN stores s ON s.id = $1
LEFT JOIN idempotency_keys k ON k.key = $2
"""

# The advisory lock makes a second request with the same key fail at once instead of waiting for
# the first one's commit; the primary key decides in the end.
PLACE = """
WITH store AS (
    SELECT 1 FROM stores WHERE id = $6 AND accepting_orders
), claim AS (
    INSERT INTO idempotency_keys (key, request_hash, status, response, expires_at)
    SELECT $1, $2, 201, $3, now() + make_interval(hours => $5)
    FROM store WHERE pg_try_advisory_xact_lock($4)
    ON CONFLICT (key) DO NOTHING
    RETURNING 1
), placed AS (
    INSERT INTO orders (id, store_id, customer_id, currency, total_minor, synthetic, trace_id,
                        placed_at)
    SELECT $7, $6, $8, $9, $10, $11, $12, $13 FROM claim
), lines AS (
    INSERT INTO order_lines (order_id, line, sku, name, quantity, unit_price_minor)
    SELECT $7, l.line, l.sku, l.name, l.quantity, l.price
    FROM claim, unnest($14::text[], $15::text[], $16::int[], $17::bigint[])
        WITH ORDINALITY AS l (sku, name, quantity, price, line)
), told AS (
    INSERT INTO outbox (order_id, destination, kind, payload, trace_id)
    SELECT $7, r.destination, r.kind, r.payload, $12
    FROM claim, unnest($18::text[], $19::text[], $20::text[]) AS r (destination, kind, payload)
)
SELECT EXISTS (SELECT 1 FROM store) AS open, EXISTS (SELECT 1 FROM claim) AS claimed
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
                         till_key_sha256)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id) DO UPDATE SET
    name = EXCLUDED.name, city = EXCLUDED.city, timezone = EXCLUDED.timezone,
    currency = EXCLUDED.currency, tier = EXCLUDED.tier,
    accepting_orders = EXCLUDED.accepting_orders, till_key_sha256 = EXCLUDED.till_key_sha256,
    updated_at = now()
WHERE (s.name, s.city, s.timezone, s.currency, s.tier, s.accepting_orders, s.till_key_sha256)
    IS DISTINCT FROM (EXCLUDED.name, EXCLUDED.city, EXCLUDED.timezone, EXCLUDED.currency,
                      EXCLUDED.tier, EXCLUDED.accepting_orders, EXCLUDED.till_key_sha256)
"""

EXPIRE_KEYS = """
DELETE FROM idempotency_keys WHERE key IN (
    SELECT key FROM idempotency_keys WHERE expires_at < now()
    ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
"""


class PostgresOrders:
    """Stores, orders and idempotency keys in PostgreSQL.

    Every method raises `DatabaseUnavailableError` when the database is away.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def schema_version(self) -> int:
        """The newest migration; 0 when there is none yet."""
        async with self._database.connection() as connection:
            version = await connection.fetchval("SELECT max(version) FROM schema_migrations")
        return int(version or 0)

    async def look(self, store_id: str, key: str) -> tuple[StoreView | None, Replay | None]:
        """The store and what was answered to the key, in one round trip."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(LOOK, store_id, key)
        replay = None
        if row["response"] is not None:
            replay = Replay(bytes(row["request_hash"]), row["status"], bytes(row["response"]))
        return _store(row), replay

    async def place(self, placement: Placement, keep_hours: int) -> Placed:
        """Write an accepted order whole. After an error the outcome is unknown: `look` tells."""
        order, records = placement.order, placement.records
        async with self._database.connection() as connection:
            row = await connection.fetchrow(
                PLACE,
                placement.key,
                placement.request_hash,
                placement.response,
                lock_of(placement.key),
                keep_hours,
                order.store_id,
                order.id,
                placement.customer_id,
                order.currency,
                order.total_minor,
                order.synthetic,
                placement.trace_id,
                order.placed_at,
                [line.sku for line in order.lines],
                [line.name for line in order.lines],
                [line.quantity for line in order.lines],
                [line.unit_price_minor for line in order.lines],
                [record.destination for record in records],
                [record.kind for record in records],
                [record.payload for record in records],
            )
        if row["claimed"]:
            return Placed.ACCEPTED
        return Placed.KEY_TAKEN if row["open"] else Placed.STORE_CLOSED

    async def order(self, order_id: UUID) -> OrderView | None:
        """An order with its lines and history."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(ORDER, order_id)
        return None if row is None else _order(row)

    async def store(self, store_id: str) -> StoreView | None:
        """One store."""
        store, _ = await self.look(store_id, "")
        return store

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
                store.till_key_sha256,
            )

    async def delete_store(self, store_id: str) -> None:
        """Forget the store; its orders stay. Fine when it is gone already."""
        async with self._database.connection() as connection:
            await connection.execute("DELETE FROM stores WHERE id = $1", store_id)

    async def expire_keys(self, limit: int) -> int:
        """Delete keys whose time is over; returns how many."""
        async with self._database.connection() as connection:
            tag: str = await connection.execute(EXPIRE_KEYS, limit)
        return int(tag.removeprefix("DELETE "))


def lock_of(key: str) -> int:
    """The advisory lock of an idempotency key: a signed 64-bit number."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], signed=True)


def _store(row: Any) -> StoreView | None:
    if row["id"] is None:
        return None
    names = StoreView.model_fields.keys()
    return StoreView.model_construct(**{name: row[name] for name in names})


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
