"""How busy the stores are, in one bounded answer."""

import asyncpg
import pytest
from cafe_kit.database import Database
from cafe_order.activity import PostgresActivity

from services.order.tests.conftest import SERVICE

PLACED = """
INSERT INTO orders (id, store_id, status, currency, total_minor, synthetic, trace_id, placed_at)
SELECT gen_random_uuid(), $1, 'placed', 'EUR', 1, $3, 't', now() - make_interval(secs => $4)
FROM generate_series(1, $2) RETURNING id
"""
CONFIRMED = """
INSERT INTO order_history (order_id, status, at)
SELECT o.id, 'confirmed', o.placed_at + make_interval(secs => $2) FROM orders o WHERE o.id = ANY($1)
"""


class Books:
    def __init__(self, connection, activity):
        self._connection, self.activity = connection, activity

    async def add(self, store, number, *, ago=30.0, answered=0.2, synthetic=False):
        rows = await self._connection.fetch(PLACED, store, number, synthetic, ago)
        if answered is not None:
            ids = [row["id"] for row in rows]
            await self._connection.execute(CONFIRMED, ids, answered)


@pytest.fixture
async def books(postgres, database):
    connection = await asyncpg.connect(postgres.dsn(database))
    pool = Database(postgres.dsn(database), connections=2, name="activity")
    yield Books(connection, PostgresActivity(pool))
    await pool.close()
    await connection.close()


async def test_orders_a_minute_and_waits_are_those_of_five_minutes_the_busiest_first(books):
    await books.add("corner", 10, answered=0.2)
    await books.add("harbour", 95, answered=0.1)
    await books.add("harbour", 5, answered=4.0)
    await books.add("corner", 50, ago=301)
    found = await books.activity.read(10)
    assert [(one.store_id, one.orders_per_minute) for one in found.stores] == [
        ("harbour", 20.0),
        ("corner", 2.0),
    ]
    assert found.stores[1].p95_milliseconds == 200
    assert 100 < found.stores[0].p95_milliseconds < 4000
    assert found.fleet.orders_per_minute == 22.0


async def test_who_waits_still_has_waited_until_now(books):
    await books.add("corner", 10, ago=60, answered=None)
    [store] = (await books.activity.read(10)).stores
    assert store.p95_milliseconds >= 60_000


async def test_the_platforms_own_coffees_are_no_business(books):
    await books.add("corner", 10, synthetic=True)
    found = await books.activity.read(10)
    assert (found.stores, found.fleet.orders_per_minute) == ([], 0.0)
    assert found.fleet.p95_milliseconds is None


async def test_the_answer_is_bounded_and_the_fleets_sum_is_of_all(books):
    for number in range(5):
        await books.add(f"store-{number}", number + 1)
    found = await books.activity.read(2)
    assert [one.store_id for one in found.stores] == ["store-4", "store-3"]
    assert found.fleet.orders_per_minute == 3.0


async def test_a_burst_beyond_what_is_looked_at_is_measured_over_its_own_time(books, monkeypatch):
    monkeypatch.setattr("cafe_order.activity.MOST_ORDERS", 100)
    await books.add("corner", 200, ago=10)
    [store] = (await books.activity.read(1)).stores
    assert store.orders_per_minute == pytest.approx(600, rel=0.1)  # a hundred in ten seconds


async def test_only_the_platform_reads_it(cafe):
    assert (await cafe.client.get("/activity")).status_code == 401
    answer = await cafe.client.get("/activity", headers=SERVICE)
    assert answer.json() == {
        "fleet": {"ordersPerMinute": 0.0, "p95Milliseconds": None},
        "stores": [],
    }
    await cafe.place("key-00000001")
    await cafe.drained()
    [store] = (await cafe.client.get("/activity", headers=SERVICE)).json()["stores"]
    assert (store["storeId"], store["ordersPerMinute"]) == ("corner", 0.2)
