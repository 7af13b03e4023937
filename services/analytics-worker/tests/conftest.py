"""A migrated warehouse on a real PostgreSQL, and the parts of the worker on it."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import httpx
import pytest
from cafe_analytics.app import build
from cafe_analytics.dialect import warehouse_bounds
from cafe_analytics.fakes import STREAM
from cafe_analytics.loading import LoadMetrics, WarehouseSink
from cafe_analytics.migrate import migrate
from cafe_analytics.settings import AnalyticsSettings
from cafe_kit.database import Database
from cafe_kit.fakes import FakeAws
from cafe_kit.wire import utc_now
from prometheus_client import CollectorRegistry

TOKEN = "service-token-for-tests"


@dataclass
class Warehouse:
    """A database with the schema, for looking into."""

    dsn: str

    async def execute(self, sql, *values):
        connection = await asyncpg.connect(self.dsn)
        try:
            await connection.execute(sql, *values)
        finally:
            await connection.close()

    async def rows(self, sql, *values):
        connection = await asyncpg.connect(self.dsn)
        try:
            return [dict(row) for row in await connection.fetch(sql, *values)]
        finally:
            await connection.close()

    async def books(self):
        """Orders and lines, whole: what must be the same however the events came."""
        connection = await asyncpg.connect(self.dsn)
        try:
            orders = await connection.fetch("SELECT * FROM orders ORDER BY order_id")
            lines = await connection.fetch("SELECT * FROM order_lines ORDER BY order_id, line")
        finally:
            await connection.close()
        return [dict(row) for row in orders], [dict(row) for row in lines]

    async def statuses(self):
        rows = await self.rows("SELECT order_id, status FROM orders ORDER BY order_id")
        return [(row["order_id"], row["status"]) for row in rows]

    async def until(self, wanted, seconds=20.0):
        """Wait for statuses that fit; whoever loads them works beside us."""
        end = asyncio.get_running_loop().time() + seconds
        while True:
            found = await self.statuses()
            if wanted(found):
                return
            assert asyncio.get_running_loop().time() < end, f"still {found}"
            await asyncio.sleep(0.02)

    async def empty(self):
        await self.execute("TRUNCATE orders, order_lines, stream_positions")


@pytest.fixture(scope="session")
def migrated(postgres):
    """One warehouse for the session."""

    async def made():
        dsn = postgres.dsn(await postgres.new_database())
        await migrate(dsn, 5, lambda _line: None)
        return Warehouse(dsn)

    return asyncio.run(made())


@pytest.fixture
async def warehouse(migrated):
    """It, without a row."""
    await migrated.empty()
    return migrated


@pytest.fixture
async def open_sink():
    """A function that makes a worker's sink on a database."""
    opened = []

    def make(dsn, database_type=Database, *, seconds=5, **options):
        database = database_type(
            dsn, connections=4, name="test", bounds=warehouse_bounds(seconds), **options
        )
        opened.append(database)
        return WarehouseSink(database, STREAM, LoadMetrics(CollectorRegistry()), clock=utc_now)

    yield make
    for database in opened:
        await database.close()


@pytest.fixture
def sink(open_sink, warehouse):
    """A worker's sink on the warehouse."""
    return open_sink(warehouse.dsn)


@pytest.fixture
def open_worker():
    """A context manager that runs a whole worker."""

    @asynccontextmanager
    async def opened(dsn, aws=None, **settings):
        application = build(
            AnalyticsSettings(
                service_token=TOKEN,
                redshift_url=dsn,
                order_stream=STREAM,
                poll_seconds=0.02,
                drain_timeout_seconds=3,
                **settings,
            ),
            aws or FakeAws(),
        )
        transport = httpx.ASGITransport(application.public)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with (
            application.running(),
            httpx.AsyncClient(
                transport=transport, base_url="http://analytics", headers=headers
            ) as client,
        ):
            yield application, client

    return opened
