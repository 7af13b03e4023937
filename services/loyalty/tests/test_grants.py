"""Points of completed orders: once per order, whatever is repeated, crashes or runs twice."""

import asyncio
from datetime import timedelta

import pytest
from cafe_kit.errors import UnavailableError
from cafe_kit.events import StockEvent
from cafe_kit.kinesis import SHARD_END, PositionMovedError
from cafe_loyalty.ledger import Window
from cafe_loyalty.models import PromotionView
from redis.crc import key_slot

from services.loyalty.tests.conftest import Replica
from services.loyalty.tests.orders import EIGHT, SHARD, batch, order


class CrashError(Exception):
    """The process ends here."""


class Crashing:
    """A part of the sink that dies before or after one of its calls; the rest it passes on."""

    def __init__(self, part, method, *, after, first=None):
        self._part, self._method, self._after, self._first = part, method, after, first

    def __getattr__(self, name):
        real = getattr(self._part, name)
        if name != self._method:
            return real

        async def dying(*arguments):
            if self._first is not None:
                await real(arguments[0][: self._first])
            elif self._after:
                await real(*arguments)
            raise CrashError

        return dying


async def test_a_completed_order_earns_a_point_for_each_whole_unit(replica):
    await replica.sink.absorb(batch(order(1, total_minor=450), order(2, total_minor=199)))
    view = await replica.points.balance("ada")
    assert (view.balance, view.granted, view.redeemed) == (5, 5, 0)
    assert await replica.sink.positions() == {SHARD: "1"}
    assert replica.business.counts == {"PointsGranted": 5}


@pytest.mark.parametrize(
    "event",
    [
        order(1, customer_id=None),
        *(
            order(1, type=f"order.{fact}")
            for fact in ("placed", "confirmed", "paid", "rejected", "cancelled")
        ),
        StockEvent(
            id="x", type="stock.low", at=EIGHT, store_id="c", sku="s", available=1, low_at=2
        ),
    ],
    ids=lambda event: event.type,
)
async def test_nothing_else_earns_points_but_the_position_moves(replica, store, event):
    await replica.sink.absorb(batch(event))
    assert await store.client.keys("loyalty:{*") == []
    assert await replica.sink.positions() == {SHARD: "1"}


async def test_a_redelivered_batch_changes_nothing(replica):
    again = batch(order(1), order(2), order(1))
    for _ in range(3):
        await replica.sink.absorb(again)
    assert await replica.balance() == 8
    assert len((await replica.points.history("ada", None, 10))[0]) == 2
    assert replica.business.counts == {"PointsGranted": 8}
    count = replica.registry.get_sample_value
    assert count("cafe_loyalty_grants_total", {"outcome": "new"}) == 2
    assert count("cafe_loyalty_grants_total", {"outcome": "repeated"}) == 7


@pytest.mark.parametrize(
    ("part", "method", "how"),
    [
        ("book", "index", {"after": False}),
        ("book", "index", {"after": True}),
        ("points", "grant", {"after": False}),
        ("points", "grant", {"after": False, "first": 2}),
        ("points", "grant", {"after": True}),
        ("positions", "advance", {"after": False}),
        ("positions", "advance", {"after": True}),
    ],
)
async def test_a_crash_at_any_step_gives_points_once(replica, part, method, how):
    events = [order(number, customer_id=f"c-{number % 2}") for number in range(4)]
    dying = Crashing(getattr(replica, part), method, **how)
    with pytest.raises(CrashError):
        await replica.sink_with(**{part: dying}).absorb(batch(*events))
    granted = [await replica.balance(f"c-{number}") for number in range(2)]
    seen = await book_of(replica)
    assert sum(granted) == sum(entry.points for entry in seen)  # the book shows what there is
    positions = await replica.sink.positions()
    assert not positions or granted == [8, 8]  # no position before its grants
    await replica.sink.absorb(batch(*events))
    assert [await replica.balance(f"c-{number}") for number in range(2)] == [8, 8]
    assert [entry.order_id for entry in await book_of(replica)] == [e.order_id for e in events]
    assert await replica.sink.positions() == {SHARD: "1"}


async def test_two_replicas_with_the_same_shard_give_points_once(replica, store):
    other = Replica(store)
    events = [order(number) for number in range(100)]
    await asyncio.gather(
        *(one.sink.absorb(batch(*events)) for one in (replica, other)), return_exceptions=True
    )
    assert await replica.balance() == 400
    counts = [one.business.counts.get("PointsGranted", 0) for one in (replica, other)]
    assert sum(counts) == 400
    assert len(await book_of(replica)) == 100


async def test_a_replica_that_lags_does_not_move_the_position_back(replica, store):
    slow = Replica(store)
    await replica.sink.absorb(batch(order(1), after="1"))
    await replica.sink.absorb(batch(order(2), before="1", after="2"))
    with pytest.raises(PositionMovedError):
        await slow.sink.absorb(batch(order(1), order(2), before=None, after="10"))
    with pytest.raises(PositionMovedError):
        await slow.sink.absorb(batch(order(2), before="1", after="3"))
    assert await replica.sink.positions() == {SHARD: "2"}
    assert await replica.balance() == 8


@pytest.mark.parametrize("before", [None, SHARD_END])
async def test_a_stream_that_was_made_anew_is_read_from_its_beginning(replica, before):
    await replica.sink.absorb(batch(order(1), closed=True))
    assert await replica.sink.positions() == {SHARD: SHARD_END}
    await replica.sink.absorb(batch(order(2), before=before, after="1"))
    assert await replica.sink.positions() == {SHARD: "1"}


async def test_a_memorydb_that_is_away_is_said_so_and_the_batch_can_come_again(
    replica, redis_server
):
    redis_server.kill()
    with pytest.raises(UnavailableError):
        await replica.sink.absorb(batch(order(1)))
    redis_server.start()
    await replica.sink.absorb(batch(order(1)))
    assert await replica.balance() == 4


async def test_what_was_acknowledged_outlives_a_restart(replica, redis_server):
    await replica.sink.absorb(batch(order(1)))
    redis_server.kill()
    redis_server.start()
    await replica.store.client.connection_pool.disconnect()
    assert await replica.balance() == 4
    await replica.sink.absorb(batch(order(1)))
    assert await replica.balance() == 4
    assert await replica.sink.positions() == {SHARD: "1"}


def promotion(name="double-points-day", multiplier=2, hours=(0, 24), **changes):
    midnight = EIGHT.replace(hour=0)
    return PromotionView(
        name=name,
        multiplier=multiplier,
        starts=midnight + timedelta(hours=hours[0]),
        ends=midnight + timedelta(hours=hours[1]),
        **changes,
    )


@pytest.mark.parametrize(
    ("placed_after_eight", "points"),
    [(timedelta(microseconds=-1), 4), (timedelta(0), 8), (timedelta(hours=1), 4)],
)
async def test_an_order_earns_by_when_it_was_placed(replica, placed_after_eight, points):
    await replica.promotions.put(promotion(hours=(8, 9)))
    placed_at = EIGHT + placed_after_eight
    await replica.sink.absorb(batch(order(1, placed_at=placed_at, at=EIGHT + timedelta(hours=5))))
    assert await replica.balance() == points
    (entry,) = await book_of(replica)
    assert (entry.multiplier, entry.points) == (points // 4, points)


async def test_the_best_promotion_counts_alone_and_only_in_its_store(replica):
    await replica.promotions.put(promotion())
    await replica.promotions.put(promotion("corner-birthday", 5, store_id="corner"))
    await replica.sink.absorb(batch(order(1), order(2, store_id="soho", customer_id="bob")))
    assert await replica.balance("ada") == 20
    assert await replica.balance("bob") == 8


async def test_a_grant_keeps_the_multiplier_that_it_was_made_with(replica):
    await replica.promotions.put(promotion())
    await replica.sink.absorb(batch(order(1)))
    await replica.promotions.put(promotion(multiplier=10))
    await replica.sink.absorb(batch(order(1)))
    await replica.promotions.delete("double-points-day")
    await replica.sink.absorb(batch(order(1)))
    assert await replica.balance() == 8
    (entry,) = await book_of(replica)
    assert (entry.multiplier, entry.points) == (2, 8)


async def test_all_keys_of_a_customer_lie_in_one_slot_whatever_the_name(replica, store):
    for customer in ("ada", "{a}b", "a}b{", "#1 fan", "Ünal Ö/2"):
        await store.client.flushdb()
        await replica.sink.absorb(batch(order(1, customer_id=customer)))
        keys = await store.client.keys("loyalty:{*")
        slots = {key_slot(key.encode()) for key in keys}
        assert len(keys) == 3
        assert len(slots) == 1
        (entry,) = await book_of(replica)
        assert entry.customer_id == customer


async def book_of(replica):
    day = Window(EIGHT - timedelta(days=1), EIGHT + timedelta(days=1), None)
    return (await replica.ledger.page(day, None, 1000)).entries
