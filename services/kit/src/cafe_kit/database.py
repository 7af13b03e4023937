"""The PostgreSQL pool, made to survive a failover.

Nothing connects before the first use. Every wait is bounded (connect, acquire, statement), lost
connections are thrown away, and whatever means "the database is away" becomes one error: 503 with
Retry-After. The next request connects anew, so service is back as soon as the database is.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from cafe_kit.errors import UnavailableError

RELEASE_SECONDS = 0.5
IDLE_SECONDS = 60.0
CACHED_STATEMENTS = 100

Connection = Any
"""asyncpg ships no types."""

Password = Callable[[], str | Awaitable[str]]
"""Asked when a connection opens, so that a rotation needs no restart."""

LOST = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.InvalidAuthorizationSpecificationError,  # the password was rotated: until ours is
    asyncpg.OperatorInterventionError,  # shut down, starting up, statement timeout
    asyncpg.InsufficientResourcesError,  # too many connections
    asyncpg.TransactionRollbackError,  # deadlock, serialisation
    asyncpg.ReadOnlySQLTransactionError,  # the old writer has become a reader
    asyncpg.LockNotAvailableError,
    asyncpg.UndefinedTableError,  # the schema is not there yet
    asyncpg.InternalClientError,  # the connection broke in the middle of the protocol
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a client waits, and what it asks of the server when a connection opens.

    The default is for short transactions on PostgreSQL; a warehouse takes longer and knows fewer
    settings.
    """

    connect_seconds: float = 1.5
    acquire_seconds: float = 1.5
    statement_seconds: float = 2.0
    cached_statements: int = CACHED_STATEMENTS
    server_settings: Mapping[str, str] = field(
        default_factory=lambda: {
            "statement_timeout": "2000",
            "idle_in_transaction_session_timeout": "15000",
        }
    )


class DatabaseUnavailableError(UnavailableError):
    """The database is away, or does not answer in time. A write's outcome is then unknown."""

    slug = "database-unavailable"
    title = "The database is not available"


class Database:
    """A bounded pool of connections to one address."""

    def __init__(
        self,
        dsn: str,
        *,
        connections: int,
        name: str,
        bounds: Bounds = Bounds(),
        password: Password | None = None,
    ) -> None:
        """`password` goes before the one in `dsn`."""
        self._dsn = dsn
        self._password = password
        self._connections = connections
        self._name = name
        self._bounds = bounds
        self._pool: Any = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection for a short time.

        Raises:
            DatabaseUnavailableError: no connection in time, or it was lost during its use.
        """
        pool = await self._opened()
        try:
            connection = await pool.acquire(timeout=self._bounds.acquire_seconds)
        except LOST as error:
            raise _unavailable(error) from error
        broken = True
        try:
            yield connection
            broken = False
        except LOST as error:
            if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
                await pool.expire_connections()
            raise _unavailable(error) from error
        except Exception:
            broken = False
            raise
        finally:
            await _give_back(pool, connection, broken=broken)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection with a transaction around the block."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def close(self) -> None:
        """Drop all connections."""
        if self._pool is not None:
            self._pool.terminate()

    async def _opened(self) -> Any:
        if self._pool is None:
            async with self._opening:
                if self._pool is None:
                    self._pool = await self._made()
        return self._pool

    async def _made(self) -> Any:
        bounds = self._bounds
        # min_size 0: making the pool does not connect, so it cannot fail
        return await asyncpg.create_pool(
            self._dsn,
            password=self._password,
            min_size=0,
            max_size=self._connections,
            timeout=bounds.connect_seconds,
            command_timeout=bounds.statement_seconds,
            max_inactive_connection_lifetime=IDLE_SECONDS,
            statement_cache_size=bounds.cached_statements,
            server_settings={"application_name": self._name, **bounds.server_settings},
        )


async def _give_back(
    pool: Any,
    connection: Connection,
    *,
    broken: bool,
) -> None:
    try:
        if broken:
            # never wait for a connection that may hang: the next user gets a new one
            connection.terminate()
        await pool.release(connection, timeout=RELEASE_SECONDS)
    except LOST:
        # it broke before or while being given back: the pool has already forgotten it
        return


def _unavailable(error: Exception) -> DatabaseUnavailableError:
    what = f"{type(error).__name__}: {error}".rstrip(": ")
    return DatabaseUnavailableError(f"The database is not available ({what}).")
