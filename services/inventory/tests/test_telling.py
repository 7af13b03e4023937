"""Low-stock events: told at least once, each change of state, whatever dies between the steps."""

import asyncio
import itertools
import json

import pytest
from cafe_inventory.changes import Level
from cafe_inventory.models import ParInput, ReservationInput, RestockInput
from cafe_inventory.stream import StockStream
from cafe_inventory.telling import MAX_TOUCHED, Teller, Touches
from cafe_kit.errors import UnavailableError
from cafe_kit.events import parse_event
from cafe_kit.fakes import FakeAws

NUMBERS = itertools.count()


class Died(BaseException):
    """The process ends here."""


@pytest.fixture
def store():
    return f"told-{next(NUMBERS)}"


async def stock_up(inventory, store, quantity=10, **extra):
    item = {"sku": "milk", "quantity": quantity, **extra}
    await inventory.put_par(store, ParInput(items=[item]))


async def buy(inventory, store, quantity):
    order = f"{store}-{next(NUMBERS)}"
    lines = [{"sku": "milk", "quantity": quantity}]
    await inventory.reserve(order, ReservationInput(storeId=store, lines=lines))
    return order


async def deliver(inventory, store, quantity):
    body = RestockInput(items=[{"sku": "milk", "quantity": quantity}])
    await inventory.service.restock(store, f"delivery-{next(NUMBERS)}", body)


def told(inventory, store):
    mine = [event for event in inventory.stream.events if event.store_id == store]
    return [(event.type, event.available, event.low_at) for event in mine]


async def walk_round(teller):
    while not await teller.step():
        pass


async def test_low_stock_is_told_once_and_so_is_its_end(inventory, store):
    await stock_up(inventory, store)
    await buy(inventory, store, 7)
    await inventory.teller.look()
    assert told(inventory, store) == []
    await buy(inventory, store, 1)
    for _ in range(2):
        await inventory.teller.look()
    assert told(inventory, store) == [("stock.low", 2, 2)]
    await buy(inventory, store, 1)
    await inventory.teller.look()
    await deliver(inventory, store, 5)
    for _ in range(2):
        await inventory.teller.look()
    assert told(inventory, store) == [("stock.low", 2, 2), ("stock.restocked", 6, 2)]
    ids = [event.id for event in inventory.stream.events]
    assert ids == [f"{store}:milk:stock.low:1", f"{store}:milk:stock.restocked:2"]


async def test_stock_that_comes_back_by_release_or_expiry_ends_it_too(inventory, store, clock):
    await stock_up(inventory, store)
    order = await buy(inventory, store, 9)
    await inventory.teller.look()
    await inventory.release(order)
    await inventory.teller.look()
    await buy(inventory, store, 9)
    await inventory.teller.look()
    clock.advance(minutes=16)
    await inventory.sweep()
    await inventory.teller.look()
    kinds = [kind for kind, _, _ in told(inventory, store)]
    assert kinds == ["stock.low", "stock.restocked"] * 2


async def test_when_an_item_is_low_can_be_said_and_changed(inventory, store):
    await stock_up(inventory, store, lowAt=5)
    await buy(inventory, store, 4)
    await inventory.teller.look()
    assert told(inventory, store) == []
    await stock_up(inventory, store, lowAt=6)
    await inventory.teller.look()
    assert told(inventory, store) == [("stock.low", 6, 6)]
    await stock_up(inventory, store, lowAt=None)
    view = await inventory.stock(store)
    assert [(item.available, item.low_at) for item in view.items] == [(6, 6)]


async def test_a_death_between_event_and_mark_repeats_the_same_event(inventory, store):
    await stock_up(inventory, store)
    await buy(inventory, store, 9)

    async def die(level, *, low):
        raise Died

    mark, inventory.table.mark_told = inventory.table.mark_told, die
    with pytest.raises(Died):
        await inventory.teller.look()
    inventory.table.mark_told = mark
    reborn = Teller(inventory.table, inventory.stream, Touches(), inventory.clock, inventory.notes)
    assert await reborn.look() == 0  # a new process has touched nothing
    await walk_round(reborn)
    mine = [event.id for event in inventory.stream.events if event.store_id == store]
    assert mine == [f"{store}:milk:stock.low:1"] * 2
    await walk_round(reborn)
    assert [event.id for event in inventory.stream.events if event.store_id == store] == mine


async def test_a_death_between_the_transaction_and_the_touch_is_found_by_the_round(
    inventory, store
):
    await stock_up(inventory, store)

    def die(keys):
        raise Died

    inventory.notes.touch = die
    with pytest.raises(Died):
        await buy(inventory, store, 9)
    assert await inventory.teller.look() in {0, 1}  # the par was touched, which may tell already
    await walk_round(inventory.teller)
    mine = [event for event in inventory.stream.events if event.store_id == store]
    assert [(event.type, event.available) for event in mine] == [("stock.low", 1)]


async def test_events_wait_while_the_stream_is_away(inventory, store):
    await stock_up(inventory, store)
    await buy(inventory, store, 9)
    inventory.stream.away = True
    with pytest.raises(UnavailableError):
        await inventory.teller.look()
    inventory.stream.away = False
    assert await inventory.teller.look() == 1


async def test_an_event_that_did_not_arrive_is_put_again(inventory, store):
    await stock_up(inventory, store)
    await buy(inventory, store, 9)
    inventory.stream.refusing = 1
    assert await inventory.teller.look() == 0
    assert await inventory.teller.look() == 1
    assert told(inventory, store) == [("stock.low", 1, 2)]


async def test_two_replicas_that_tell_at_once_use_one_id_and_mark_once(inventory, store):
    await stock_up(inventory, store)
    await buy(inventory, store, 9)
    levels = await inventory.table.levels([(store, "milk")])
    assert sorted([await inventory.teller.tell(levels) for _ in range(2)]) == [0, 1]
    assert len({event.id for event in inventory.stream.events}) == 1
    (level,) = await inventory.table.levels([(store, "milk")])
    assert (level.told_low, level.serial) == (True, 1)


async def test_synthetic_orders_tell_nothing(inventory, store):
    await stock_up(inventory, store)
    lines = [{"sku": "milk", "quantity": 10}]
    request = ReservationInput(storeId=store, lines=lines, synthetic=True)
    await inventory.reserve(f"{store}-probe", request)
    assert await inventory.teller.look() == 0
    assert inventory.notes.counts == {}


async def test_the_round_counts_what_is_low_and_gives_old_items_their_counters(in_memory, clock):
    for number in range(120):
        await stock_up(in_memory, f"s{number:03}", 10)
    for number in range(0, 120, 4):
        await buy(in_memory, f"s{number:03}", 9)
    old = Level("old", "milk", 5, 0, 0, 5, 1, counted=False)
    in_memory.table.stock_items["old", "milk"] = old
    await walk_round(in_memory.teller)
    assert in_memory.notes.gauges == {"LowStockItems": 30}
    counted = in_memory.table.stock_items["old", "milk"]
    assert (counted.counted, counted.counted_from) == (True, clock())
    await walk_round(in_memory.teller)
    assert in_memory.notes.gauges == {"LowStockItems": 30}


def test_what_was_touched_is_bounded():
    touches = Touches()
    touches.touch([("s", f"i{n}") for n in range(MAX_TOUCHED + 5)])
    assert len(touches.take(2 * MAX_TOUCHED)) == MAX_TOUCHED
    assert touches.take(1) == []


async def test_the_stream_gets_what_others_can_read(in_memory, clock):
    aws = FakeAws()
    teller = Teller(
        in_memory.table, StockStream(aws, "stock"), in_memory.notes.touches, clock, in_memory.notes
    )
    await stock_up(in_memory, "s")
    await buy(in_memory, "s", 9)
    await teller.look()
    (record,) = aws.records
    assert record["PartitionKey"] == "s"
    assert parse_event(record["Data"]).type == "stock.low"
    assert json.loads(record["Data"])["lowAt"] == 2


async def test_records_that_kinesis_refuses_are_not_marked_as_told(in_memory, clock):
    aws = FakeAws()
    aws.rules["put_records"] = lambda parameters: {
        "Records": [{"ErrorCode": "ProvisionedThroughputExceededException"}]
    }
    stream = StockStream(aws, "stock")
    teller = Teller(in_memory.table, stream, in_memory.notes.touches, clock, in_memory.notes)
    await stock_up(in_memory, "s")
    await buy(in_memory, "s", 9)
    assert await teller.look() == 0
    aws.rules.clear()
    assert await teller.look() == 1


async def test_the_workers_look_and_walk_until_they_are_stopped(in_memory):
    await stock_up(in_memory, "s")
    await buy(in_memory, "s", 9)
    stopping = asyncio.Event()
    put = in_memory.stream.put

    async def put_then_stop(events):
        stopping.set()
        return await put(events)

    in_memory.stream.put = put_then_stop
    async with asyncio.timeout(5):
        await in_memory.teller.look_for_ever(stopping, 60)
    assert len(in_memory.stream.events) == 1
