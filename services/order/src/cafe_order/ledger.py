"""The book of orders: what the audit compares with the other services' books.

Read by `GET /ledger`, page by page in the order of placing. Synthetic orders are in no book.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from cafe_kit.database import Database
from cafe_kit.paging import bad_cursor, decode_cursor, encode_cursor
from cafe_kit.wire import WireView
from pydantic import TypeAdapter

from cafe_order.models import Status

# The window's start moves on with the cursor: (placed_at, id) is the position after an entry.
PAGE = """
SELECT o.id, o.store_id, o.customer_id, o.status, o.currency, o.total_minor, o.placed_at,
       coalesce((SELECT max(h.at) FROM order_history h WHERE h.order_id = o.id), o.placed_at)
           AS updated_at,
       (SELECT json_agg(json_build_object('sku', l.sku, 'quantity', l.quantity,
                                          'unitPriceMinor', l.unit_price_minor) ORDER BY l.line)
        FROM order_lines l WHERE l.order_id = o.id) AS lines
FROM orders o
WHERE NOT o.synthetic AND o.placed_at >= $1 AND o.placed_at < $2
  AND ($3::text IS NULL OR o.store_id = $3)
  AND ($4::timestamptz IS NULL OR (o.placed_at, o.id) > ($4, $5::uuid))
ORDER BY o.placed_at, o.id LIMIT $6
"""


class LedgerLine(WireView):
    """One item of an order."""

    sku: str
    quantity: int
    unit_price_minor: int


class LedgerEntry(WireView):
    """One order."""

    order_id: str
    store_id: str
    customer_id: str | None
    status: Status
    currency: str
    total_minor: int
    lines: list[LedgerLine]
    placed_at: datetime
    updated_at: datetime


class LedgerPage(WireView):
    """Some entries, and where the next ones begin."""

    entries: list[LedgerEntry]
    next: str | None = None


_LINES = TypeAdapter(list[LedgerLine])


@dataclass(frozen=True, slots=True)
class Window:
    """What of the book is asked for; `from_` included, `until` not."""

    from_: datetime
    until: datetime
    store_id: str | None = None


class PostgresLedger:
    """The orders as a book."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, window: Window, limit: int, cursor: str | None) -> LedgerPage:
        """The next entries of a window.

        Raises:
            DatabaseUnavailableError: the database is away.
            UnprocessableError: the cursor is none of ours.
        """
        at, order_id = _position(cursor)
        async with self._database.connection() as connection:
            rows = await connection.fetch(
                PAGE, window.from_, window.until, window.store_id, at, order_id, limit + 1
            )
        more = len(rows) > limit
        return LedgerPage(
            entries=[_entry(row) for row in rows[:limit]],
            next=_cursor(rows[limit - 1]) if more else None,
        )


def _position(cursor: str | None) -> tuple[datetime | None, UUID | None]:
    if cursor is None:
        return None, None
    position = decode_cursor(cursor, "at", "id")
    try:
        return datetime.fromisoformat(position["at"]).astimezone(UTC), UUID(position["id"])
    except (ValueError, OverflowError):
        raise bad_cursor() from None


def _cursor(row: Any) -> str:
    return encode_cursor({"at": row["placed_at"].isoformat(), "id": str(row["id"])})


def _entry(row: Any) -> LedgerEntry:
    return LedgerEntry(
        order_id=str(row["id"]),
        store_id=row["store_id"],
        customer_id=row["customer_id"],
        status=row["status"],
        currency=row["currency"],
        total_minor=row["total_minor"],
        lines=_LINES.validate_json(row["lines"] or "[]"),
        placed_at=row["placed_at"],
        updated_at=row["updated_at"],
    )
