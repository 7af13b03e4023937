"""The provider's books in one SQLite file. Used by `service.py`.

One thread owns the file; what callers ask for at the same time is done in one transaction, so a
commit is shared and nobody waits for a timer. Nothing is answered before its commit.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import structlog
from cafe_kit.errors import UnavailableError

log = structlog.get_logger()

FILE = "provider.sqlite3"
MERGED = 256
BUSY_MS = 2000

SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE IF NOT EXISTS charges (
  serial INTEGER PRIMARY KEY,
  charge_id TEXT NOT NULL UNIQUE,
  reference TEXT NOT NULL,
  store_id TEXT NOT NULL,
  amount_minor INTEGER NOT NULL,
  currency TEXT NOT NULL,
  placed_at TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT
);
CREATE INDEX IF NOT EXISTS charges_reference ON charges (reference);
CREATE INDEX IF NOT EXISTS charges_placed ON charges (placed_at, serial);
CREATE TABLE IF NOT EXISTS keys (
  key TEXT PRIMARY KEY, charge_id TEXT NOT NULL, request TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS tries (subject TEXT PRIMARY KEY, count INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS faults (id INTEGER PRIMARY KEY CHECK (id = 1), document TEXT NOT NULL);
"""

Value = TypeVar("Value")
Job = Callable[[sqlite3.Connection], Value]


@dataclass(frozen=True, slots=True)
class _Waiting:
    job: Job[Any]
    answer: asyncio.Future[Any]


class Book:
    """The file. A job that raises has changed nothing, and nobody else notices it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="book")
        self._connection: sqlite3.Connection | None = None
        self._waiting: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None

    async def do(self, job: Job[Value]) -> Value:
        """Run a job in the next transaction; its value once that is on the disk.

        Raises:
            UnavailableError: the file cannot be written; nothing was kept.
            Exception: whatever the job raises; the others of its transaction do not notice.
        """
        answer: asyncio.Future[Value] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(job, answer))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return await answer

    async def check(self) -> None:
        """Raise unless the file answers."""
        await self.do(lambda book: book.execute("SELECT 1").fetchone())

    async def close(self) -> None:
        """Finish what was asked for, then close the file."""
        if self._writer is not None:
            await self._writer
        await asyncio.get_running_loop().run_in_executor(self._pool, self._close)
        self._pool.shutdown()

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting[:MERGED], self._waiting[MERGED:]
            try:
                results = await loop.run_in_executor(self._pool, self._transact, batch)
            except Exception as error:  # noqa: BLE001 - told to those who wait, all of them
                results = [error] * len(batch)
            for waiting, result in zip(batch, results, strict=True):
                if waiting.answer.done():  # whoever asked has left
                    continue
                if isinstance(result, Exception):
                    waiting.answer.set_exception(result)
                else:
                    waiting.answer.set_result(result)

    def _transact(self, batch: Sequence[_Waiting]) -> list[Any]:
        try:
            book = self._open()
            book.execute("BEGIN IMMEDIATE")
            try:
                results = [_run(book, waiting.job) for waiting in batch]
                book.execute("COMMIT")
            except BaseException:
                book.rollback()
                raise
        except (OSError, sqlite3.Error) as error:
            log.warning("the book cannot be written", why=str(error))
            away = f"The provider's book cannot be written: {error}."
            return [UnavailableError(away, slug="book-unavailable") for _ in batch]
        return results

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._folder / FILE, isolation_level=None)
            connection.row_factory = sqlite3.Row
            connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
            connection.executescript(SCHEMA)
            self._connection = connection
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _run(book: sqlite3.Connection, job: Job[Any]) -> Any:
    book.execute("SAVEPOINT job")
    try:
        answer = job(book)
    except sqlite3.Error:
        raise  # the file is at fault, for all
    except Exception as error:  # noqa: BLE001 - the answer to who asked
        book.execute("ROLLBACK TO job")
        answer = error
    book.execute("RELEASE job")
    return answer
