"""The loyalty service on a cluster as MemoryDB has it, by an address that leads to the replica."""

import asyncio
from datetime import timedelta

import pytest
from cafe_kit.errors import UnavailableError
from cafe_loyalty.app import build
from cafe_loyalty.forgetting import Forgetting
from cafe_loyalty.lease import Lease
from cafe_loyalty.ledger import Window
from cafe_loyalty.models import KEEP
from cafe_loyalty.settings import LoyaltySettings

from services.loyalty.tests.orders import EIGHT, SHARD, STREAM, TOKEN, batch, noon, order

DOUBLE = {"multiplier": 2, "from": "2026-11-22T00:00:00Z", "until": "2026-11-23T00:00:00Z"}
DAY = Window(EIGHT - timedelta(days=1), EIGHT + timedelta(days=1), None)


@pytest.fixture
def redis_url(redis_nodes):
    """In the place of the single Redis of the other tests."""
    return redis_nodes.replica.cluster_url


async def until(condition):
    """Return once it holds; a store that is away is a no."""
    async with asyncio.timeout(20):
        while True:
            try:
                if await condition():
                    return
            except UnavailableError:
                pass
            await asyncio.sleep(0.01)


async def test_all_of_the_service_works_whatever_slots_its_customers_lie_in(client, replica, store):
    assert (await client.put("/promotions/double", json=DOUBLE)).status_code < 300
    customers = [f"customer-{number}" for number in range(30)]
    events = [order(n, customer_id=customer) for n, customer in enumerate(customers)]
    await replica.sink.absorb(batch(*events))
    await replica.sink.absorb(batch(*events))
    assert [await replica.balance(customer) for customer in customers] == [8] * 30
    redeemed = await client.post(
        "/customers/customer-7/redemptions",
        json={"points": 3},
        headers={"Idempotency-Key": "key-0001"},
    )
    assert redeemed.json()["balance"] == 5
    history = (await client.get("/customers/customer-7/points")).json()["entries"]
    assert [entry["balance"] for entry in history] == [5, 8]
    assert len((await replica.ledger.page(DAY, None, 1000)).entries) == 30
    assert await replica.sink.positions() == {SHARD: "1"}
    lease = Lease(store, STREAM, seconds=5)
    assert await lease.take()
    assert await lease.renew()
    await lease.release()
    later = EIGHT + KEEP + timedelta(hours=3)
    forgetting = Forgetting(store, clock=lambda: later)
    while await forgetting.step():
        pass
    assert (await replica.ledger.page(DAY, None, 1000)).entries == []
    assert await replica.balance("customer-7") == 5


async def test_a_failover_loses_no_points_and_doubles_none(replica, redis_nodes):
    events = [order(n, customer_id=f"customer-{n % 7}") for n in range(70)]
    await replica.sink.absorb(batch(*events[:50]))
    redis_nodes.settled()
    redis_nodes.fail_over()

    async def again():
        await replica.sink.absorb(batch(*events))
        return True

    await until(again)
    assert [await replica.balance(f"customer-{n}") for n in range(7)] == [40] * 7
    assert len((await replica.ledger.page(DAY, None, 1000)).entries) == 70


async def test_the_reader_of_the_stream_goes_on_after_a_failover(
    replica, redis_nodes, redis_url, aws
):
    aws.stream(STREAM, 2)
    settings = LoyaltySettings(
        service_token=TOKEN,
        memorydb_url=redis_url,
        order_stream=STREAM,
        stream_lease_seconds=1,
        drain_timeout_seconds=3,
    )

    async def has(points):
        return await replica.balance() == points

    service = build(settings, aws, clock=noon)
    (memorydb,) = (d for d in service.health.dependencies if d.name == "memorydb")
    async with service.running():
        aws.put_record(STREAM, order(0).encode(), "order-0")
        await until(lambda: has(4))
        redis_nodes.settled()
        redis_nodes.fail_over()
        aws.put_record(STREAM, order(1).encode(), "order-1")
        await until(lambda: has(8))
        await service.health.check_once(memorydb)
        assert memorydb.up
