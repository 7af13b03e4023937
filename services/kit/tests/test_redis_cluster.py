"""A cluster as MemoryDB has it: its address leads to any node, and its primary may be another soon.

Whatever holds for a single Redis (`test_redis.py`) holds here too.
"""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest
from cafe_kit.errors import UnavailableError
from cafe_kit.health import Health
from cafe_kit.metrics import Metrics
from cafe_kit.redis import RedisStore
from redis.asyncio.connection import SSLConnection
from redis.exceptions import RedisClusterException, ResponseError

from services.kit.tests.support.proxy import tcp_proxy

ADD = "return redis.call('INCRBY', KEYS[1], ARGV[1])"
MEMORYDB_ACCESS = "on ~* &* +@all -@admin -@dangerous +info"
"""Of the user in terraform/modules/caching."""


@asynccontextmanager
async def opened(url, connections=4):
    store = RedisStore(url, name="memorydb", connections=connections)
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
async def store(redis_nodes):
    """A store whose address leads to the replica."""
    async with opened(redis_nodes.replica.cluster_url) as store:
        yield store


async def write(store, key="cups", value="1"):
    async with store.translated():
        await store.client.set(key, value)


async def read(store, key="cups"):
    async with store.translated():
        return await store.client.get(key)


async def write_by_pipeline(store, key="cups", value="1"):
    async with store.translated():
        pipeline = store.client.pipeline(transaction=False)
        pipeline.set(key, value)
        return await store.answers(pipeline)


async def until_it_serves(use, *arguments):
    """Repeat a use that is refused; returns how often it was."""
    refused = 0
    async with asyncio.timeout(20):
        while True:
            try:
                await use(*arguments)
            except UnavailableError:
                refused += 1
            else:
                return refused


async def test_an_address_that_leads_to_a_replica_serves_reads_writes_scripts_and_pipelines(store):
    add = store.client.register_script(ADD)
    await store.check()
    await write(store, "cups", "2")
    async with store.translated():
        assert await add(keys=["cups"], args=[3]) == 5
        pipeline = store.client.pipeline(transaction=False)
        pipeline.get("cups")
        pipeline.eval(ADD, 1, "cups", 1)
        pipeline.zadd("in another slot", {"espresso": 0})
        assert await store.answers(pipeline) == ["5", 6, 1]


async def test_a_plain_client_of_a_replica_is_unavailable_and_its_readiness_says_so(redis_nodes):
    async with opened(redis_nodes.replica.url) as store:
        for use in (read, write, write_by_pipeline):
            with pytest.raises(UnavailableError, match="Moved"):
                await use(store)
        with pytest.raises(UnavailableError):
            await store.check()


@pytest.mark.parametrize("use", [write, write_by_pipeline])
async def test_who_became_primary_in_peace_is_followed_without_a_refusal(store, redis_nodes, use):
    await use(store, "cups", "1")
    redis_nodes.hand_over()
    await use(store, "cups", "2")


@pytest.mark.parametrize("use", [read, write, write_by_pipeline])
async def test_after_a_failover_each_kind_of_use_finds_the_new_primary_by_itself(
    store, redis_nodes, use
):
    await write(store)
    redis_nodes.fail_over()
    assert await until_it_serves(use, store) <= 2
    await store.check()


async def test_a_script_is_known_to_the_new_primary_or_made_known(store, redis_nodes):
    add = store.client.register_script(ADD)

    async def by_script():
        async with store.translated():
            await add(keys=["cups"], args=[1])

    await by_script()
    redis_nodes.fail_over()
    redis_nodes.primary.ask("SCRIPT FLUSH")
    await until_it_serves(by_script)
    assert await read(store) == "2"


async def test_the_node_of_the_address_may_die_while_another_serves(redis_nodes):
    """DNS leads to a node that lives; here the address is a proxy before the one that dies."""
    async with opened(redis_nodes.primary.cluster_url) as store:
        await write(store)
        redis_nodes.hand_over()
        await write(store)
        redis_nodes.replica.kill()
        await write(store, "cups", "2")
        assert await read(store) == "2"


async def test_nodes_that_were_all_replaced_are_found_by_the_address(redis_nodes):
    async with (
        tcp_proxy(redis_nodes.replica.port) as address,
        opened(f"redis+cluster://127.0.0.1:{address.port}") as store,
    ):
        await write(store)
        redis_nodes.replica.kill()
        redis_nodes.mend()
        redis_nodes.fail_over()
        address.target_port = redis_nodes.primary.port
        await address.cut()
        await until_it_serves(write, store)


async def test_a_start_without_the_cluster_waits_for_it(redis_nodes):
    async with tcp_proxy(redis_nodes.replica.port) as proxy:
        await proxy.refuse()
        async with opened(f"redis+cluster://127.0.0.1:{proxy.port}") as store:
            for use in (read, write_by_pipeline):
                with pytest.raises(UnavailableError) as refusal:
                    await use(store)
                assert refusal.value.slug == "memorydb-unavailable"
            await proxy.allow()
            await write_by_pipeline(store)
            assert await read(store) == "1"


async def given_up_in_time(*uses):
    began = time.monotonic()
    answers = await asyncio.gather(*uses, return_exceptions=True)
    assert all(isinstance(answer, UnavailableError) for answer in answers)
    assert time.monotonic() - began < 5


async def test_a_primary_that_says_nothing_is_given_up_in_time_by_however_many(store, redis_nodes):
    await store.check()
    redis_nodes.primary.freeze()
    await given_up_in_time(*(use(store) for use in [read, write_by_pipeline] * 12))
    redis_nodes.primary.thaw()
    await until_it_serves(store.check)


async def test_an_address_that_says_nothing_is_given_up_in_time_by_however_many(redis_nodes):
    async with tcp_proxy(redis_nodes.replica.port) as proxy:
        proxy.swallow()
        async with opened(f"redis+cluster://127.0.0.1:{proxy.port}") as store:
            await given_up_in_time(*(read(store) for _ in range(12)))
            proxy.flow()
            await until_it_serves(read, store)


async def test_more_callers_than_connections_wait_their_turn(store, redis_nodes):
    async def slowly():
        async with store.translated():
            return await store.client.blpop(["nothing"], timeout=0.01)

    await store.check()
    assert await asyncio.gather(*(slowly() for _ in range(8))) == [None] * 8
    connected = await asyncio.to_thread(redis_nodes.primary.ask, "CLIENT LIST", "TYPE", "normal")
    assert len(connected) <= 4 + 1, "ours, and the one that asks"


@pytest.fixture
async def far(redis_nodes):
    """A primary that calls itself by the address of a proxy, and the proxy. Nobody else uses it."""
    redis_nodes.replica.kill()
    primary = redis_nodes.primary
    async with tcp_proxy(primary.port) as proxy:
        primary.ask("CONFIG SET", "cluster-announce-port", str(proxy.port))
        yield primary, proxy
        primary.ask("CONFIG SET", "cluster-announce-port", "0")


@pytest.mark.parametrize("by_pipeline", [False, True])
async def test_a_command_is_never_repeated_behind_our_back(far, by_pipeline):
    """The answer of an INCR is lost: it counted once, and whoever called knows of the doubt."""

    async def count():
        async with store.translated():
            if by_pipeline:
                await store.answers(store.client.pipeline().incr("cups"))
            else:
                await store.client.incr("cups")

    primary, proxy = far
    async with opened(primary.cluster_url) as store:
        await store.check()
        first = iter([False])
        proxy.on_answer = lambda _data: next(first, True)
        with pytest.raises(UnavailableError):
            await count()
        assert await read(store) == "1"


async def test_slots_that_nobody_serves_are_unavailable_to_old_and_new_clients(store, redis_nodes):
    await store.check()
    redis_nodes.primary.ask("CLUSTER DELSLOTSRANGE", "0", "16383")
    try:
        for use in (read, write_by_pipeline):
            with pytest.raises(UnavailableError):
                await use(store)
        async with opened(redis_nodes.primary.cluster_url) as new:
            with pytest.raises(UnavailableError):
                await new.check()
    finally:
        redis_nodes.primary.ask("CLUSTER ADDSLOTSRANGE", "0", "16383")
    redis_nodes.settled()
    await until_it_serves(read, store)
    await until_it_serves(write_by_pipeline, store)


async def test_readiness_tells_of_a_failover_and_of_its_end(store, redis_nodes):
    health = Health(Metrics("test"))
    health.depends_on("memorydb", store.check)
    (memorydb,) = health.dependencies
    await health.check_once(memorydb)
    assert health.ready
    redis_nodes.primary.kill()
    await health.check_once(memorydb)
    assert not memorydb.up
    redis_nodes.fail_over()
    async with asyncio.timeout(10):
        while not memorydb.up:
            await health.check_once(memorydb)


async def test_the_user_of_memorydb_may_do_all_that_and_its_password_may_change(redis_nodes):
    for node in (redis_nodes.primary, redis_nodes.replica):
        node.ask("ACL SETUSER", "cafe", *MEMORYDB_ACCESS.split(), ">p@first")
    told = {"password": "p%40first"}
    port = redis_nodes.replica.port
    async with opened(
        lambda: f"redis+cluster://cafe:{told['password']}@127.0.0.1:{port}/0"
    ) as store:
        add = store.client.register_script(ADD)
        await store.check()
        await write_by_pipeline(store)
        async with store.translated():
            assert await add(keys=["cups"], args=[1]) == 2
        for node in (redis_nodes.primary, redis_nodes.replica):
            node.ask("ACL SETUSER", "cafe", "<p@first", ">p@second")
            node.ask("CLIENT KILL", "USER", "cafe")
        with pytest.raises(UnavailableError):
            await write(store)
        told["password"] = "p%40second"
        await until_it_serves(write, store)


async def test_a_mistake_of_ours_is_not_an_outage(store):
    await write(store, "cups", "text")
    with pytest.raises(ResponseError):
        async with store.translated():
            await store.client.incr("cups")
    with pytest.raises(RedisClusterException, match="same key slot"):
        async with store.translated():
            await store.client.eval(ADD, 2, "cups", "beans")


def test_with_tls_it_is_asked_by_tls():
    store = RedisStore("rediss+cluster://cafe:secret@memorydb.example:6379/0", name="memorydb")
    assert store.host == "memorydb.example"
    options = store.client.get_connection_kwargs()
    assert options["connection_class"] is SSLConnection
    assert (options["username"], options["password"]) == ("cafe", "secret")
    assert options["ssl_cert_reqs"] == "required"
