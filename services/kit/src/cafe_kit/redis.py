"""Redis, made to survive a failover: bounded waits, no hidden retries, one error for "away".

Used for ElastiCache (menu) and MemoryDB (loyalty). Nothing connects before the first use.

The URL says what is there: `redis://` and `rediss://` (TLS) name one server, which must be the
primary; `redis+cluster://` and `rediss+cluster://` any node of a cluster, as MemoryDB's endpoint
does. The client asks that node which one is the primary, and follows when another becomes it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any

from redis import exceptions
from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster
from redis.asyncio.client import Pipeline
from redis.asyncio.cluster import ClusterPipeline
from redis.asyncio.connection import SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider

from cafe_kit.errors import UnavailableError

CONNECT_SECONDS = 1.0
COMMAND_SECONDS = 1.0
ACQUIRE_SECONDS = 0.5
CLUSTER_SECONDS = 3.0
"""For all that one use of a cluster may take: to find the primary, to connect and to be answered,
each within its own bound, after whoever is doing the same."""

CLUSTER = "+cluster"
"""What the scheme of a URL ends with that names a node of a cluster."""

AWAY = (
    OSError,
    TimeoutError,
    exceptions.ConnectionError,  # also: wrong password, busy loading, no free connection
    exceptions.TimeoutError,
    exceptions.ReadOnlyError,  # the old primary has become a replica
    exceptions.AskError,  # also: MOVED. Whoever is asked is not the primary
    exceptions.ClusterError,  # also: CLUSTERDOWN. Sent from node to node without an end
    exceptions.SlotNotCoveredError,
    exceptions.TryAgainError,
    exceptions.OutOfMemoryError,
)
AWAY_PREFIXES = (
    *("MISCONF", "NOREPLICAS", "BUSY", "LOADING", "MASTERDOWN", "UNBLOCKED"),
    # the client's own words, when no node tells which of them has the keys
    *("Redis Cluster cannot be connected", "All slots are not covered"),
)
"""Refusals of a server that will serve again; the client has no classes for them."""

NO_KEY = "cafe:no-such-key"


Url = str | Callable[[], str]
"""A URL, or what tells it as it is now: user and password are then read for each connection."""


class _Login(CredentialProvider):
    """User and password of a URL that may change."""

    def __init__(self, url: Callable[[], str]) -> None:
        self._url = url

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        """As the URL says now."""
        found, _ = _parsed(self._url())
        password = str(found.get("password", ""))
        return (str(found["username"]), password) if found.get("username") else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        """The same: nothing here waits."""
        return self.get_credentials()


class RedisStore:
    """A bounded number of connections to one store. A lost answer's outcome is unknown."""

    def __init__(self, url: Url, *, name: str, connections: int = 16) -> None:
        self._name = name
        bounds: dict[str, Any] = {
            "socket_connect_timeout": CONNECT_SECONDS,
            "socket_timeout": COMMAND_SECONDS,
            # a repeated INCR counts twice: whoever calls knows what may be repeated
            "retry": Retry(NoBackoff(), 0),
            "decode_responses": True,
        }
        address, clustered = _address(url)
        self.host = str(address.get("host", ""))
        """Whose server it is, without port or credentials."""
        self.client: Redis | RedisCluster
        self._use: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
        if clustered:
            self.client = _cluster(bounds | address, connections)
            self._use = _Turns(self.client, connections).turn
        else:
            self.client = _single(bounds | address, connections)

    @asynccontextmanager
    async def translated(self) -> AsyncIterator[None]:
        """Around every use of `client`.

        Raises:
            UnavailableError: the server is away, or does not answer in time.
        """
        try:
            async with self._use():
                yield
        except AWAY as error:
            if isinstance(error, exceptions.ReadOnlyError) and isinstance(self.client, Redis):
                # its name leads to another by now, or soon
                await self.client.connection_pool.disconnect(inuse_connections=False)
            raise self._unavailable(error) from error
        except (exceptions.ResponseError, exceptions.RedisClusterException) as error:
            if not str(error).startswith(AWAY_PREFIXES):
                raise
            raise self._unavailable(error) from error

    async def answers(self, pipeline: Pipeline | ClusterPipeline) -> list[Any]:
        """What a pipeline is answered; the first refusal is raised as the server worded it."""
        answers: list[Any] = await pipeline.execute(raise_on_error=False)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    async def check(self) -> None:
        """Raise unless the one answers that has the keys: any replica answers a PING."""
        async with self.translated():
            await self.client.get(NO_KEY)

    async def close(self) -> None:
        """Drop all connections."""
        await self.client.aclose()
        if isinstance(self.client, RedisCluster):
            # after a failure it believes that it is closed
            await self.client.nodes_manager.aclose()
            await self.client.nodes_manager.aclose("startup_nodes")

    def _unavailable(self, error: Exception) -> UnavailableError:
        what = f"{type(error).__name__}: {error}".rstrip(": ")
        return UnavailableError(
            f"{self._name} is not available ({what}).", slug=f"{self._name}-unavailable"
        )


class _Turns:
    """Uses of a cluster: so many at once, each bounded, and after a failure by a new look round.

    Of itself the client lets nobody wait for a connection, but everybody for its topology, and
    after a pipeline's failure it stays with the primary that it knew.
    """

    def __init__(self, client: RedisCluster, connections: int) -> None:
        self._client = client
        self._free = asyncio.Semaphore(connections)
        self._lost = False

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Around one use."""
        async with asyncio.timeout(ACQUIRE_SECONDS):
            await self._free.acquire()
        try:
            async with asyncio.timeout(CLUSTER_SECONDS):
                await self._look_round()
                yield
        except AWAY:
            self._lost = True
            raise
        finally:
            self._free.release()

    async def _look_round(self) -> None:
        if self._lost:
            await self._client.initialize()  # nothing, unless it never came about
            await self._client.nodes_manager.initialize()
            self._lost = False


def _single(options: dict[str, Any], connections: int) -> Redis:
    pool = BlockingConnectionPool(max_connections=connections, timeout=ACQUIRE_SECONDS, **options)
    return Redis.from_pool(pool)


def _cluster(options: dict[str, Any], connections: int) -> RedisCluster:
    """A client that asks the endpoint again after each failure: nodes come and go, it stays."""
    encrypted = options.pop("connection_class", None) is SSLConnection
    return RedisCluster(
        ssl=encrypted,
        # turns bound them; those that are being dropped count here, and must not be in the way
        max_connections=2 * connections,
        dynamic_startup_nodes=False,
        # each MOVED tells where to go: no reason to drop everybody's connections now and then
        reinitialize_steps=0,
        **options,
    )


def _parsed(url: str) -> tuple[dict[str, Any], bool]:
    """What a URL says, and whether of a cluster."""
    scheme, separator, rest = url.partition("://")
    plain = scheme.removesuffix(CLUSTER)
    return dict(parse_url(f"{plain}{separator}{rest}")), plain != scheme


def _address(url: Url) -> tuple[dict[str, Any], bool]:
    """What a client takes of a URL: with its login, or with what asks for it at each connection."""
    if isinstance(url, str):
        return _parsed(url)
    found, clustered = _parsed(url())
    if found.pop("password", None) is not None:
        found.pop("username", None)
        found["credential_provider"] = _Login(url)
    return found, clustered
