"""Redis, real: bounded, one error when it is away, and back as soon as it is."""

import asyncio
import time

import pytest
from cafe_kit.errors import UnavailableError
from cafe_kit.redis import RedisStore
from redis.exceptions import ResponseError

from services.kit.tests.support.ports import free_port
from services.kit.tests.support.proxy import tcp_proxy


@pytest.fixture
async def store(redis_url):
    opened = RedisStore(redis_url, name="elasticache", connections=4)
    yield opened
    await opened.close()


@pytest.fixture
async def far(redis_server, redis_url):
    """A store behind a proxy, and the proxy."""
    async with tcp_proxy(redis_server.port) as proxy:
        opened = RedisStore(f"redis://127.0.0.1:{proxy.port}", name="memorydb", connections=2)
        yield opened, proxy
        await opened.close()


async def test_what_is_stored_is_read_as_text(store):
    async with store.translated():
        await store.client.set("menu", "crème")
        assert await store.client.get("menu") == "crème"
    await store.check()


async def test_nothing_listens_is_unavailable():
    store = RedisStore(f"redis://127.0.0.1:{free_port()}", name="elasticache")
    with pytest.raises(UnavailableError) as refusal:
        await store.check()
    assert refusal.value.slug == "elasticache-unavailable"
    await store.close()


async def test_a_cut_connection_is_one_error_and_then_it_is_back(far):
    store, proxy = far
    await store.check()
    await proxy.refuse()
    with pytest.raises(UnavailableError):
        await store.check()
    await proxy.allow()
    await store.check()


async def test_a_server_that_says_nothing_is_given_up_in_time(far):
    store, proxy = far
    await store.check()
    proxy.swallow()
    began = time.monotonic()
    with pytest.raises(UnavailableError):
        await store.check()
    assert time.monotonic() - began < 3
    proxy.flow()


async def test_a_command_is_never_repeated_behind_our_back(far):
    """The answer of an INCR is lost: it counted once, and whoever called knows of the doubt."""
    store, proxy = far
    await store.check()
    proxy.on_answer = lambda _data: False
    with pytest.raises(UnavailableError):
        async with store.translated():
            await store.client.incr("cups")
    proxy.on_answer = lambda _data: True
    async with store.translated():
        assert await store.client.get("cups") == "1"


async def test_more_callers_than_connections_wait_and_then_are_turned_away(far):
    store, proxy = far
    await store.check()
    proxy.swallow()
    answers = await asyncio.gather(*(store.check() for _ in range(6)), return_exceptions=True)
    assert all(isinstance(answer, UnavailableError) for answer in answers)
    proxy.flow()
    await store.check()


async def test_a_replica_that_refuses_writes_is_unavailable(store, redis_server):
    await store.client.replicaof("127.0.0.1", str(free_port()))
    try:
        with pytest.raises(UnavailableError):
            async with store.translated():
                await store.client.set("a", "1")
    finally:
        await store.client.replicaof("NO", "ONE")
    async with store.translated():
        await store.client.set("a", "1")


async def test_a_connection_to_who_became_a_replica_is_not_used_again(store):
    async with store.translated():
        before = await store.client.client_id()
        await store.client.replicaof("127.0.0.1", str(free_port()))
    with pytest.raises(UnavailableError):
        async with store.translated():
            await store.client.set("menu", "x")
    async with store.translated():
        await store.client.replicaof("NO", "ONE")
        assert await store.client.client_id() > before


async def test_a_pipeline_that_is_refused_for_a_while_is_unavailable(store):
    await store.client.config_set("min-replicas-to-write", 1)
    try:
        with pytest.raises(UnavailableError, match="NOREPLICAS"):
            async with store.translated():
                await store.answers(store.client.pipeline(transaction=False).incr("cups"))
    finally:
        await store.client.config_set("min-replicas-to-write", 0)


async def test_a_mistake_of_ours_is_not_an_outage(store):
    async with store.translated():
        await store.client.set("a", "text")
    with pytest.raises(ResponseError):
        async with store.translated():
            await store.client.incr("a")
