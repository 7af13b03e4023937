"""Deliveries: booked once per key, and the counters add up afterwards."""

import itertools

import pytest
from cafe_inventory import items
from cafe_inventory.models import ParInput, ReservationInput, RestockInput
from cafe_kit.errors import NotFoundError, UnprocessableError
from cafe_kit.ledger_index import moment

NUMBERS = itertools.count()
KEY = "delivery-1"


@pytest.fixture
def store():
    return f"restock-{next(NUMBERS)}"


def delivery(**quantities):
    return RestockInput(items=[{"sku": sku, "quantity": n} for sku, n in quantities.items()])


async def stock_up(inventory, store, **quantities):
    par = [{"sku": sku, "quantity": n} for sku, n in quantities.items()]
    await inventory.put_par(store, ParInput(items=par))


async def counters(inventory, store):
    return {
        level.sku: (level.received, level.available, level.reserved, level.sold)
        for level in await inventory.levels(store)
    }


async def test_a_delivery_counts_once_however_often_its_key_is_sent(inventory, store, clock):
    await stock_up(inventory, store, milk=5, cake=1)
    first = await inventory.service.restock(store, KEY, delivery(milk=10, cake=2))
    clock.advance(minutes=1)
    assert await inventory.service.restock(store, KEY, delivery(milk=10, cake=2)) == first
    assert await counters(inventory, store) == {"milk": (15, 15, 0, 0), "cake": (3, 3, 0, 0)}
    assert inventory.notes.counts == {"Restocked": 12}


async def test_the_same_key_for_another_delivery_is_refused(inventory, store):
    await stock_up(inventory, store, milk=5)
    await inventory.service.restock(store, KEY, delivery(milk=10))
    with pytest.raises(UnprocessableError) as refusal:
        await inventory.service.restock(store, KEY, delivery(milk=11))
    assert refusal.value.slug == "idempotency-key-reused"
    assert await counters(inventory, store) == {"milk": (15, 15, 0, 0)}


async def test_what_a_store_does_not_keep_is_refused_and_nothing_is_booked(inventory, store):
    await stock_up(inventory, store, milk=5)
    with pytest.raises(NotFoundError) as refusal:
        await inventory.service.restock(store, KEY, delivery(milk=1, unicorn=1))
    assert refusal.value.field == "items[1].sku"
    assert await counters(inventory, store) == {"milk": (5, 5, 0, 0)}
    await inventory.service.restock(store, KEY, delivery(milk=1))
    assert await counters(inventory, store) == {"milk": (6, 6, 0, 0)}


async def test_two_stores_may_use_the_same_key(inventory, store):
    for each in (store, f"{store}-b"):
        await stock_up(inventory, each, milk=5)
        await inventory.service.restock(each, KEY, delivery(milk=1))
        assert await counters(inventory, each) == {"milk": (6, 6, 0, 0)}


async def test_an_item_of_an_older_version_gets_its_counters_from_its_first_delivery(
    on_dynamodb, table, store
):
    old = items.key(items.store_pk(store), "SKU#milk") | items.encode(
        {"available": 5, "reserved": 2}
    )
    await table.write("put_item", Item=old)
    assert await counters(on_dynamodb, store) == {"milk": (7, 5, 2, 0)}
    await on_dynamodb.service.restock(store, KEY, delivery(milk=10))
    assert await counters(on_dynamodb, store) == {"milk": (17, 15, 2, 0)}


async def test_a_reservation_of_an_older_version_is_settled_and_swept(
    on_dynamodb, table, store, clock
):
    old = items.key(items.store_pk(store), "SKU#milk") | items.encode(
        {"available": 5, "reserved": 4}
    )
    await table.write("put_item", Item=old)
    for order in ("a", "b"):
        lines = {"L": [{"M": {"sku": {"S": "milk"}, "quantity": {"N": "2"}}}]}
        kept = {"storeId": store, "status": "reserved", "heldUntil": moment(clock())}
        flags = {"synthetic": False, "expired": False}
        item = items.reservation_key(f"{store}-{order}") | items.encode(kept | flags)
        await table.write("put_item", Item=item | {"lines": lines})
        key = items.key("HOLDS#0", f"{moment(clock())}#{store}-{order}")
        await table.write("put_item", Item=key | items.encode({"orderId": f"{store}-{order}"}))
    clock.advance(minutes=1)
    assert (await on_dynamodb.commit(f"{store}-a")).status == "committed"
    request = ReservationInput(storeId=store, lines=[{"sku": "milk", "quantity": 2}])
    assert (await on_dynamodb.reserve(f"{store}-a", request)).status == "committed"
    assert await on_dynamodb.sweep() == 1
    assert (await on_dynamodb.reservation(f"{store}-b")).status == "released"
    assert await counters(on_dynamodb, store) == {"milk": (9, 7, 0, 2)}
