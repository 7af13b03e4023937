"""A real PostgreSQL 15 for tests: one throw-away cluster a session, emptied for each test."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
from cafe_order.migrate import connect, migrate

from services.kit.tests.support.ports import free_port, wait_for_port

BINARIES = Path("/usr/lib/postgresql/15/bin")
MIGRATED = "migrated"
GUEST = "guest"
"""The one role that is asked for its password; a test makes it, and drops it."""


class Postgres:
    """A running server."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._count = 0

    def dsn(self, database: str, port: int | None = None) -> str:
        """Where a database is; `port` when a proxy stands before it."""
        return f"postgresql://postgres@127.0.0.1:{port or self.port}/{database}"

    async def execute(self, sql: str, database: str = "postgres") -> None:
        """One statement as the superuser."""
        connection = await asyncpg.connect(self.dsn(database))
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    async def prepare(self) -> None:
        """The migrated database that the tests share, one after the other."""
        # it accepts connections before it serves them; the migration's own wait bridges that
        first = await connect(self.dsn("postgres"), 10, lambda _line: None)
        await first.close()
        await self.execute(f"CREATE DATABASE {MIGRATED}")
        await migrate(self.dsn(MIGRATED), 5, lambda _line: None)

    async def emptied(self) -> str:
        """The migrated database without a row; returns its name."""
        await self.execute(
            "TRUNCATE stores, orders, order_lines, order_history, idempotency_keys, outbox",
            MIGRATED,
        )
        return MIGRATED

    async def new_database(self) -> str:
        """A database without a schema; returns its name."""
        self._count += 1
        name = f"test{self._count}"
        await self.execute(f"CREATE DATABASE {name}")
        return name


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Start a server in a temporary directory; as root, under the account `postgres`."""
    if not BINARIES.exists():
        raise RuntimeError(f"{BINARIES} is missing: apt-get install -y postgresql-15")
    folder = Path(tempfile.mkdtemp(prefix="cafe-pg-"))
    prefix: list[str] = []
    if os.geteuid() == 0:
        prefix = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres", "postgres")
    data, log, port = folder / "data", folder / "log", free_port()
    try:
        subprocess.run(
            [*prefix, BINARIES / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N"],
            check=True,
            capture_output=True,
            cwd=folder,
        )
        rules = data / "pg_hba.conf"
        rules.write_text(f"host all {GUEST} all scram-sha-256\n{rules.read_text()}")
        options = ["-p", str(port), "-k", str(folder), "-c", "listen_addresses=127.0.0.1"]
        options += ["-c", "max_connections=200", "-c", "shared_buffers=64MB", "-c", "fsync=off"]
        with log.open("wb") as sink:
            process = subprocess.Popen(
                [*prefix, BINARIES / "postgres", "-D", data, *options],
                stdout=sink,
                stderr=sink,
                cwd=folder,
            )
        try:
            wait_for_port(port, process, log)
            yield Postgres(port)
        finally:
            subprocess.run(
                [*prefix, BINARIES / "pg_ctl", "-D", data, "-m", "immediate", "stop"],
                check=False,
                capture_output=True,
                cwd=folder,
            )
            process.wait(10)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
