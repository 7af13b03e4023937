"""SQL of placing orders: many in one statement, and so in one transaction.

Used by placing (through `MergedPlacements`). For each order key, order, lines and outbox rows are
all there or none is; each order has its own outcome, so a closed store or a taken key in a batch
harms nobody else in it.

A key is kept with its store before it. Keys of releases that kept them bare are found too, where
their answer is one of the same store: a retry across the upgrade does not buy twice.
"""

from collections.abc import Sequence
from typing import Any

from cafe_kit.database import Database

from cafe_order.models import KnownStore, Placed, Placement, Replay

# What is under way is counted for stores that limit it, at most once a second for each that sells:
# among its newest orders, since older ones have ended (or are stuck, and the books tell that).
STORE = """
SELECT s.id, s.currency, s.accepting_orders, s.closed_reason, s.till_key_sha256, s.updated_at,
       s.queue_limit, s.measured, s.orders_table,
       CASE WHEN s.queue_limit IS NOT NULL THEN (
           SELECT count(*) FILTER (WHERE newest.status IN ('placed', 'confirmed', 'paid'))
           FROM (SELECT o.status FROM orders o
                 WHERE o.store_id = s.id AND NOT o.synthetic
                   AND o.placed_at > now() - interval '15 minutes'
                 ORDER BY o.placed_at DESC LIMIT s.queue_limit * 4) AS newest
       ) END AS under_way
FROM stores s WHERE s.id = $1
"""

LOOK = """
SELECT s.id, s.currency, s.accepting_orders, s.closed_reason, s.till_key_sha256, s.updated_at,
       s.queue_limit, s.measured, s.orders_table, NULL::bigint AS under_way,
       k.request_hash, k.status, k.response
FROM (SELECT 1) AS one
LEFT JOIN stores s ON s.id = $1
LEFT JOIN LATERAL (
    SELECT key, request_hash, status, response FROM idempotency_keys
    WHERE key = $2 OR (key = substr($2, length($1) + 2)
                       AND convert_from(response, 'UTF8')::json ->> 'storeId' = $1)
    ORDER BY key = $2 DESC LIMIT 1) AS k ON true
"""

# The advisory lock makes a second request with the same key fail at once instead of waiting for
# the first one's commit; the primary key decides in the end. The store must be as it was when the
# order was judged: a change of till key, currency or opening since then sends the order back.
PLACE = """
WITH asked AS MATERIALIZED (
    SELECT a.*, s.id IS NOT NULL AS sells
    FROM unnest($2::text[], $3::bytea[], $4::bytea[], $5::text[], $6::timestamptz[], $7::uuid[],
                $8::text[], $9::text[], $10::bigint[], $11::bool[], $12::text[],
                $13::timestamptz[])
        WITH ORDINALITY AS a (key, request_hash, response, store_id, store_changed_at, id,
                              customer_id, currency, total_minor, synthetic, trace_id, placed_at, n)
    LEFT JOIN stores s ON s.id = a.store_id AND (s.accepting_orders OR a.synthetic)
                      AND s.updated_at = a.store_changed_at
), claim AS (
    INSERT INTO idempotency_keys (key, request_hash, status, response, expires_at)
    SELECT key, request_hash, 201, response, now() + make_interval(hours => $1)
    FROM asked WHERE sells AND coalesce((
        SELECT convert_from(old.response, 'UTF8')::json ->> 'storeId' <> store_id
        FROM idempotency_keys AS old WHERE old.key = substr(asked.key, length(store_id) + 2)), true)
    AND pg_try_advisory_xact_lock(hashtextextended(key, 0))
    ON CONFLICT (key) DO NOTHING
    RETURNING key
), accepted AS MATERIALIZED (
    SELECT asked.* FROM asked JOIN claim USING (key)
), placed AS (
    INSERT INTO orders (id, store_id, customer_id, currency, total_minor, synthetic, trace_id,
                        placed_at)
    SELECT id, store_id, customer_id, currency, total_minor, synthetic, trace_id, placed_at
    FROM accepted
), lines AS (
    INSERT INTO order_lines (order_id, line, sku, name, quantity, unit_price_minor)
    SELECT a.id, l.line, l.sku, l.name, l.quantity, l.price
    FROM unnest($14::int[], $15::int[], $16::text[], $17::text[], $18::int[], $19::bigint[])
        AS l (n, line, sku, name, quantity, price)
    JOIN accepted a USING (n)
), told AS (
    INSERT INTO outbox (order_id, destination, kind, payload, trace_id)
    SELECT a.id, r.destination, r.kind, r.payload, a.trace_id
    FROM unnest($20::int[], $21::text[], $22::text[], $23::text[])
        WITH ORDINALITY AS r (n, destination, kind, payload, position)
    JOIN accepted a USING (n)
    ORDER BY r.position
)
SELECT asked.sells, claim.key IS NOT NULL AS claimed
FROM asked LEFT JOIN claim USING (key)
ORDER BY asked.n
"""

Columns = list[list[Any]]


class PostgresPlacements:
    """Stores as placing sees them, keys, and new orders, in PostgreSQL.

    Every method raises `DatabaseUnavailableError` when the database is away.
    """

    def __init__(self, database: Database, *, keep_key_hours: int) -> None:
        self._database = database
        self._keep_key_hours = keep_key_hours

    async def known_store(self, store_id: str) -> KnownStore | None:
        """The store, with the time of its last change."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(STORE, store_id)
        return None if row is None else _known(row)

    async def look(self, store_id: str, key: str) -> tuple[KnownStore | None, Replay | None]:
        """The store and what was answered to the key, in one round trip."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(LOOK, store_id, key)
        replay = None
        if row["response"] is not None:
            replay = Replay(bytes(row["request_hash"]), row["status"], bytes(row["response"]))
        return None if row["id"] is None else _known(row), replay

    async def write(self, placements: Sequence[Placement]) -> list[Placed]:
        """Write placements with different keys. After an error the outcome is unknown."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                PLACE,
                self._keep_key_hours,
                *_orders(placements),
                *_lines(placements),
                *_records(placements),
            )
        return [_outcome(sells, claimed) for sells, claimed in rows]


def _outcome(sells: bool, claimed: bool) -> Placed:  # noqa: FBT001 - a row's two columns
    if claimed:
        return Placed.ACCEPTED
    return Placed.KEY_TAKEN if sells else Placed.STORE_CHANGED


def _orders(placements: Sequence[Placement]) -> Columns:
    orders = [placement.order for placement in placements]
    return [
        [placement.key for placement in placements],
        [placement.request_hash for placement in placements],
        [placement.response for placement in placements],
        [order.store_id for order in orders],
        [placement.store_changed_at for placement in placements],
        [order.id for order in orders],
        [placement.customer_id for placement in placements],
        [order.currency for order in orders],
        [order.total_minor for order in orders],
        [order.synthetic for order in orders],
        [placement.trace_id for placement in placements],
        [order.placed_at for order in orders],
    ]


def _lines(placements: Sequence[Placement]) -> Columns:
    """Each with the ordinal of its order and of the line, from 1."""
    lines = [
        (number, position, line)
        for number, placement in enumerate(placements, 1)
        for position, line in enumerate(placement.order.lines, 1)
    ]
    return [
        [number for number, _, _ in lines],
        [position for _, position, _ in lines],
        [line.sku for _, _, line in lines],
        [line.name for _, _, line in lines],
        [line.quantity for _, _, line in lines],
        [line.unit_price_minor for _, _, line in lines],
    ]


def _records(placements: Sequence[Placement]) -> Columns:
    records = [
        (number, record)
        for number, placement in enumerate(placements, 1)
        for record in placement.records
    ]
    return [
        [number for number, _ in records],
        [record.destination for _, record in records],
        [record.kind for _, record in records],
        [record.payload for _, record in records],
    ]


def _known(row: Any) -> KnownStore:
    return KnownStore(
        id=row["id"],
        currency=row["currency"],
        accepting_orders=row["accepting_orders"],
        closed_reason=row["closed_reason"],
        till_key_sha256=row["till_key_sha256"],
        changed_at=row["updated_at"],
        queue_limit=row["queue_limit"],
        under_way=row["under_way"],
        measured=row["measured"],
        orders_table=row["orders_table"],
    )
