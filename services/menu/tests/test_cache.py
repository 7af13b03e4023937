"""Menus read through a real Redis: never back in time, old rather than none, slow never."""

import asyncio
import time
from urllib.parse import urlsplit

import pytest
from cafe_kit.errors import UnavailableError
from cafe_kit.redis import RedisStore
from cafe_menu.cache import RedisCache
from cafe_menu.models import Reading

from services.kit.tests.support.proxy import tcp_proxy
from services.menu.tests.conftest import LIMITS, SERVICE, menu

COPY = "menu:v1:{corner}"


async def version(replica):
    return (await replica.menus.menu("corner")).version


async def grow_old(store, seconds):
    """Let a copy be this old."""
    left_seconds = LIMITS.stale_seconds - seconds
    assert await store.client.pexpire(COPY, round(left_seconds * 1000))


async def test_a_written_menu_is_in_the_cache_of_all(new_replica, menus):
    await new_replica().menus.put("corner", menu())
    reader = new_replica()
    assert await version(reader) == 1
    assert reader.count("hit") == 1
    assert menus.reads == 0


async def test_a_copy_says_exactly_what_the_database_said(replica, menus):
    seasonal = menu(
        availableFrom="2026-12-01T06:30:00.123456Z", availableUntil="2027-01-06T00:00:00+01:00"
    )
    await menus.put("corner", seasonal)
    read = await replica.menus.menu("corner")
    copied = await replica.menus.menu("corner")
    assert replica.count("hit") == 1
    assert copied.menu == read.menu
    assert copied.menu.items == seasonal.items


async def test_many_readers_of_a_cold_menu_ask_the_database_once(replica, menus):
    await menus.put("corner", menu())
    menus.gate.clear()
    readers = [asyncio.create_task(version(replica)) for _ in range(50)]
    async with asyncio.timeout(10):
        while replica.count("miss") < len(readers):  # noqa: ASYNC110 - counted, not announced
            await asyncio.sleep(0.01)
    menus.gate.set()
    assert set(await asyncio.gather(*readers)) == {1}
    assert await version(replica) == 1
    assert menus.reads == 1
    assert replica.count("hit") == 1


@pytest.mark.parametrize("flushed", [False, True])
async def test_a_slow_reader_cannot_put_an_older_menu_back(new_replica, menus, store, *, flushed):
    slow, writer = new_replica(), new_replica()
    await menus.put("corner", menu(180))
    menus.gate.clear()
    reading = asyncio.create_task(version(slow))
    await menus.waiting.wait()
    await writer.menus.put("corner", menu(190))
    if flushed:  # the cache has forgotten that there ever was a newer one
        await store.client.flushall()
    menus.gate.set()
    assert await reading == 1
    assert slow.count("refused", of="writes") == 1
    assert await version(slow) == 2


@pytest.mark.parametrize("flushed", [False, True])
async def test_a_slow_reader_cannot_bring_a_forgotten_menu_back(
    new_replica, menus, store, *, flushed
):
    slow, writer = new_replica(), new_replica()
    await menus.put("corner", menu(180))
    menus.gate.clear()
    reading = asyncio.create_task(version(slow))
    await menus.waiting.wait()
    assert await writer.menus.delete("corner") == 2
    if flushed:
        await store.client.flushall()
    menus.gate.set()
    await reading
    assert (await slow.menus.menu("corner")).menu is None


async def test_of_two_writers_the_later_one_stays_whoever_reaches_the_cache_first(cache, menus):
    leases = [(await cache.look("corner")).lease for _ in range(2)]
    views = [await menus.put("corner", menu(price)) for price in (180, 190)]
    first, second = (Reading(view.version, view) for view in views)
    assert await cache.write("corner", second, leases[1])
    assert not await cache.write("corner", first, leases[0])
    assert (await cache.look("corner")).copy.version == 2


async def test_a_slow_writer_cannot_put_its_older_menu_into_a_flushed_cache(cache, menus, store):
    lease = (await cache.look("corner")).lease
    views = [await menus.put("corner", menu(price)) for price in (180, 190)]
    first, second = (Reading(view.version, view) for view in views)
    assert await cache.write("corner", second, lease)
    await store.client.flushall()
    assert not await cache.write("corner", first, lease)
    assert (await cache.look("corner")).copy is None


async def test_a_menu_written_after_it_was_forgotten_is_newer_than_its_tombstone(replica, store):
    await replica.menus.put("corner", menu(180))
    await replica.menus.delete("corner")
    assert await store.client.hgetall(COPY) == {"version": "2", "body": ""}
    assert (await replica.menus.menu("corner")).menu is None
    assert replica.count("hit") == 1
    assert (await replica.menus.put("corner", menu(180))).version == 3
    assert (await replica.menus.menu("corner")).menu.items == menu(180).items


async def test_who_asks_after_a_change_does_not_get_a_read_from_before_it(new_replica, menus):
    replica = new_replica(with_cache=AbsentCache())
    await menus.put("corner", menu(180))
    menus.gate.clear()
    before = asyncio.create_task(version(replica))
    await menus.waiting.wait()
    await replica.menus.put("corner", menu(190))
    menus.gate.set()
    assert await version(replica) == 2
    assert await before == 1


async def test_a_change_that_the_cache_missed_is_seen_once_copies_are_old(replica, menus, store):
    await replica.menus.put("corner", menu(180))
    await menus.put("corner", menu(190))
    assert await version(replica) == 1
    await grow_old(store, LIMITS.fresh_seconds)
    assert await version(replica) == 2
    assert replica.count("expired") == 1
    assert (await replica.menus.menu("corner")).age_seconds < LIMITS.fresh_seconds


async def test_a_slow_read_makes_a_copy_that_is_old_already(replica, menus, clock):
    await menus.put("corner", menu())
    menus.gate.clear()
    reading = asyncio.create_task(version(replica))
    await menus.waiting.wait()
    clock.advance(seconds=7)
    menus.gate.set()
    await reading
    assert (await replica.menus.menu("corner")).age_seconds >= 7


async def test_while_the_database_is_away_an_old_copy_serves_and_says_so(
    replica, menus, store, open_client
):
    await replica.menus.put("corner", menu())
    await grow_old(store, 300)
    menus.away = True
    async with open_client(replica.menus) as client:
        served = await client.get("/stores/corner/menu")
        assert served.status_code == 200
        assert served.headers["warning"].startswith("110 ")
        assert 300 <= int(served.headers["age"]) < 310
        assert replica.count("stale") == 1
        assert replica.business.counts == {"CacheHits": 1}
        menus.away = False


async def test_an_old_copy_serves_for_a_bounded_time(replica, menus, store):
    await replica.menus.put("corner", menu())
    assert 0 < await store.client.pttl(COPY) <= LIMITS.stale_seconds * 1000
    menus.away = True
    await store.client.delete(COPY)  # its time is over
    with pytest.raises(UnavailableError):
        await replica.menus.menu("corner")


async def test_a_database_that_is_away_is_tried_once_a_second(replica, menus, store, clock):
    await replica.menus.put("corner", menu())
    await grow_old(store, 300)
    menus.gate.clear()  # it does not even refuse
    began = time.monotonic()
    for _ in range(20):
        assert (await replica.menus.menu("corner")).stale
    assert time.monotonic() - began < 3
    assert menus.reads == 1
    menus.gate.set()
    clock.advance(seconds=1)
    assert not (await replica.menus.menu("corner")).stale


async def test_a_flushed_cache_shows_as_misses_and_fills_again(replica, menus, store):
    stores = [f"store-{number}" for number in range(20)]
    for one in stores:
        await replica.menus.put(one, menu())

    async def everybody_reads():
        await asyncio.gather(*(replica.menus.menu(one) for one in stores for _ in range(5)))

    await everybody_reads()
    assert replica.count("hit") == 100
    assert replica.count("miss") == 0
    await store.client.flushall()
    await everybody_reads()
    missed = replica.count("miss")
    assert 20 <= menus.reads <= missed
    await everybody_reads()
    assert replica.count("miss") == missed
    assert replica.count("hit") == 300 - missed
    assert replica.business.counts == {"CacheHits": 300 - missed, "CacheMisses": missed}


async def test_a_copy_that_nobody_can_read_is_as_good_as_none(replica, menus, store):
    await replica.menus.put("corner", menu())
    await store.client.hset(COPY, "body", '{"another": "release"}')
    await grow_old(store, 0)
    assert await version(replica) == 1
    assert replica.count("miss") == 1


async def test_a_store_that_never_was_is_remembered_but_not_for_long(replica, menus, store):
    for _ in range(2):
        assert (await replica.menus.menu("corner")).menu is None
    assert menus.reads == 1
    assert replica.count("hit") == 1
    assert await store.client.pttl(COPY) <= LIMITS.fresh_seconds * 1000
    await replica.menus.put("corner", menu())
    assert await version(replica) == 1


class AbsentCache:
    """A cache that is away; counts who tried it."""

    def __init__(self):
        self.tries = 0

    async def look(self, store_id):
        self.tries += 1
        raise UnavailableError("away")

    async def fill(self, store_id, reading, lease):
        raise AssertionError("nobody fills a cache that is away")

    async def write(self, store_id, reading, lease):
        raise UnavailableError("away")


async def test_a_cache_that_is_away_is_tried_once_a_second(new_replica, menus, clock):
    absent = AbsentCache()
    replica = new_replica(with_cache=absent)
    await menus.put("corner", menu())
    for _ in range(20):
        assert await version(replica) == 1
    assert absent.tries == 1
    assert replica.count("bypass") == 20
    clock.advance(seconds=1)
    for _ in range(20):
        assert await version(replica) == 1
    assert absent.tries == 2


async def test_a_cache_behind_a_partition_costs_one_short_wait(new_replica, menus, redis_url):
    async with tcp_proxy(urlsplit(redis_url).port) as proxy:
        store = RedisStore(f"redis://127.0.0.1:{proxy.port}/0", name="elasticache")
        replica = new_replica(with_cache=RedisCache(store, LIMITS, timeout_seconds=0.2))
        await replica.menus.put("corner", menu())
        proxy.swallow()
        began = time.monotonic()
        for _ in range(50):
            assert await version(replica) == 1
        assert time.monotonic() - began < 1
        assert replica.count("bypass") == 50
        await store.close()


async def test_a_change_is_made_while_the_cache_refuses_and_counted_as_lost(
    new_replica, menus, redis_url, clock
):
    async with tcp_proxy(urlsplit(redis_url).port) as proxy:
        store = RedisStore(f"redis://127.0.0.1:{proxy.port}/0", name="elasticache")
        replica = new_replica(with_cache=RedisCache(store, LIMITS, timeout_seconds=2))
        await proxy.refuse()
        assert (await replica.menus.put("corner", menu())).version == 1
        assert replica.count("lost", of="writes") == 1
        await proxy.allow()
        clock.advance(seconds=1)
        assert await version(replica) == 1
        assert replica.count("miss") == 1
        await store.close()


async def test_the_platform_is_told_of_a_change_at_once_over_http(new_replica, open_client):
    writer, reader = new_replica(), new_replica()
    body = {"currency": "EUR", "items": [{"sku": "e", "name": "E", "priceMinor": 1}]}
    async with open_client(writer.menus) as one, open_client(reader.menus) as other:
        path = "/stores/corner/menu"
        assert (await one.put(path, json=body, headers=SERVICE)).status_code == 200
        assert (await other.get(path)).json()["version"] == 1
        assert (await one.delete(path, headers=SERVICE)).status_code == 204
        assert (await other.get(path)).status_code == 404
