"""Schema migrations that a service ships: numbered files, and the patience to wait for a database.

Used by each service's `migrate` module, which knows its own way to exclude a second run: what
locks PostgreSQL is not what locks Redshift.
"""

import asyncio
import hashlib
import re
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import asyncpg

CONNECT_SECONDS = 3.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 5.0

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

    @property
    def label(self) -> str:
        """How it is called in what people read."""
        return f"{self.version:04} {self.name}"

    def is_missing(self, applied: str | None) -> bool:
        """Whether it must be applied, by the digest of what was (None: nothing was).

        Raises:
            MigrationError: it was applied in another form.
        """
        if applied is not None and applied != self.sha256:
            raise MigrationError(
                f"{self.label} was applied in another form. Never change an applied file: "
                "restore it and add a new one."
            )
        return applied is None


def shipped(package: str) -> list[Migration]:
    """The migrations of a package, `migrations/0001_name.sql` and so on, in order."""
    found = []
    for file in files(package).joinpath("migrations").iterdir():
        match = re.fullmatch(r"(\d{4})_(\w+)\.sql", file.name)
        if match:
            found.append(Migration(int(match[1]), match[2], file.read_text("utf-8")))
    return sorted(found, key=lambda migration: migration.version)


async def connect(dsn: str, wait_seconds: float, say: Say, *, variables: str) -> Any:
    """A connection, as soon as the database gives one; `variables` say where it is looked for.

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
                    f"Check {variables} and that the database runs."
                ) from error
            say(f"waiting for the database ({reason}), {left:.0f} s left")
            await asyncio.sleep(min(pause, max(left, 0)))
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def run(migrating: Callable[[Say], Coroutine[Any, Any, None]]) -> int:
    """The life of a migration Job. Exit status: 0 done, 1 not."""

    def say(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    try:
        asyncio.run(migrating(say))
    except MigrationError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0
