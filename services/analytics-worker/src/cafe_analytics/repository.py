"""All SQL that reads the warehouse. Used by the rules (`service.py`); loading has its own.

Redshift: every statement here is plain SELECT, GROUP BY, JOIN and LIMIT. Pages are cut by keys,
written out as `a > … OR (a = … AND b > …)` because it compares no rows; LIMIT is a number in the
text, not a parameter. SUM of bigint is numeric in both, so no sum overflows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
from cafe_kit.database import Connection, Database, DatabaseUnavailableError

from cafe_analytics.models import (
    DayTotal,
    HourSales,
    LedgerEntry,
    MonthEnd,
    ProductSales,
    Report,
    Sales,
    StoreSales,
    Total,
    Window,
)

SCHEMA_VERSION = "SELECT MAX(version) FROM schema_migrations"

BY_STORE = """
SELECT store_id, currency, COUNT(*) AS orders, SUM(total_minor) AS revenue_minor
FROM sales
WHERE placed_at >= $1 AND placed_at < $2
  AND (CAST($3 AS varchar(128)) = '' OR store_id = CAST($3 AS varchar(128)))
  AND (store_id > CAST($4 AS varchar(128))
       OR (store_id = CAST($4 AS varchar(128)) AND currency > CAST($5 AS varchar(3))))
GROUP BY store_id, currency
ORDER BY store_id, currency
LIMIT :most
"""

BY_HOUR = """
SELECT hour_utc, store_id, currency, COUNT(*) AS orders, SUM(total_minor) AS revenue_minor
FROM (
    SELECT DATE_TRUNC('hour', placed_at AT TIME ZONE 'UTC') AS hour_utc, store_id, currency,
           total_minor
    FROM sales
    WHERE placed_at >= $1 AND placed_at < $2
      AND (CAST($3 AS varchar(128)) = '' OR store_id = CAST($3 AS varchar(128)))
) AS hourly
WHERE hour_utc > CAST($4 AS timestamp)
   OR (hour_utc = CAST($4 AS timestamp) AND store_id > CAST($5 AS varchar(128)))
   OR (hour_utc = CAST($4 AS timestamp) AND store_id = CAST($5 AS varchar(128))
       AND currency > CAST($6 AS varchar(3)))
GROUP BY hour_utc, store_id, currency
ORDER BY hour_utc, store_id, currency
LIMIT :most
"""

BY_PRODUCT = """
SELECT sku, currency, MAX(name) AS name, SUM(quantity) AS quantity,
       SUM(revenue_minor) AS revenue_minor
FROM sold_lines
WHERE placed_at >= $1 AND placed_at < $2
  AND (CAST($3 AS varchar(128)) = '' OR store_id = CAST($3 AS varchar(128)))
  AND (sku > CAST($4 AS varchar(64))
       OR (sku = CAST($4 AS varchar(64)) AND currency > CAST($5 AS varchar(3))))
GROUP BY sku, currency
ORDER BY sku, currency
LIMIT :most
"""

# The page comes first, by the keys alone; then the rows of its orders are counted, wherever and
# however often they stand.
LEDGER = """
SELECT page.order_id, page.placed_at, MAX(orders.store_id) AS store_id,
       MAX(orders.status) AS status, MAX(orders.currency) AS currency,
       MAX(orders.total_minor) AS total_minor, COUNT(*) AS row_count
FROM (
    SELECT placed_at, order_id
    FROM orders
    WHERE placed_at >= $1 AND placed_at < $2
      AND (CAST($3 AS varchar(128)) = '' OR store_id = CAST($3 AS varchar(128)))
      AND (placed_at > $4 OR (placed_at = $4 AND order_id > CAST($5 AS varchar(64))))
    GROUP BY placed_at, order_id
    ORDER BY placed_at, order_id
    LIMIT :most
) AS page
JOIN orders ON orders.order_id = page.order_id
GROUP BY page.placed_at, page.order_id
ORDER BY page.placed_at, page.order_id
"""

MONTH_ORDERS = """
SELECT status, COUNT(*) AS orders FROM orders
WHERE placed_at >= $1 AND placed_at < $2
GROUP BY status ORDER BY status
"""

MONTH_TOTALS = """
SELECT currency, COUNT(*) AS orders, SUM(total_minor) AS revenue_minor
FROM sales
WHERE placed_at >= $1 AND placed_at < $2
GROUP BY currency ORDER BY currency
"""

MONTH_DAYS = """
SELECT day, currency, COUNT(*) AS orders, SUM(total_minor) AS revenue_minor
FROM (
    SELECT DATE_TRUNC('day', placed_at AT TIME ZONE 'UTC') AS day, currency, total_minor
    FROM sales
    WHERE placed_at >= $1 AND placed_at < $2
) AS daily
GROUP BY day, currency
ORDER BY day, currency
"""

MONTH_STORES = """
SELECT store_id, currency, COUNT(*) AS orders, SUM(total_minor) AS revenue_minor
FROM sales
WHERE placed_at >= $1 AND placed_at < $2
GROUP BY store_id, currency
ORDER BY SUM(total_minor) DESC, store_id, currency
LIMIT :most
"""

MONTH_PRODUCTS = """
SELECT sku, currency, MAX(name) AS name, SUM(quantity) AS quantity,
       SUM(revenue_minor) AS revenue_minor
FROM sold_lines
WHERE placed_at >= $1 AND placed_at < $2
GROUP BY sku, currency
ORDER BY SUM(quantity) DESC, sku, currency
LIMIT :most
"""

TOP = 20


@dataclass(frozen=True, slots=True)
class Query:
    """A report's statement, the first key that lies before all rows, and what a row becomes."""

    sql: str
    before_all: tuple[object, ...]
    view: Callable[[Any], Sales]


def _store(row: Any) -> StoreSales:
    return StoreSales(
        store_id=row["store_id"],
        currency=row["currency"],
        orders=row["orders"],
        revenue_minor=int(row["revenue_minor"]),
    )


def _hour(row: Any) -> HourSales:
    return HourSales(
        hour=row["hour_utc"].replace(tzinfo=UTC),
        store_id=row["store_id"],
        currency=row["currency"],
        orders=row["orders"],
        revenue_minor=int(row["revenue_minor"]),
    )


def _product(row: Any) -> ProductSales:
    return ProductSales(
        sku=row["sku"],
        currency=row["currency"],
        name=row["name"],
        quantity=int(row["quantity"]),
        revenue_minor=int(row["revenue_minor"]),
    )


REPORTS: Mapping[Report, Query] = {
    Report.BY_STORE: Query(BY_STORE, ("", ""), _store),
    Report.BY_HOUR: Query(BY_HOUR, (datetime.min, "", ""), _hour),  # noqa: DTZ901 - a column in UTC
    Report.BY_PRODUCT: Query(BY_PRODUCT, ("", ""), _product),
}


class WarehouseReports:
    """Reads the warehouse. Every method raises `DatabaseUnavailableError` when it is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def schema_version(self) -> int:
        """The newest migration; 0 when there is none yet."""
        rows = await self._fetch(SCHEMA_VERSION)
        return int(rows[0][0] or 0)

    async def sales(
        self, report: Report, window: Window, *, after: Sequence[object] | None, most: int
    ) -> list[Sales]:
        """A report's rows behind a key, in the order of the keys."""
        query = REPORTS[report]
        key = query.before_all if after is None else after
        rows = await self._fetch(limited(query.sql, most), *_window(window), *key)
        return [query.view(row) for row in rows]

    async def ledger(
        self, window: Window, *, after: tuple[datetime, str] | None, most: int
    ) -> list[LedgerEntry]:
        """Orders behind a key, in the order of placing."""
        key = after or (window.since, "")
        rows = await self._fetch(limited(LEDGER, most), *_window(window), *key)
        return [
            LedgerEntry(
                order_id=row["order_id"],
                store_id=row["store_id"],
                status=row["status"],
                currency=row["currency"],
                total_minor=row["total_minor"],
                placed_at=row["placed_at"],
                rows=row["row_count"],
            )
            for row in rows
        ]

    async def month_end(self, month: str, since: datetime, until: datetime) -> MonthEnd:
        """The month in figures that agree with each other: one snapshot."""
        async with (
            self._database.connection() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            return await _month_end(connection, month, since, until)

    async def _fetch(self, sql: str, *values: object) -> Sequence[Any]:
        try:
            async with self._database.connection() as connection:
                rows: Sequence[Any] = await connection.fetch(sql, *values)
        except asyncpg.InternalServerError as error:
            raise DatabaseUnavailableError(f"The warehouse failed: {error}") from error
        return rows


async def _month_end(
    connection: Connection, month: str, since: datetime, until: datetime
) -> MonthEnd:
    orders = await connection.fetch(MONTH_ORDERS, since, until)
    totals = await connection.fetch(MONTH_TOTALS, since, until)
    days = await connection.fetch(MONTH_DAYS, since, until)
    stores = await connection.fetch(limited(MONTH_STORES, TOP), since, until)
    products = await connection.fetch(limited(MONTH_PRODUCTS, TOP), since, until)
    return MonthEnd(
        month=month,
        since=since,
        until=until,
        orders={row["status"]: row["orders"] for row in orders},
        totals=[Total(**_total(row)) for row in totals],
        days=[DayTotal(day=row["day"].replace(tzinfo=UTC), **_total(row)) for row in days],
        stores=[_store(row) for row in stores],
        products=[_product(row) for row in products],
    )


def limited(sql: str, most: int) -> str:
    """The statement with its LIMIT."""
    return sql.replace(":most", str(int(most)))


def _window(window: Window) -> tuple[object, ...]:
    return (window.since, window.until, window.store_id)


def _total(row: Any) -> dict[str, Any]:
    revenue = int(row["revenue_minor"])
    return {"currency": row["currency"], "orders": row["orders"], "revenue_minor": revenue}
