"""What is held, order by order, and what the audit needs to compare it with the counters."""

import itertools
from datetime import timedelta

import pytest
from cafe_inventory import items
from cafe_inventory.holds import TIMERS_A_QUERY
from cafe_inventory.models import BatchItem, ParInput, ReservationInput
from cafe_kit.errors import UnprocessableError
from cafe_kit.paging import encode_cursor

NUMBERS = itertools.count()
HOUR = timedelta(hours=1)


@pytest.fixture
def store():
    return f"holds-{next(NUMBERS)}"


async def stock_up(inventory, store):
    await inventory.put_par(store, ParInput(items=[{"sku": "milk", "quantity": 1000}]))


def wants(store, *, synthetic=False):
    lines = [{"sku": "milk", "quantity": 1}]
    return ReservationInput(storeId=store, lines=lines, synthetic=synthetic)


def asked(order, action, store):
    return BatchItem(orderId=order, action=action, **wants(store).model_dump())


async def probe(inventory, store):
    await inventory.reserve(f"{store}-probe", wants(store, synthetic=True))


async def reserve_together(inventory, store, number):
    orders = [f"{store}-together-{n}" for n in range(number)]
    for at in range(0, number, 50):
        steps = [asked(order, "reserve", store) for order in orders[at : at + 50]]
        await inventory.service.batch(steps)
    return orders


async def reserve_alone(inventory, store, number):
    orders = [f"{store}-{n}" for n in range(number)]
    for order in orders:
        await inventory.reserve(order, wants(store))
    return orders


async def held(inventory, store=None, limit=1000):
    """Ids of the orders that hold something, and how many pages they took."""
    found, pages, cursor = [], 0, None
    while True:
        page = await inventory.ledger.holds(store, cursor, limit)
        found += [entry.order_id for entry in page.entries]
        pages, cursor = pages + 1, page.next
        if cursor is None:
            return found, pages


async def test_holds_are_those_of_orders_that_have_not_ended(inventory, store):
    await stock_up(inventory, store)
    kept, sold, freed = await reserve_alone(inventory, store, 3)
    await probe(inventory, store)
    batched = await reserve_together(inventory, store, 60)
    await inventory.commit(sold)
    await inventory.release(freed)
    assert sorted((await held(inventory, store))[0]) == sorted([kept, *batched])
    (level,) = await inventory.levels(store)
    assert level.reserved == 61


async def test_a_hold_that_was_prolonged_or_made_again_is_told_once(
    in_memory, store, clock, monkeypatch
):
    inventory = in_memory
    monkeypatch.setattr("cafe_inventory.holds.TIMERS_A_QUERY", 1)  # each timer in its own page
    await stock_up(inventory, store)
    longer, again = await reserve_alone(inventory, store, 2)
    clock.advance(minutes=16)
    assert (await inventory.reservation(again)).status == "released"
    await reserve_alone(inventory, store, 2)
    assert sorted((await held(inventory, store))[0]) == [longer, again]


async def test_holds_come_in_pages_and_of_one_store_alone(inventory, store):
    await stock_up(inventory, store)
    await stock_up(inventory, f"{store}-b")
    mine = await reserve_alone(inventory, store, TIMERS_A_QUERY + 50)
    other = await reserve_alone(inventory, f"{store}-b", 3)
    found, pages = await held(inventory, store, 1)
    assert sorted(found) == sorted(mine)
    assert pages > 1
    everything, _ = await held(inventory)
    assert {*mine, *other} <= set(everything)
    assert len(everything) == len(set(everything))


@pytest.mark.parametrize("position", [{"shard": "8", "after": ""}, {"after": "x"}])
async def test_alien_cursors_of_holds_are_refused(in_memory, position):
    with pytest.raises(UnprocessableError) as refusal:
        await in_memory.ledger.holds(None, encode_cursor(position), 10)
    assert refusal.value.slug == "bad-cursor"


async def test_an_item_says_since_when_its_sales_are_counted_and_whether_it_moved(
    inventory, store, clock
):
    opened = clock()
    await stock_up(inventory, store)
    clock.advance(minutes=5)
    await stock_up(inventory, store)
    (order,) = await reserve_alone(inventory, store, 1)
    await probe(inventory, store)
    (level,) = await inventory.levels(store)
    assert (level.counted_from, level.moves) == (opened, 1)
    await inventory.commit(order)
    (level,) = await inventory.levels(store)
    assert level.moves == 2


async def test_an_item_moves_where_one_order_takes_what_another_gives_back(inventory, store):
    await stock_up(inventory, store)
    await inventory.reserve(f"{store}-a", wants(store))
    steps = [("b", "reserve"), ("a", "release")]
    await inventory.service.batch([asked(f"{store}-{order}", act, store) for order, act in steps])
    (level,) = await inventory.levels(store)
    assert (level.reserved, level.moves) == (1, 2)


async def test_an_item_of_an_older_version_is_counted_from_the_slow_round_on(
    on_dynamodb, table, store, clock
):
    old = items.stock_key(store, "milk") | items.encode(
        {"available": 5, "reserved": 2, "sold": 3, "received": 10, "lowAt": 1}
    )
    await table.write("put_item", Item=old)
    (level,) = await on_dynamodb.table.levels([(store, "milk")])
    assert level.counted_from is None
    assert await on_dynamodb.table.give_counters(level, clock())
    assert not await on_dynamodb.table.give_counters(level, clock() + HOUR)
    (level,) = await on_dynamodb.levels(store)
    assert (level.counted_from, level.received, level.sold) == (clock(), 10, 3)
