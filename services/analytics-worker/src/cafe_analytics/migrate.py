"""Bring the schema up to date: `python -m cafe_analytics.migrate`, run by the chart's Job.

Waits for the warehouse (bounded, with a line for each try) and applies what is missing, all in one
transaction that holds a table lock, so that two runs do not collide: Redshift has no advisory
locks, but its CREATE TABLE and CREATE VIEW roll back. Safe to repeat, and it touches nothing
outside its database. A file that was applied and has changed since is refused.
"""

import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import asyncpg
from cafe_kit import migrations
from cafe_kit.migrations import Migration, Say
from cafe_kit.settings import PREFIX
from cafe_kit.wire import utc_now

from cafe_analytics.dialect import is_redshift, rendered
from cafe_analytics.settings import MigrateSettings

TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version    integer      NOT NULL,
    name       varchar(128) NOT NULL,
    sha256     varchar(64)  NOT NULL,
    applied_at timestamptz  NOT NULL
)
"""
LOCK = "LOCK TABLE schema_migrations"
APPLIED = "SELECT version, sha256 FROM schema_migrations"
NOTE = "INSERT INTO schema_migrations (version, name, sha256, applied_at) VALUES ($1, $2, $3, $4)"

ALREADY = (asyncpg.DuplicateTableError, asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError)
"""What PostgreSQL says when two make the same table at the same moment, IF NOT EXISTS or not."""


def shipped() -> list[Migration]:
    """The migrations of this image, in order."""
    return migrations.shipped("cafe_analytics")


def newest_version() -> int:
    """What the service expects to find."""
    return shipped()[-1].version


async def connect(dsn: str, wait_seconds: float, say: Say) -> Any:
    """A connection, as soon as the warehouse gives one.

    Raises:
        MigrationError: it gave none in time.
    """
    return await migrations.connect(dsn, wait_seconds, say, variables=f"{PREFIX}REDSHIFT_*")


async def apply(
    connection: Any,
    files: Sequence[Migration],
    say: Say,
    *,
    clock: Callable[[], datetime] = utc_now,
) -> int:
    """Apply what is missing, all or nothing; returns how many that were.

    Raises:
        MigrationError: an applied file differs from the shipped one.
    """
    try:
        await connection.execute(TABLE)
    except ALREADY:
        say("another run has just made schema_migrations")
    redshift = is_redshift(connection)
    count = 0
    async with connection.transaction():
        await connection.execute(LOCK)
        applied = {row["version"]: row["sha256"] for row in await connection.fetch(APPLIED)}
        for migration in files:
            if not migration.is_missing(applied.get(migration.version)):
                say(f"{migration.label}: already applied")
                continue
            await connection.execute(rendered(migration.sql, redshift=redshift))
            values = (migration.version, migration.name, migration.sha256, clock())
            await connection.execute(NOTE, *values)
            say(f"{migration.label}: applied")
            count += 1
    return count


async def migrate(dsn: str, wait_seconds: float, say: Say) -> None:
    """Wait, lock, apply."""
    began = time.monotonic()
    connection = await connect(dsn, wait_seconds, say)
    try:
        count = await apply(connection, shipped(), say)
    finally:
        await connection.close()
    say(f"schema is at {newest_version()}; {count} applied in {time.monotonic() - began:.1f} s")


def main() -> int:
    """Exit status: 0 done, 1 not."""
    settings = MigrateSettings()
    return migrations.run(lambda say: migrate(settings.dsn, settings.migrate_wait_seconds, say))


if __name__ == "__main__":
    sys.exit(main())
