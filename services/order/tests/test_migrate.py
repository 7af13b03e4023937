"""Migrations: repeatable, exclusive, patient with a database that is not there yet."""

import asyncio

import asyncpg
import pytest
from cafe_kit.migrations import Migration, MigrationError
from cafe_order.migrate import apply, connect, migrate, newest_version, shipped

from services.kit.tests.support.ports import free_port


@pytest.fixture
async def empty(postgres):
    return postgres.dsn(await postgres.new_database())


async def rows(dsn, sql):
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def test_an_empty_database_gets_the_schema_and_the_sample_store(empty):
    lines = []
    await migrate(empty, 5, lines.append)
    versions = await rows(empty, "SELECT version FROM schema_migrations ORDER BY 1")
    assert [version for (version,) in versions] == list(range(1, newest_version() + 1))
    assert await rows(empty, "SELECT id, accepting_orders FROM stores") == [("sample", True)]
    assert any("applied" in line for line in lines)


async def test_migrating_again_changes_nothing(empty):
    await migrate(empty, 5, lambda line: None)
    lines = []
    await migrate(empty, 5, lines.append)
    assert "0 applied" in lines[-1]


async def test_two_migrations_at_once_do_not_collide(empty):
    await asyncio.gather(*(migrate(empty, 5, lambda line: None) for _ in range(4)))
    assert await rows(empty, "SELECT count(*) FROM stores") == [(1,)]


async def test_an_applied_file_that_changed_is_refused(empty):
    connection = await asyncpg.connect(empty)
    try:
        await apply(connection, [Migration(1, "a", "SELECT 1")], lambda line: None)
        with pytest.raises(MigrationError, match="0001 a"):
            await apply(connection, [Migration(1, "a", "SELECT 2")], lambda line: None)
    finally:
        await connection.close()


async def test_orders_are_placed_while_an_index_is_built(empty):
    connections = [await asyncpg.connect(empty) for _ in range(3)]
    migrating, slow, till = connections
    insert = (
        "INSERT INTO orders (id, store_id, currency, total_minor, trace_id, placed_at) "
        "VALUES (gen_random_uuid(), 'x', 'EUR', 1, '', now())"
    )
    try:
        await apply(migrating, shipped()[:6], lambda line: None)
        # what a build leaves that was cut off
        await till.execute("CREATE INDEX orders_synthetic ON orders (placed_at)")
        under_way = slow.transaction()
        await under_way.start()
        await slow.execute(insert)
        building = asyncio.create_task(apply(migrating, shipped()[:7], lambda line: None))
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        while not await till.fetchval(waits):
            assert not building.done()
        await till.execute(insert, timeout=5)
        await under_way.commit()
        assert await building == 1
    finally:
        for connection in connections:
            await connection.close()
    assert await rows(
        empty, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'orders_synthetic'::regclass"
    ) == [(True,)]


async def test_a_failing_migration_leaves_nothing_behind(empty):
    connection = await asyncpg.connect(empty)
    bad = Migration(1, "bad", "CREATE TABLE half (id int); SELECT 1 / 0")
    try:
        with pytest.raises(asyncpg.DivisionByZeroError):
            await apply(connection, [bad], lambda line: None)
    finally:
        await connection.close()
    assert await rows(empty, "SELECT version FROM schema_migrations") == []
    assert await rows(empty, "SELECT to_regclass('half')::text") == [(None,)]


async def test_waiting_is_told_and_bounded(monkeypatch):
    monkeypatch.setattr("cafe_kit.migrations.FIRST_PAUSE_SECONDS", 0.05)
    lines = []
    with pytest.raises(MigrationError, match="CAFE_DATABASE_"):
        await connect(f"postgresql://x@127.0.0.1:{free_port()}/x", 0.2, lines.append)
    assert "waiting for the database" in lines[0]


async def test_a_database_that_comes_later_is_waited_for(empty, proxy, monkeypatch):
    monkeypatch.setattr("cafe_kit.migrations.FIRST_PAUSE_SECONDS", 0.05)
    behind = empty.replace(f":{proxy.target_port}/", f":{proxy.port}/")
    await proxy.refuse()
    waited = asyncio.Event()
    running = asyncio.create_task(migrate(behind, 10, lambda line: waited.set()))
    await waited.wait()
    await proxy.allow()
    await running
    assert await rows(empty, "SELECT id FROM stores") == [("sample",)]
