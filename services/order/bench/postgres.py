"""A PostgreSQL of its own for the benchmark: durable, on one core, thrown away afterwards."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
from cafe_order.migrate import migrate

BINARIES = Path("/usr/lib/postgresql/15/bin")
DURABLE = ("fsync=on", "synchronous_commit=on", "full_page_writes=on")
SIZES = ("shared_buffers=512MB", "max_wal_size=8GB", "max_connections=100")
TABLES = ("idempotency_keys", "orders", "order_lines", "order_history", "outbox")


class Server:
    """A running server; every method is a connection of its own."""

    def __init__(self, port: int) -> None:
        self.port = port

    @property
    def dsn(self) -> str:
        """Where it is."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The answer to a query, or to a statement without one."""

        async def ask() -> list[dict[str, Any]]:
            connection = await asyncpg.connect(self.dsn)
            try:
                return [dict(row) for row in await connection.fetch(sql)]
            finally:
                await connection.close()

        return asyncio.run(ask())

    def clear(self) -> None:
        """Empty tables and no dirty pages: every run begins the same."""
        self.rows(f"TRUNCATE {', '.join(TABLES)}")
        self.rows("CHECKPOINT")

    def counts(self) -> dict[str, tuple[int, int]]:
        """Rows and bytes of rows, by table."""
        counted = {}
        for table in TABLES:
            row = self.rows(
                f"SELECT count(*) AS n, coalesce(sum(pg_column_size(t.*)), 0) AS size"
                f" FROM {table} t"
            )[0]
            counted[table] = (int(row["n"]), int(row["size"]))
        return counted


@contextmanager
def running(port: int, core: int) -> Iterator[Server]:
    """The server with the service's schema, on one core."""
    folder = Path(tempfile.mkdtemp(prefix="cafe-bench-pg-"))
    prefix: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        prefix = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres", "postgres")
    data = folder / "data"
    subprocess.run(
        [*prefix, BINARIES / "initdb", "-D", data, "-U", "postgres", "-A", "trust"],
        check=True,
        capture_output=True,
        cwd=folder,
    )
    options = [option for setting in (*DURABLE, *SIZES) for option in ("-c", setting)]
    options += ["-p", str(port), "-k", str(folder), "-c", "listen_addresses=127.0.0.1"]
    pinned = ["taskset", "-c", str(core), *prefix]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*pinned, BINARIES / "postgres", "-D", data, *options],
            stdout=log,
            stderr=log,
            cwd=folder,
        )
    try:
        server = Server(port)
        asyncio.run(migrate(server.dsn, 20, lambda _line: None))
        yield server
    finally:
        stop = [*prefix, str(BINARIES / "pg_ctl"), "-D", str(data), "-m", "fast", "-w", "stop"]
        subprocess.run(stop, check=False, capture_output=True, cwd=folder)
        process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)
