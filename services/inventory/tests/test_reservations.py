"""Reservations on a real DynamoDB API: never oversold, idempotent, given back in time.

The same rules run against the fake, so that the fake cannot drift from the table.
"""

import asyncio
import itertools

import pytest
from cafe_inventory.models import ParInput, ReservationInput
from cafe_kit.errors import ConflictError, NotFoundError, UnprocessableError

NUMBERS = itertools.count()


@pytest.fixture
def store():
    return f"store-{next(NUMBERS)}"


@pytest.fixture
def order():
    return f"order-{next(NUMBERS)}"


async def stock_up(inventory, store, **quantities):
    items = [{"sku": sku, "quantity": quantity} for sku, quantity in quantities.items()]
    await inventory.put_par(store, ParInput(items=items))


def wants(store, synthetic=False, **quantities):
    lines = [{"sku": sku, "quantity": quantity} for sku, quantity in quantities.items()]
    return ReservationInput(storeId=store, lines=lines, synthetic=synthetic)


async def on_hand(inventory, store):
    view = await inventory.stock(store)
    return {item.sku: (item.on_hand, item.reserved) for item in view.items}


async def test_stock_is_reserved_then_committed(inventory, store, order):
    await stock_up(inventory, store, milk=5)
    assert (await inventory.reserve(order, wants(store, milk=2))).status == "reserved"
    assert await on_hand(inventory, store) == {"milk": (5, 2)}
    assert (await inventory.commit(order)).status == "committed"
    assert await on_hand(inventory, store) == {"milk": (3, 0)}


async def test_repeating_any_step_changes_nothing(inventory, store, order):
    await stock_up(inventory, store, milk=5)
    for _ in range(3):
        await inventory.reserve(order, wants(store, milk=2))
    for _ in range(3):
        await inventory.commit(order)
    assert (await inventory.reserve(order, wants(store, milk=2))).status == "committed"
    assert await on_hand(inventory, store) == {"milk": (3, 0)}


async def test_released_stock_is_for_sale_again_once(inventory, store, order):
    await stock_up(inventory, store, milk=5)
    await inventory.reserve(order, wants(store, milk=2))
    for _ in range(3):
        assert (await inventory.release(order)).status == "released"
    assert await on_hand(inventory, store) == {"milk": (5, 0)}
    with pytest.raises(ConflictError):
        await inventory.commit(order)


async def test_all_lines_are_kept_or_none(inventory, store, order):
    await stock_up(inventory, store, milk=5, cake=1)
    with pytest.raises(ConflictError) as refusal:
        await inventory.reserve(order, wants(store, milk=2, cake=2))
    assert refusal.value.slug == "out-of-stock"
    assert refusal.value.extra == {"sku": "cake", "available": 1}
    assert refusal.value.field == "lines[1].sku"
    assert await on_hand(inventory, store) == {"milk": (5, 0), "cake": (1, 0)}


async def test_an_item_nobody_stocks_is_out_of_stock(inventory, store, order):
    await stock_up(inventory, store, milk=5)
    with pytest.raises(ConflictError) as refusal:
        await inventory.reserve(order, wants(store, tea=1))
    assert refusal.value.extra["sku"] == "tea"


async def test_another_request_for_the_same_order_is_refused(inventory, store, order):
    await stock_up(inventory, store, milk=5)
    await inventory.reserve(order, wants(store, milk=2))
    with pytest.raises(UnprocessableError):
        await inventory.reserve(order, wants(store, milk=3))
    assert await on_hand(inventory, store) == {"milk": (5, 2)}


async def test_par_creates_what_is_missing_and_changes_nothing_else(inventory, store, order):
    await stock_up(inventory, store, milk=5)
    await inventory.reserve(order, wants(store, milk=2))
    await inventory.commit(order)
    await stock_up(inventory, store, milk=50, cake=7)
    assert await on_hand(inventory, store) == {"milk": (3, 0), "cake": (7, 0)}


async def test_a_synthetic_reservation_is_judged_but_moves_no_stock(inventory, store, order):
    await stock_up(inventory, store, milk=1)
    view = await inventory.reserve(order, wants(store, synthetic=True, milk=1))
    assert view.status == "reserved"
    await inventory.commit(order)
    assert await on_hand(inventory, store) == {"milk": (1, 0)}
    with pytest.raises(ConflictError):
        await inventory.reserve(f"{order}-b", wants(store, synthetic=True, milk=2))


async def test_a_hold_that_lapsed_is_swept_and_its_stock_is_for_sale(
    inventory, store, order, clock
):
    await stock_up(inventory, store, milk=5)
    await inventory.reserve(order, wants(store, milk=2))
    await inventory.sweep()
    assert await on_hand(inventory, store) == {"milk": (5, 2)}
    clock.advance(minutes=16)
    assert await inventory.sweep() >= 1
    assert await inventory.sweep() == 0
    assert await on_hand(inventory, store) == {"milk": (5, 0)}


async def test_reading_a_lapsed_hold_releases_it_and_it_may_be_made_again(
    inventory, store, order, clock
):
    await stock_up(inventory, store, milk=5)
    await inventory.reserve(order, wants(store, milk=2))
    clock.advance(minutes=16)
    assert (await inventory.reservation(order)).status == "released"
    assert await on_hand(inventory, store) == {"milk": (5, 0)}
    assert (await inventory.reserve(order, wants(store, milk=2))).status == "reserved"
    assert await on_hand(inventory, store) == {"milk": (5, 2)}


async def test_a_released_order_is_not_reserved_again_by_a_late_repetition(inventory, store, order):
    await stock_up(inventory, store, milk=5)
    await inventory.reserve(order, wants(store, milk=2))
    await inventory.release(order)
    assert (await inventory.reserve(order, wants(store, milk=2))).status == "released"
    assert await on_hand(inventory, store) == {"milk": (5, 0)}


async def test_a_late_commit_wins_as_long_as_nobody_swept(inventory, store, order, clock):
    await stock_up(inventory, store, milk=5)
    await inventory.reserve(order, wants(store, milk=2))
    clock.advance(minutes=16)
    assert (await inventory.commit(order)).status == "committed"
    await inventory.sweep()
    assert await on_hand(inventory, store) == {"milk": (3, 0)}


async def test_stock_that_an_order_holds_is_not_deleted(inventory, store, order):
    await stock_up(inventory, store, cake=5, milk=5)
    await inventory.reserve(order, wants(store, milk=2))
    with pytest.raises(ConflictError) as refusal:
        await inventory.delete_stock(store)
    assert refusal.value.slug == "stock-held"
    assert refusal.value.extra == {"sku": "milk", "reserved": 2}
    assert await on_hand(inventory, store) == {"cake": (5, 0), "milk": (5, 2)}
    await inventory.release(order)
    for _ in range(2):
        await inventory.delete_stock(store)
        with pytest.raises(NotFoundError):
            await inventory.stock(store)


async def test_stock_is_deleted_at_the_latest_when_a_hold_has_lapsed(
    inventory, store, order, clock
):
    await stock_up(inventory, store, milk=5)
    await inventory.reserve(order, wants(store, milk=2))
    clock.advance(minutes=16)
    await inventory.sweep()
    await inventory.delete_stock(store)


async def test_an_order_that_comes_while_stock_is_deleted_keeps_what_it_holds(
    on_dynamodb, store, order
):
    await stock_up(on_dynamodb, store, milk=5)
    read = on_dynamodb.table.stock

    async def and_then_an_order(*asked, **more):
        found = await read(*asked, **more)
        await on_dynamodb.reserve(order, wants(store, milk=2))
        return found

    on_dynamodb.table.stock = and_then_an_order
    with pytest.raises(ConflictError):
        await on_dynamodb.delete_stock(store)
    on_dynamodb.table.stock = read
    assert await on_hand(on_dynamodb, store) == {"milk": (5, 2)}


async def test_a_store_that_opens_again_sells_no_more_than_it_has(inventory, store):
    await stock_up(inventory, store, milk=10)
    await inventory.reserve(f"{store}-old", wants(store, milk=4))
    with pytest.raises(ConflictError):
        await inventory.delete_stock(store)
    await inventory.release(f"{store}-old")
    await inventory.delete_stock(store)
    await stock_up(inventory, store, milk=10)
    await inventory.reserve(f"{store}-new", wants(store, milk=6))
    assert (await inventory.release(f"{store}-old")).status == "released"
    assert await on_hand(inventory, store) == {"milk": (10, 6)}


async def test_a_reservation_can_be_settled_though_its_stock_vanished(in_memory, store, order):
    await stock_up(in_memory, store, milk=5, cake=5)
    await in_memory.reserve(order, wants(store, milk=2, cake=1))
    in_memory.table.stock_items.clear()
    assert (await in_memory.release(order)).status == "released"
    with pytest.raises(NotFoundError):
        await in_memory.stock(store)


async def test_what_was_never_reserved_is_not_found(inventory, order):
    for step in (inventory.commit, inventory.release, inventory.reservation):
        with pytest.raises(NotFoundError):
            await step(order)


async def test_two_hundred_customers_at_once_never_oversell(on_dynamodb, store):
    await stock_up(on_dynamodb, store, milk=50)

    async def customer(number):
        try:
            await on_dynamodb.reserve(f"{store}-{number}", wants(store, milk=1))
        except ConflictError:
            return False
        return True

    got = await asyncio.gather(*(customer(number) for number in range(200)))
    assert sum(got) == 50
    assert await on_hand(on_dynamodb, store) == {"milk": (50, 50)}
    winners = [number for number, won in enumerate(got) if won]
    await asyncio.gather(*(on_dynamodb.commit(f"{store}-{number}") for number in winners))
    assert await on_hand(on_dynamodb, store) == {"milk": (0, 0)}


async def test_one_order_reserved_by_many_at_once_is_kept_once(on_dynamodb, store, order):
    await stock_up(on_dynamodb, store, milk=50)
    views = await asyncio.gather(
        *(on_dynamodb.reserve(order, wants(store, milk=2)) for _ in range(20))
    )
    assert {view.status for view in views} == {"reserved"}
    assert await on_hand(on_dynamodb, store) == {"milk": (50, 2)}


async def test_commit_and_release_at_once_agree_on_one_end(on_dynamodb, store, order):
    await stock_up(on_dynamodb, store, milk=5)
    await on_dynamodb.reserve(order, wants(store, milk=2))
    ends = await asyncio.gather(
        *(step(order) for step in [on_dynamodb.commit, on_dynamodb.release] * 4),
        return_exceptions=True,
    )
    statuses = {end.status for end in ends if not isinstance(end, Exception)}
    assert len(statuses) == 1
    left = 3 if statuses == {"committed"} else 5
    assert await on_hand(on_dynamodb, store) == {"milk": (left, 0)}
