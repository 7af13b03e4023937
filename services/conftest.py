"""Fixtures that the services' tests share: real PostgreSQL and Redis, and the AWS emulator."""
# ruff: noqa: INP001 - a conftest belongs to no package

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import structlog
from redis.asyncio import Redis

from services.kit.tests.support.emulator import Emulator, running_emulator
from services.kit.tests.support.postgres import Postgres, running_postgres
from services.kit.tests.support.proxy import TcpProxy, tcp_proxy
from services.kit.tests.support.redis import RedisServer, running_redis
from services.kit.tests.support.redis_cluster import RedisNodes, running_redis_nodes


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> None:
    """Short logs: the default's coloured tracebacks take seconds of CPU."""
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.LogfmtRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
    )


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for the whole session, with a migrated template."""
    with running_postgres() as server:
        asyncio.run(server.prepare())
        yield server


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """The AWS emulator for the whole session."""
    with running_emulator() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A Redis server for the whole session."""
    with running_redis() as server:
        yield server


@pytest.fixture
async def redis_url(redis_server: RedisServer) -> str:
    """Where an empty Redis is."""
    async with Redis.from_url(redis_server.url) as client:
        await client.flushall()
    return redis_server.url


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[RedisNodes]:
    """A cluster of one shard with a replica, for the whole session."""
    with running_redis_nodes() as nodes:
        yield nodes


@pytest.fixture
def redis_nodes(redis_cluster: RedisNodes) -> RedisNodes:
    """The cluster, whole and empty."""
    redis_cluster.mend()
    return redis_cluster


@pytest.fixture
async def database(postgres: Postgres) -> str:
    """The name of an empty, migrated database."""
    return await postgres.emptied()


@pytest.fixture
async def proxy(postgres: Postgres) -> AsyncIterator[TcpProxy]:
    """A TCP proxy before PostgreSQL."""
    async with tcp_proxy(postgres.port) as running:
        yield running


@pytest.fixture
def aws_environment(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """Point boto3 at the emulator."""
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)
    return emulator
