"""Redis, made to survive a failover: bounded waits, no hidden retries, one error for "away".

Used for ElastiCache (menu) and MemoryDB (loyalty). Nothing connects before the first use.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from redis import exceptions
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider

from cafe_kit.errors import UnavailableError

CONNECT_SECONDS = 1.0
COMMAND_SECONDS = 1.0
ACQUIRE_SECONDS = 0.5

AWAY = (
    OSError,
    TimeoutError,
    exceptions.ConnectionError,  # also: wrong password, busy loading, no free connection
    exceptions.TimeoutError,
    exceptions.ReadOnlyError,  # the old primary has become a replica
    exceptions.ClusterDownError,
    exceptions.TryAgainError,
    exceptions.OutOfMemoryError,
)
AWAY_PREFIXES = ("MISCONF", "NOREPLICAS", "BUSY", "LOADING", "MASTERDOWN", "UNBLOCKED")
"""Refusals of a server that will serve again; the client has no classes for them."""


Url = str | Callable[[], str]
"""A URL, or what tells it as it is now: user and password are then read for each connection."""


class _Login(CredentialProvider):
    """User and password of a URL that may change."""

    def __init__(self, url: Callable[[], str]) -> None:
        self._url = url

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        """As the URL says now."""
        found = parse_url(self._url())
        password = str(found.get("password", ""))
        return (str(found["username"]), password) if found.get("username") else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        """The same: nothing here waits."""
        return self.get_credentials()


class RedisStore:
    """A bounded pool of connections to one address. A lost answer's outcome is unknown."""

    def __init__(self, url: Url, *, name: str, connections: int = 16) -> None:
        self._name = name
        bounds: dict[str, Any] = {
            "max_connections": connections,
            "timeout": ACQUIRE_SECONDS,
            "socket_connect_timeout": CONNECT_SECONDS,
            "socket_timeout": COMMAND_SECONDS,
            # a repeated INCR counts twice: whoever calls knows what may be repeated
            "retry": Retry(NoBackoff(), 0),
            "decode_responses": True,
        }
        pool = BlockingConnectionPool(**(bounds | _address(url)))
        self.client: Redis = Redis.from_pool(pool)
        self.host = str(pool.connection_kwargs.get("host", ""))
        """Whose server it is, without port or credentials."""

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Around every use of `client`.

        Raises:
            UnavailableError: the server is away, or does not answer in time.
        """
        try:
            yield
        except AWAY as error:
            raise self._unavailable(error) from error
        except exceptions.ResponseError as error:
            if not str(error).startswith(AWAY_PREFIXES):
                raise
            raise self._unavailable(error) from error

    async def check(self) -> None:
        """Raise unless it answers."""
        with self.translated():
            await self.client.ping()

    async def close(self) -> None:
        """Drop all connections."""
        await self.client.aclose()

    def _unavailable(self, error: Exception) -> UnavailableError:
        what = f"{type(error).__name__}: {error}".rstrip(": ")
        return UnavailableError(
            f"{self._name} is not available ({what}).", slug=f"{self._name}-unavailable"
        )


def _address(url: Url) -> dict[str, Any]:
    """What a pool takes of a URL: with its login, or with what asks for it at each connection."""
    if isinstance(url, str):
        return dict(parse_url(url))
    found = dict(parse_url(url()))
    if found.pop("password", None) is not None:
        found.pop("username", None)
        found["credential_provider"] = _Login(url)
    return found
