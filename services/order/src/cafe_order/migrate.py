"""Bring the schema up to date: `python -m cafe_order.migrate`, run by the chart's Job.

Waits for the database (bounded, with a line for each try), takes an advisory lock so that two runs
do not collide, and applies what is missing, each file in a transaction of its own. Safe to repeat.
A file that was applied and has changed since is refused.
"""

import asyncio
import hashlib
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import asyncpg
from cafe_kit.settings import PREFIX

from cafe_order.settings import MigrateSettings

LOCK = 4_206_942_069
CONNECT_SECONDS = 3.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 5.0

TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""

Say = Callable[[str], None]


class MigrationError(Exception):
    """The schema cannot be brought up to date; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file."""

    version: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """Tells whether the file is still what was applied."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def shipped() -> list[Migration]:
    """The migrations of this image, in order."""
    found = []
    for file in files("cafe_order").joinpath("migrations").iterdir():
        match = re.fullmatch(r"(\d{4})_(\w+)\.sql", file.name)
        if match:
            found.append(Migration(int(match[1]), match[2], file.read_text("utf-8")))
    return sorted(found, key=lambda migration: migration.version)


def newest_version() -> int:
    """What the service expects to find."""
    return shipped()[-1].version


async def connect(dsn: str, wait_seconds: float, say: Say) -> Any:
    """A connection, as soon as the database gives one.

    Raises:
        MigrationError: it gave none in time.
    """
    end = time.monotonic() + wait_seconds
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return await asyncpg.connect(dsn, timeout=CONNECT_SECONDS)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            left = end - time.monotonic()
            reason = f"{type(error).__name__}: {error}"
            if left <= 0:
                raise MigrationError(
                    f"No connection within {wait_seconds:g} s ({reason}). "
                    f"Check {PREFIX}DATABASE_* and that the database runs."
                ) from error
            say(f"waiting for the database ({reason}), {left:.0f} s left")
            await asyncio.sleep(min(pause, max(left, 0)))
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


async def apply(connection: Any, migrations: Sequence[Migration], say: Say) -> int:
    """Apply what is missing; returns how many that were.

    Raises:
        MigrationError: an applied file differs from the shipped one.
    """
    await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
    try:
        await connection.execute(TABLE)
        rows = await connection.fetch("SELECT version, sha256 FROM schema_migrations")
        applied = {row["version"]: row["sha256"] for row in rows}
        count = 0
        for migration in migrations:
            label = f"{migration.version:04} {migration.name}"
            known = applied.get(migration.version)
            if known == migration.sha256:
                say(f"{label}: already applied")
                continue
            if known is not None:
                raise MigrationError(
                    f"{label} was applied in another form. Never change an applied file: "
                    "restore it and add a new one."
                )
            await _apply_one(connection, migration)
            say(f"{label}: applied")
            count += 1
        return count
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", LOCK)


async def _apply_one(connection: Any, migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(migration.sql)
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

    def say(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    settings = MigrateSettings()
    try:
        asyncio.run(migrate(settings.dsn, settings.migrate_wait_seconds, say))
    except MigrationError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
