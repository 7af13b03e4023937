"""Bring the schema up to date: `python -m cafe_order.migrate`, run by the chart's Job.

Waits for the database (bounded, with a line for each try), takes an advisory lock so that two runs
do not collide, and applies what is missing, each file in a transaction of its own. Safe to repeat.
A file that was applied and has changed since is refused.

A file that begins with `-- concurrently` runs statement by statement outside of a transaction, as
CREATE INDEX CONCURRENTLY asks: nobody who writes waits for it. It must be fit to be begun again.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from typing import Any

from cafe_kit import migrations
from cafe_kit.migrations import Migration, Say
from cafe_kit.settings import PREFIX

from cafe_order.settings import MigrateSettings

LOCK = 4_206_942_069
LOCK_PAUSE_SECONDS = 0.2
CONCURRENTLY = "-- concurrently"

TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


def shipped() -> list[Migration]:
    """The migrations of this image, in order."""
    return migrations.shipped("cafe_order")


def newest_version() -> int:
    """What the service expects to find."""
    return shipped()[-1].version


async def connect(dsn: str, wait_seconds: float, say: Say) -> Any:
    """A connection, as soon as the database gives one.

    Raises:
        MigrationError: it gave none in time.
    """
    return await migrations.connect(dsn, wait_seconds, say, variables=f"{PREFIX}DATABASE_*")


async def apply(connection: Any, files: Sequence[Migration], say: Say) -> int:
    """Apply what is missing; returns how many that were.

    Raises:
        MigrationError: an applied file differs from the shipped one.
    """
    await _lock(connection)
    try:
        await connection.execute(TABLE)
        rows = await connection.fetch("SELECT version, sha256 FROM schema_migrations")
        applied = {row["version"]: row["sha256"] for row in rows}
        count = 0
        for migration in files:
            if migration.is_missing(applied.get(migration.version)):
                await _apply_one(connection, migration)
                say(f"{migration.label}: applied")
                count += 1
            else:
                say(f"{migration.label}: already applied")
        return count
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", LOCK)


async def _lock(connection: Any) -> None:
    """Ask until it is ours: for who waited in the server, a concurrent build would wait in turn."""
    ask = "SELECT pg_try_advisory_lock($1)"
    while not await connection.fetchval(ask, LOCK):  # noqa: ASYNC110 - another process has it
        await asyncio.sleep(LOCK_PAUSE_SECONDS)


async def _apply_one(connection: Any, migration: Migration) -> None:
    if migration.sql.startswith(CONCURRENTLY):
        for statement in filter(str.strip, migration.sql.split(";\n")):
            await connection.execute(statement)
        await _note(connection, migration)
        return
    async with connection.transaction():
        await connection.execute(migration.sql)
        await _note(connection, migration)


async def _note(connection: Any, migration: Migration) -> None:
    await connection.execute(
        "INSERT INTO schema_migrations (version, name, sha256) VALUES ($1, $2, $3)",
        migration.version,
        migration.name,
        migration.sha256,
    )


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
