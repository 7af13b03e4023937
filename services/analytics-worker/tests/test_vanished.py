"""On Redshift nobody ends the transaction of a worker that is gone: the others do.

There is no Redshift here. PostgreSQL plays it, with views that say of its own transactions what
Redshift's say, and without the guard that only PostgreSQL has.
"""

import asyncio

import asyncpg
import pytest
from cafe_analytics import loading, vanished
from cafe_analytics.fakes import batch, life
from cafe_kit.database import DatabaseUnavailableError

SYSTEM = """
CREATE FUNCTION getdate() RETURNS timestamp LANGUAGE sql AS
    $$ SELECT clock_timestamp() AT TIME ZONE 'UTC' + INTERVAL '{later}' $$;
CREATE VIEW svv_transactions AS
    SELECT a.usename::text AS txn_owner, a.datname::text AS txn_db, l.pid,
           a.xact_start AT TIME ZONE 'UTC' AS txn_start, l.mode AS lock_mode,
           l.relation::integer AS relation, l.granted
    FROM pg_locks l JOIN pg_stat_activity a USING (pid);
CREATE VIEW stv_recents AS
    SELECT 'Running'::char(20) AS status, pid FROM pg_stat_activity WHERE state = 'active';
"""
NOTHING = """
DROP FUNCTION IF EXISTS getdate; DROP VIEW IF EXISTS svv_transactions, stv_recents;
"""


@pytest.fixture
async def redshift(warehouse, monkeypatch):
    """A function that makes the warehouse a Redshift, a minute after each load began or not."""
    for module in (loading, vanished):
        monkeypatch.setattr(module, "is_redshift", lambda _connection: True)

    async def made(later="61 seconds"):
        await warehouse.execute(SYSTEM.format(later=later))
        return warehouse

    yield made
    await warehouse.execute(NOTHING)


@pytest.fixture
async def holder(warehouse):
    """A session in a load that does nothing any more."""
    connection = await asyncpg.connect(warehouse.dsn)
    await connection.execute("BEGIN")
    await connection.execute(loading.LOCK)
    yield connection
    connection.terminate()


async def test_the_load_of_a_worker_that_is_gone_holds_nobody_up(redshift, holder, open_sink):
    warehouse = await redshift()
    sink = open_sink(warehouse.dsn, seconds=0.5)
    with pytest.raises(DatabaseUnavailableError):
        await sink.absorb(batch(life()))
    await sink.absorb(batch(life()))
    assert await warehouse.statuses() == [("o1", "completed")]
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
        await holder.execute("COMMIT")


async def test_a_load_that_is_young_is_let_be(redshift, holder, open_sink):
    warehouse = await redshift("50 seconds")
    with pytest.raises(DatabaseUnavailableError):
        await open_sink(warehouse.dsn, seconds=0.5).absorb(batch(life()))
    await holder.execute("COMMIT")


async def test_a_load_that_runs_a_statement_is_let_be(redshift, holder, open_sink):
    warehouse = await redshift()
    slow = asyncio.create_task(holder.execute("SELECT pg_sleep(2)"))
    with pytest.raises(DatabaseUnavailableError):
        await open_sink(warehouse.dsn, seconds=0.5).absorb(batch(life()))
    await slow
    await holder.execute("COMMIT")


async def test_who_holds_another_lock_than_that_of_the_loads_is_let_be(redshift, open_sink):
    warehouse = await redshift()
    reader = await asyncpg.connect(warehouse.dsn)
    try:
        await reader.execute("BEGIN")
        await reader.execute("LOCK TABLE orders")
        await reader.fetch("SELECT * FROM stream_positions")
        with pytest.raises(DatabaseUnavailableError):
            await open_sink(warehouse.dsn, seconds=0.5).absorb(batch(life()))
        await reader.execute("COMMIT")
    finally:
        await reader.close()


async def test_where_nothing_can_be_looked_for_the_load_fails_as_it_did(
    redshift, holder, open_sink, warehouse
):
    with pytest.raises(DatabaseUnavailableError, match="another load has the lock"):
        await open_sink(warehouse.dsn, seconds=0.5).absorb(batch(life()))


async def test_on_postgresql_nobody_is_looked_for(holder, open_sink, warehouse, monkeypatch):
    looked = []
    monkeypatch.setattr(loading, "end_vanished", looked.append)
    with pytest.raises(DatabaseUnavailableError):
        await open_sink(warehouse.dsn, seconds=0.5).absorb(batch(life()))
    assert looked == []
