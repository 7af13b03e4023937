"""The books: every real order once, in its window, page by page; and counters that add up."""

import itertools
import random
from datetime import timedelta

import pytest
from cafe_inventory.books import HOURS_A_PAGE, STORES_A_PAGE, Window, walk
from cafe_inventory.items import KEEP, time_to_live
from cafe_inventory.models import BatchItem, ParInput, ReservationInput
from cafe_kit.errors import UnavailableError, UnprocessableError
from cafe_kit.paging import encode_cursor

NUMBERS = itertools.count()
HOUR = timedelta(hours=1)


@pytest.fixture
def store():
    return f"books-{next(NUMBERS)}"


async def stock_up(inventory, store, quantity=1000):
    await inventory.put_par(store, ParInput(items=[{"sku": "milk", "quantity": quantity}]))


async def place(inventory, store, moments, *, synthetic=False):
    """An order a moment; returns their ids in the order of placing."""
    placed = [(moment, f"{store}-{next(NUMBERS)}") for moment in moments]
    lines = [{"sku": "milk", "quantity": 1}]
    asked = [
        BatchItem(
            orderId=order,
            action="reserve",
            storeId=store,
            lines=lines,
            placedAt=moment,
            synthetic=synthetic,
        )
        for moment, order in placed
    ]
    random.Random(7).shuffle(asked)
    for at in range(0, len(asked), 50):
        await inventory.service.batch(asked[at : at + 50])
    return [order for _, order in sorted(placed)]


async def read(inventory, window, limit):
    """All entries of a window, and how many pages they took."""
    entries, pages, cursor, seen = [], 0, None, set()
    while True:
        page = await inventory.ledger.page(window, cursor, limit)
        assert len(page.entries) <= limit
        entries += page.entries
        pages += 1
        if page.next is None:
            return entries, pages
        assert page.next not in seen
        seen.add(page.next)
        cursor = page.next


@pytest.mark.parametrize("limit", [2, 7, 1000])
async def test_every_order_of_a_window_is_there_once_in_the_order_of_placing(
    inventory, store, clock, limit
):
    await stock_up(inventory, store)
    since = clock() + timedelta(hours=100 * next(NUMBERS))
    inside = [since + timedelta(minutes=6 * n) for n in range(24)]
    orders = await place(inventory, store, inside)
    await place(inventory, store, [since - timedelta(microseconds=1), since + 3 * HOUR])
    entries, _ = await read(inventory, Window(since, since + 3 * HOUR), limit)
    assert [entry.order_id for entry in entries] == orders
    assert [entry.placed_at for entry in entries] == inside


async def test_the_window_includes_its_begin_and_excludes_its_end(inventory, store, clock):
    await stock_up(inventory, store)
    first, second = await place(inventory, store, [clock(), clock() + HOUR])
    only = Window(clock(), clock() + HOUR, store)
    assert [entry.order_id for entry in (await read(inventory, only, 10))[0]] == [first]
    only = Window(clock() + timedelta(microseconds=1), clock() + 2 * HOUR, store)
    assert [entry.order_id for entry in (await read(inventory, only, 10))[0]] == [second]


async def test_a_store_can_be_asked_for_alone(inventory, store, clock):
    other = f"{store}-b"
    for each in (store, other):
        await stock_up(inventory, each)
        await place(inventory, each, [clock() + timedelta(seconds=n) for n in range(30)])
    window = Window(clock(), clock() + HOUR, store)
    entries, _ = await read(inventory, window, 4)
    assert len(entries) == 30
    assert {entry.store_id for entry in entries} == {store}


async def test_an_entry_says_how_its_order_ended(inventory, store, clock):
    await stock_up(inventory, store)
    a, b, c = await place(inventory, store, [clock()] * 3)
    await inventory.commit(a)
    await inventory.release(b)
    entries, _ = await read(inventory, Window(clock(), clock() + HOUR, store), 10)
    ends = {entry.order_id: entry.status for entry in entries}
    assert ends == {a: "committed", b: "released", c: "reserved"}
    assert [(line.sku, line.quantity) for line in entries[0].lines] == [("milk", 1)]


async def test_synthetic_orders_are_in_no_books(inventory, store, clock):
    await stock_up(inventory, store)
    await place(inventory, store, [clock()], synthetic=True)
    entries, _ = await read(inventory, Window(clock(), clock() + HOUR, store), 10)
    assert entries == []


async def test_an_order_without_a_moment_is_booked_when_it_came(inventory, store, clock):
    await stock_up(inventory, store)
    request = ReservationInput(storeId=store, lines=[{"sku": "milk", "quantity": 1}])
    await inventory.reserve(f"{store}-now", request)
    (entry,), _ = await read(inventory, Window(clock(), clock() + HOUR, store), 10)
    assert entry.placed_at == clock()


async def test_a_long_empty_window_is_read_in_steps_of_bounded_cost(on_dynamodb, store, clock):
    since = clock() + timedelta(days=3000)
    window = Window(since, since + 2 * HOURS_A_PAGE * HOUR, store)
    assert await read(on_dynamodb, window, 10) == ([], 3)


async def test_a_window_that_ends_before_it_begins_is_refused(in_memory, clock):
    with pytest.raises(UnprocessableError) as refusal:
        await in_memory.ledger.page(Window(clock(), clock()), None, 10)
    assert refusal.value.field == "until"


@pytest.mark.parametrize("after", ["nonsense", "2026-99-99T99", "", "zzzz-zz-zzTzz"])
async def test_alien_cursors_are_refused(in_memory, clock, after):
    window = Window(clock(), clock() + HOUR)
    with pytest.raises(UnprocessableError) as refusal:
        await in_memory.ledger.page(window, encode_cursor({"after": after}), 10)
    assert refusal.value.slug == "bad-cursor"


@pytest.mark.parametrize("hour", ["0001-01-01T00", "9999-12-31T23", "2199-01-01T00"])
async def test_a_made_up_cursor_finds_nothing_beyond_its_window(on_dynamodb, store, clock, hour):
    window = Window(clock(), clock() + HOUR, store)
    page = await on_dynamodb.ledger.page(window, encode_cursor({"after": hour}), 10)
    assert page.entries == []


async def test_a_table_without_the_index_says_so(on_dynamodb, emulator, table, clock):
    client = emulator.client("dynamodb")
    client.create_table(
        TableName="without-index",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.close()
    table.name = "without-index"
    with pytest.raises(UnavailableError) as refusal:
        await on_dynamodb.ledger.page(Window(clock(), clock() + HOUR), None, 10)
    assert refusal.value.slug == "index-missing"


@pytest.mark.parametrize("limit", [1, 2, 5, 1000])
async def test_levels_go_over_all_stores_in_pages(inventory, store, limit):
    names = [f"{store}-{n:03}" for n in range(4)]
    for name in names:
        items = [{"sku": f"i{n}", "quantity": n} for n in range(5)]
        await inventory.put_par(name, ParInput(items=items))
    found, position = [], (store, "")
    while position is not None:
        levels, position = await walk(inventory.table, position, limit=limit)
        found += levels
    mine = [(level.store_id, level.sku) for level in found if level.store_id in names]
    assert mine == [(name, f"i{n}") for name in names for n in range(5)]
    assert len(await inventory.levels(names[1])) == 5


async def test_levels_list_more_stores_than_one_step_reads(in_memory):
    for number in range(2 * STORES_A_PAGE + 3):
        await stock_up(in_memory, f"s{number:04}")
    assert len(await in_memory.levels()) == 2 * STORES_A_PAGE + 3


async def test_a_store_that_closed_is_listed_no_more(inventory, store):
    await stock_up(inventory, store)
    assert store in await inventory.table.stores(after="", limit=1000)
    await inventory.delete_stock(store)
    assert store not in await inventory.table.stores(after="", limit=1000)
    await inventory.delete_stock(store)
    assert await inventory.levels(store) == []


async def test_a_large_stock_comes_in_pages(inventory, store):
    items = [{"sku": f"i{n:03}", "quantity": n} for n in range(25)]
    await inventory.put_par(store, ParInput(items=items))
    found, cursor = [], None
    while True:
        view = await inventory.service.stock(store, cursor, 10)
        assert len(view.items) <= 10
        found += [item.sku for item in view.items]
        cursor = view.next
        if cursor is None:
            break
    assert found == [item["sku"] for item in items]


async def test_the_book_says_since_when_all_reservations_are_kept(in_memory, clock):
    page = await in_memory.ledger.page(Window(clock() - HOUR, clock()), None, 10)
    assert page.kept_from == clock() - KEEP
    assert time_to_live(page.kept_from) == clock().timestamp()
