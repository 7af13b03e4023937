"""The whole service reading a stream: one replica at a time, and the next when that one dies."""

import asyncio

import pytest
from cafe_loyalty.app import build
from cafe_loyalty.lease import Lease, Leased
from cafe_loyalty.settings import LoyaltySettings
from prometheus_client import CollectorRegistry

from services.loyalty.tests.orders import STREAM, TOKEN, noon, order


@pytest.fixture
def new_service(redis_url, aws):
    aws.stream(STREAM, 2)
    return lambda: build(
        LoyaltySettings(
            service_token=TOKEN,
            memorydb_url=redis_url,
            order_stream=STREAM,
            stream_lease_seconds=1,
            drain_timeout_seconds=3,
        ),
        aws,
        clock=noon,
    )


async def until(condition):
    """Return once it holds; it must within some seconds."""
    async with asyncio.timeout(10):
        while not await condition():  # noqa: ASYNC110 - what we wait for is in Redis
            await asyncio.sleep(0.01)


async def test_the_service_gives_the_points_of_a_stream(new_service, aws, replica):
    for number in range(20):
        aws.put_record(STREAM, order(number).encode(), f"order-{number}")
    async with new_service().running():
        await until(lambda: has(replica, 80))
        aws.put_record(STREAM, order(1).encode(), "order-1")
        aws.put_record(STREAM, order(20).encode(), "order-20")
        await until(lambda: has(replica, 84))


async def test_what_nobody_can_read_is_parked_and_the_rest_goes_on(new_service, aws, replica):
    aws.put_record(STREAM, '{"type": "order.completed", "version": 2}', "order-0")
    aws.put_record(STREAM, order(0).encode(), "order-0")
    async with new_service().running():
        await until(lambda: has(replica, 4))
    (letter,) = aws.bodies("cloudcafe-loyalty-dlq")
    assert "version" in letter


async def test_only_one_replica_reads_and_the_other_takes_over(new_service, aws, replica):
    first, second = new_service(), new_service()
    aws.put_record(STREAM, order(1).encode(), "order-1")
    async with second.running():
        async with first.running():
            await until(lambda: has(replica, 4))
            held = [lease_held(service) for service in (first, second)]
            assert sorted(held) == [0, 1]
        aws.put_record(STREAM, order(2).encode(), "order-2")
        await until(lambda: has(replica, 8))
        assert lease_held(second) == 1


async def has(replica, points):
    return await replica.balance() == points


def lease_held(service):
    return service.metrics.registry.get_sample_value("cafe_loyalty_lease_held")


class Work:
    """A worker that says when it began and when it ended."""

    def __init__(self):
        self.began, self.ended = asyncio.Event(), asyncio.Event()

    async def __call__(self, enough):
        self.began.set()
        await enough.wait()
        self.ended.set()


async def test_who_loses_the_lease_stops(store):
    work, stopping = Work(), asyncio.Event()
    lease = Lease(store, "stream", seconds=0.3)
    leased = Leased(work, lease, seconds=0.3, registry=CollectorRegistry())
    running = asyncio.create_task(leased.run(stopping))
    async with asyncio.timeout(5):
        await work.began.wait()
        await store.client.set("loyalty:lease:stream", "somebody else")
        await work.ended.wait()
        stopping.set()
        await running
    assert await store.client.get("loyalty:lease:stream") == "somebody else"


async def test_a_holder_keeps_the_lease_and_lets_go_when_it_stops(store):
    work, stopping = Work(), asyncio.Event()
    lease, other = (Lease(store, "stream", seconds=0.3) for _ in range(2))
    renewals, renew, often = [], lease.renew, asyncio.Event()

    async def counted():
        renewals.append(await renew())
        if len(renewals) == 5:
            often.set()
        return renewals[-1]

    lease.renew = counted
    leased = Leased(work, lease, seconds=0.3, registry=CollectorRegistry())
    running = asyncio.create_task(leased.run(stopping))
    async with asyncio.timeout(5):
        await work.began.wait()
        await often.wait()  # five thirds of its time are over
        assert not await other.take()
        stopping.set()
        await running
    assert work.ended.is_set()
    assert await other.take()


async def test_a_lease_ends_by_itself_when_its_holder_died(store):
    assert await Lease(store, "stream", seconds=0.05).take()
    successor = Lease(store, "stream", seconds=1)
    await until(successor.take)


async def test_a_worker_that_fails_is_seen_by_its_supervisor(store):
    async def failing(_enough):
        raise RuntimeError("broken")

    lease = Lease(store, "stream", seconds=0.3)
    leased = Leased(failing, lease, seconds=0.3, registry=CollectorRegistry())
    with pytest.raises(RuntimeError):
        await leased.run(asyncio.Event())
    assert await Lease(store, "stream", seconds=1).take()
