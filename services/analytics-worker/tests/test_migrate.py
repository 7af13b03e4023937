"""Migrations of the warehouse: repeatable, exclusive, whole or not at all, patient."""

import asyncio

import asyncpg
import pytest
from cafe_analytics.migrate import apply, connect, migrate, newest_version
from cafe_kit.migrations import Migration, MigrationError

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


async def test_an_empty_database_gets_the_schema_and_a_second_run_nothing(empty):
    lines = []
    await migrate(empty, 5, lines.append)
    await migrate(empty, 5, lines.append)
    assert "0 applied" in lines[-1]
    assert await rows(empty, "SELECT max(version) FROM schema_migrations") == [(newest_version(),)]
    for view in ("sales", "sold_lines", "sales_by_store", "sales_by_hour", "sales_by_product"):
        assert await rows(empty, f"SELECT * FROM {view}") == []


async def test_migrations_at_the_same_moment_do_not_collide(empty):
    await asyncio.gather(*(migrate(empty, 5, lambda line: None) for _ in range(4)))
    assert await rows(empty, "SELECT count(*) FROM schema_migrations") == [(newest_version(),)]


async def test_an_applied_file_that_changed_is_refused(empty):
    connection = await asyncpg.connect(empty)
    try:
        await apply(connection, [Migration(1, "a", "SELECT 1")], lambda line: None)
        with pytest.raises(MigrationError, match="0001 a"):
            await apply(connection, [Migration(1, "a", "SELECT 2")], lambda line: None)
    finally:
        await connection.close()


async def test_a_failing_migration_leaves_nothing_of_the_run_behind(empty):
    good = Migration(1, "good", "CREATE TABLE whole (id int)")
    bad = Migration(2, "bad", "CREATE TABLE half (id int); SELECT 1 / 0")
    connection = await asyncpg.connect(empty)
    try:
        with pytest.raises(asyncpg.DivisionByZeroError):
            await apply(connection, [good, bad], lambda line: None)
    finally:
        await connection.close()
    assert await rows(empty, "SELECT version FROM schema_migrations") == []
    assert await rows(empty, "SELECT to_regclass('whole'), to_regclass('half')") == [(None, None)]


async def test_waiting_is_bounded_and_names_the_variables(monkeypatch):
    monkeypatch.setattr("cafe_kit.migrations.FIRST_PAUSE_SECONDS", 0.05)
    with pytest.raises(MigrationError, match="CAFE_REDSHIFT_"):
        await connect(f"postgresql://x@127.0.0.1:{free_port()}/x", 0.2, lambda line: None)
