"""What a database failover does to orders: refused fast, lost never, served again at once."""

import asyncio
import time

import asyncpg
import pytest
from cafe_order.migrate import migrate

from services.order.tests.conftest import ORDER, furnish
from services.order.tests.waiting import eventually

CLAIMED_ROW = b"\x00\x02" + b"\x00\x00\x00\x01\x01" * 2
"""The placement's answer on the wire: a row of two true booleans."""


@pytest.fixture
async def fragile_cafe(open_cafe, database, proxy):
    """A cafe whose database is behind the proxy."""
    async with open_cafe(database, port=proxy.port) as opened:
        await furnish(opened)
        assert (await opened.place("key-warm-up")).status_code == 201
        yield opened


async def test_refused_connections_are_answered_fast_and_service_is_back_at_once(
    fragile_cafe, proxy
):
    await proxy.refuse()
    for number in range(3):
        began = time.monotonic()
        response = await fragile_cafe.place(f"key-refused-{number}")
        assert time.monotonic() - began < 1
        assert response.status_code == 503
        assert response.headers["retry-after"] == "1"
        assert response.json()["type"].endswith("database-unavailable")
        assert response.json()["remedy"]
    await proxy.allow()
    began = time.monotonic()
    assert (await fragile_cafe.place("key-refused-0")).status_code == 201
    assert time.monotonic() - began < 1
    assert await fragile_cafe.count("orders") == 2


async def test_connections_that_are_cut_do_not_linger_in_the_pool(fragile_cafe, proxy):
    await asyncio.gather(*(fragile_cafe.place(f"key-before-{n}") for n in range(16)))
    await proxy.cut()

    async def noticed():
        pool = fragile_cafe.application.public.state.placing._placing._known._database._pool
        assert pool.get_idle_size() == 0

    await eventually(noticed)
    responses = [await fragile_cafe.place(f"key-after-cut-{n}") for n in range(16)]
    assert {r.status_code for r in responses} == {201}


async def test_a_silent_database_is_given_up_within_the_statement_timeout(fragile_cafe, proxy):
    proxy.swallow()
    began = time.monotonic()
    response = await fragile_cafe.place("key-silent-1")
    assert response.status_code == 503
    assert time.monotonic() - began < 4
    proxy.flow()

    async def served():
        assert (await fragile_cafe.place("key-silent-1")).status_code == 201

    await eventually(served)
    assert len(await fragile_cafe.rows("SELECT 1 FROM orders")) == 2


async def test_a_commit_whose_answer_is_lost_is_found_by_the_retry(fragile_cafe, proxy):
    def cut_before_the_answer(data):
        return CLAIMED_ROW not in data

    proxy.on_answer = cut_before_the_answer
    lost = await fragile_cafe.place("key-lost-answer")
    assert lost.status_code == 503
    [stored] = await fragile_cafe.rows(
        "SELECT response FROM idempotency_keys WHERE key = 'corner:key-lost-answer'"
    )
    proxy.on_answer = lambda data: True
    retried = await fragile_cafe.place("key-lost-answer")
    assert retried.status_code == 201
    assert retried.content == bytes(stored["response"])
    assert retried.headers["idempotent-replayed"] == "true"
    assert await fragile_cafe.count("orders") == 2


async def test_a_writer_that_became_a_reader_is_left_for_the_new_one(fragile_cafe, postgres):
    name = fragile_cafe.dsn.rsplit("/", 1)[1]
    await postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    try:
        await _drop_pool(fragile_cafe)
        refused = await fragile_cafe.place("key-reader-1")
        assert refused.status_code == 503
    finally:
        await postgres.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    assert (await fragile_cafe.place("key-reader-1")).status_code == 201


async def test_a_database_that_knows_us_no_more_is_away_until_it_does(fragile_cafe, postgres):
    admin = await asyncpg.connect(postgres.dsn("postgres"))
    await admin.execute("ALTER ROLE postgres NOLOGIN")
    try:
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )

        async def locked_out():
            refused = await fragile_cafe.place("key-rotated-1")
            assert refused.status_code == 503
            assert refused.headers["retry-after"] == "1"
            assert "InvalidAuthorizationSpecificationError" in refused.json()["detail"]

        await eventually(locked_out)
    finally:
        await admin.execute("ALTER ROLE postgres LOGIN")
        await admin.close()
    assert (await fragile_cafe.place("key-rotated-1")).status_code == 201
    await fragile_cafe.drained()


async def _drop_pool(cafe):
    """New connections see the database's new setting."""
    await cafe.application.public.state.placing._placing._known._database._pool.expire_connections()


async def test_nothing_is_lost_or_doubled_when_cut_again_and_again(fragile_cafe, proxy):
    keys = [f"key-storm-{n:04}" for n in range(40)]
    accepted = {}

    async def customer(key):
        for _ in range(60):
            response = await fragile_cafe.place(key)
            if response.status_code == 201:
                accepted.setdefault(key, response.content)
                assert accepted[key] == response.content
                return
            assert response.status_code in {409, 503}, response.text
            await asyncio.sleep(0.02)

    async def storm():
        for _ in range(6):
            await asyncio.sleep(0.05)
            await proxy.refuse()
            await asyncio.sleep(0.05)
            await proxy.allow()

    await asyncio.gather(storm(), *(customer(key) for key in keys))
    assert set(accepted) == set(keys)
    assert await fragile_cafe.count("orders") == len(keys) + 1
    assert await fragile_cafe.count("order_lines") == len(keys) + 1

    async def drained():
        assert await fragile_cafe.count("outbox") == 0

    await eventually(drained, seconds=15)
    statuses = await fragile_cafe.rows("SELECT DISTINCT status FROM orders")
    assert statuses == [{"status": "confirmed"}]
    sold = (len(keys) + 1) * ORDER["lines"][0]["quantity"]
    assert fragile_cafe.stock.available["corner", "espresso"] == 1000 - sold


async def test_a_service_that_starts_before_its_database_becomes_ready_with_it(
    open_cafe, postgres, proxy
):
    name = await postgres.new_database()
    await proxy.refuse()
    async with open_cafe(name, port=proxy.port) as opened:
        health = opened.application.health

        async def tried():
            assert health.dependencies[0].error not in {"", "not tried yet"}

        await eventually(tried)
        assert not health.ready
        await proxy.allow()

        async def no_schema():
            assert "schema" in health.dependencies[0].error or "UndefinedTable" in (
                health.dependencies[0].error
            )

        await eventually(no_schema)
        await migrate(postgres.dsn(name), 5, lambda line: None)

        async def ready():
            assert health.ready

        await eventually(ready)
