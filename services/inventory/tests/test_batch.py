"""Steps of many orders at once: one transaction, and each order its own truth."""

import asyncio
import itertools
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError
from cafe_inventory.books import DynamoBooks
from cafe_inventory.changes import Refused
from cafe_inventory.dynamo import Table
from cafe_inventory.items import stock_key
from cafe_inventory.models import BatchItem, ParInput
from cafe_inventory.repository import DynamoStock
from cafe_kit.errors import UnavailableError
from cafe_kit.fakes import FakeAws

from .conftest import Inventory

NUMBERS = itertools.count()


@pytest.fixture
def store():
    return f"batch-{next(NUMBERS)}"


def step(order, action, store, synthetic=False, **quantities):
    lines = [{"sku": sku, "quantity": quantity} for sku, quantity in quantities.items()]
    return BatchItem(orderId=order, action=action, storeId=store, lines=lines, synthetic=synthetic)


async def stock_up(inventory, store, **quantities):
    items = [{"sku": sku, "quantity": quantity} for sku, quantity in quantities.items()]
    await inventory.put_par(store, ParInput(items=items))


async def statuses(inventory, *steps):
    return [result.status for result in await inventory.service.batch(steps)]


async def counters(inventory, store):
    levels = await inventory.levels(store)
    for level in levels:
        assert level.received == level.available + level.reserved + level.sold
        assert min(level.available, level.reserved, level.sold) >= 0
    return {level.sku: (level.available, level.reserved, level.sold) for level in levels}


async def test_many_orders_are_reserved_and_committed_in_one_transaction_each(in_memory):
    await stock_up(in_memory, "s", milk=100, cake=100)
    reserve = [step(f"o{n}", "reserve", "s", milk=1, cake=2) for n in range(32)]
    assert set(await statuses(in_memory, *reserve)) == {"reserved"}
    assert in_memory.table.writes == 1
    commit = [step(f"o{n}", "commit", "s", milk=1, cake=2) for n in range(32)]
    assert set(await statuses(in_memory, *commit)) == {"committed"}
    assert in_memory.table.writes == 2
    assert await counters(in_memory, "s") == {"milk": (68, 0, 32), "cake": (36, 0, 64)}
    assert in_memory.notes.counts == {"ReservationsMade": 32, "ReservationsCommitted": 32}


async def test_a_full_batch_of_the_largest_orders_is_written(inventory, store):
    skus = [f"i{n}" for n in range(50)]
    await stock_up(inventory, store, **dict.fromkeys(skus, 100))
    steps = [step(f"{store}-{n}", "reserve", store, **dict.fromkeys(skus, 1)) for n in range(50)]
    assert set(await statuses(inventory, *steps)) == {"reserved"}
    assert set((await counters(inventory, store)).values()) == {(50, 50, 0)}


async def test_repeating_a_batch_changes_nothing(inventory, store):
    await stock_up(inventory, store, milk=10)
    for action in ("reserve", "commit"):
        steps = [step(f"{store}-{n}", action, store, milk=1) for n in range(5)]
        first = await statuses(inventory, *steps)
        assert await statuses(inventory, *steps) == first
    assert await counters(inventory, store) == {"milk": (5, 0, 5)}


async def test_who_asks_first_is_served_and_the_rest_is_out_of_stock(inventory, store):
    await stock_up(inventory, store, milk=5)
    steps = [step(f"{store}-{n}", "reserve", store, milk=2) for n in range(4)]
    assert await statuses(inventory, *steps) == ["reserved", "reserved", "outOfStock", "outOfStock"]
    assert await counters(inventory, store) == {"milk": (1, 4, 0)}
    assert inventory.notes.counts["OutOfStock"] == 2


async def test_a_smaller_order_gets_what_a_greater_one_could_not(inventory, store):
    await stock_up(inventory, store, milk=5)
    wants = (4, 9, 3, 1)
    steps = [step(f"{store}-{n}", "reserve", store, milk=n) for n in wants]
    assert await statuses(inventory, *steps) == ["reserved", "outOfStock", "outOfStock", "reserved"]


async def test_an_order_that_has_its_reservation_is_not_told_out_of_stock(inventory, store):
    await stock_up(inventory, store, milk=2)
    mine = step(f"{store}-a", "reserve", store, milk=2)
    assert await statuses(inventory, mine) == ["reserved"]
    both = await statuses(inventory, mine, step(f"{store}-b", "reserve", store, milk=2))
    assert both == ["reserved", "outOfStock"]


async def test_all_kinds_of_steps_in_one_batch_have_their_own_ends(inventory, store):
    await stock_up(inventory, store, milk=10, tea=1)
    a, b, c, d = (f"{store}-{name}" for name in "abcd")
    await statuses(inventory, *(step(order, "reserve", store, milk=1) for order in (a, b, c)))
    assert await statuses(
        inventory,
        step(a, "commit", store, milk=1),
        step(b, "release", store, milk=1),
        step(c, "commit", store, milk=2),
        step(d, "reserve", store, tea=2),
        step(f"{store}-e", "commit", store, milk=1),
        step(f"{store}-f", "reserve", store, synthetic=True, milk=8),
        step(f"{store}-g", "reserve", store, synthetic=True, milk=11),
    ) == ["committed", "released", "conflict", "outOfStock", "notFound", "reserved", "outOfStock"]
    assert await counters(inventory, store) == {"milk": (8, 1, 1), "tea": (1, 0, 0)}


async def test_what_ended_the_other_way_says_how(inventory, store):
    await stock_up(inventory, store, milk=10)
    a, b = f"{store}-a", f"{store}-b"
    await statuses(inventory, *(step(order, "reserve", store, milk=1) for order in (a, b)))
    await statuses(inventory, step(a, "commit", store, milk=1), step(b, "release", store, milk=1))
    results = await inventory.service.batch(
        [step(a, "release", store, milk=1), step(b, "commit", store, milk=1)]
    )
    assert [result.status for result in results] == ["committed", "released"]
    assert all(result.detail for result in results)


async def test_steps_of_one_order_happen_in_the_order_given(inventory, store):
    await stock_up(inventory, store, milk=1)
    order = f"{store}-a"
    assert await statuses(
        inventory,
        step(order, "reserve", store, milk=1),
        step(order, "commit", store, milk=1),
        step(order, "release", store, milk=1),
    ) == ["reserved", "committed", "committed"]


async def test_an_order_whose_hold_lapsed_keeps_it_if_it_asks_before_the_sweeper(
    inventory, store, clock
):
    await stock_up(inventory, store, milk=1)
    ask = step(f"{store}-a", "reserve", store, milk=1)
    await statuses(inventory, ask)
    clock.advance(minutes=16)
    assert await statuses(inventory, ask) == ["reserved"]
    await inventory.sweep()
    assert await counters(inventory, store) == {"milk": (0, 1, 0)}
    clock.advance(minutes=16)
    await inventory.sweep()
    assert await counters(inventory, store) == {"milk": (1, 0, 0)}
    assert await statuses(inventory, step(f"{store}-a", "commit", store, milk=1)) == ["released"]
    assert await statuses(inventory, ask) == ["reserved"]


async def test_orders_are_settled_though_the_item_that_they_hold_vanished(
    on_dynamodb, table, store
):
    inventory = on_dynamodb
    await stock_up(inventory, store, milk=9, cake=9)
    orders = [f"{store}-{n}" for n in range(3)]
    await statuses(inventory, *(step(o, "reserve", store, milk=1, cake=1) for o in orders))
    await table.delete_many([stock_key(store, "milk")])
    ends = await statuses(inventory, *(step(o, "release", store, milk=1, cake=1) for o in orders))
    assert ends == ["released"] * 3
    assert await counters(inventory, store) == {"cake": (9, 0, 0)}


async def test_throttling_leaves_each_order_unavailable_and_its_later_steps_too(in_memory):
    await stock_up(in_memory, "s", milk=9)
    in_memory.table.throttled = True
    reserve, commit = (step("o", action, "s", milk=1) for action in ("reserve", "commit"))
    assert await statuses(in_memory, reserve, commit) == ["unavailable", "unavailable"]
    in_memory.table.throttled = False
    assert await statuses(in_memory, reserve, commit) == ["reserved", "committed"]


async def test_batches_that_meet_never_oversell_and_each_order_has_one_end(on_dynamodb, store):
    await stock_up(on_dynamodb, store, milk=150, cake=100)
    orders = [f"{store}-{n}" for n in range(200)]
    asked = [step(order, "reserve", store, milk=1, cake=1) for order in orders]

    async def batch(at):
        # batches overlap by half: every order is asked for twice
        return await on_dynamodb.service.batch(asked[at : at + 40])

    answers = await asyncio.gather(*(batch(at) for at in range(0, 200, 20)))
    ends = {}
    for result in itertools.chain.from_iterable(answers):
        ends.setdefault(result.order_id, set()).add(result.status)
    assert all(len(statuses) == 1 for statuses in ends.values())
    held = [order for order in orders if ends[order] == {"reserved"}]
    assert len(held) == 100
    assert await counters(on_dynamodb, store) == {"milk": (50, 100, 0), "cake": (0, 100, 0)}
    ending = [
        step(order, ("commit", "release")[n % 2], store, milk=1, cake=1)
        for n, order in enumerate(held)
    ]
    halves = (ending[:50], ending[50:], ending[25:75])
    await asyncio.gather(*(on_dynamodb.service.batch(part) for part in halves))
    assert await counters(on_dynamodb, store) == {"milk": (100, 0, 50), "cake": (50, 0, 50)}


def cancelled(*codes):
    response = {
        "Error": {"Code": "TransactionCanceledException"},
        "CancellationReasons": [{"Code": code} for code in codes],
    }
    return ClientError(response, "TransactWriteItems")


@pytest.fixture
def scripted(clock):
    """An inventory on a DynamoDB that answers transactions as told."""
    aws = FakeAws()
    aws._dynamodb_batch_get_item = lambda _parameters: {"Responses": {}}
    aws._dynamodb_transact_write_items = lambda _parameters: {}
    table = Table(aws, "t")
    inventory = Inventory(DynamoStock(table), DynamoBooks(table), clock, patience_seconds=0.3)
    inventory.aws = aws
    return inventory


async def test_a_transaction_that_met_another_is_tried_again(scripted):
    tries = []

    def conflict_twice(parameters):
        tries.append(parameters)
        if len(tries) <= 2:
            raise cancelled("None", "None", "TransactionConflict")

    scripted.aws.rules["transact_write_items"] = conflict_twice
    assert await statuses(scripted, step("o", "reserve", "s", milk=1)) == ["reserved"]
    assert len(tries) == 3


async def test_conflicts_without_end_are_unavailable_within_our_patience(scripted):
    def conflict(_parameters):
        raise cancelled("None", "TransactionConflict")

    scripted.aws.rules["transact_write_items"] = conflict
    began = asyncio.get_running_loop().time()
    ends = await statuses(scripted, *(step(f"o{n}", "reserve", "s", milk=1) for n in range(3)))
    assert ends == ["unavailable"] * 3
    assert asyncio.get_running_loop().time() - began < 2


async def test_throttling_inside_a_transaction_names_dynamodb(scripted):
    def throttle(_parameters):
        raise cancelled("None", "ThrottlingError")

    scripted.aws.rules["transact_write_items"] = throttle
    (result,) = await scripted.service.batch([step("o", "reserve", "s", milk=1)])
    assert result.status == "unavailable"
    assert "DynamoDB throttles" in result.detail


async def test_one_order_that_dynamodb_refuses_without_a_word_does_not_fail_the_others(scripted):
    def refuse_the_bad_one(parameters):
        keys = [
            write["Put"]["Item"]["pk"]["S"]
            for write in parameters["TransactItems"]
            if "Put" in write
        ]
        if "ORDER#bad" in keys:
            raise cancelled("None", "ValidationError")

    scripted.aws.rules["transact_write_items"] = refuse_the_bad_one
    steps = [step(order, "reserve", "s", milk=1) for order in ("a", "b", "bad", "c", "d")]
    ends = ["reserved", "reserved", "unavailable", "reserved", "reserved"]
    assert await statuses(scripted, *steps) == ends


async def test_an_answer_that_got_lost_is_found_by_the_repetition(on_dynamodb, store):
    await stock_up(on_dynamodb, store, milk=9)
    write = on_dynamodb.table.write
    lost = []

    async def lose_the_answer(group, now):
        await write(group, now)
        lost.append(group)
        raise TimeoutError

    for action, end in (("reserve", "reserved"), ("commit", "committed")):
        asked = [step(f"{store}-{n}", action, store, milk=1) for n in range(3)]
        on_dynamodb.table.write = lose_the_answer
        assert set(await statuses(on_dynamodb, *asked)) == {"unavailable"}
        on_dynamodb.table.write = write
        assert set(await statuses(on_dynamodb, *asked)) == {end}
    assert len(lost) == 2
    assert await counters(on_dynamodb, store) == {"milk": (6, 0, 3)}


async def test_nobody_is_told_out_of_stock_on_the_word_of_the_stock_item_alone(in_memory):
    await stock_up(in_memory, "s", milk=2)
    mine = step("mine", "reserve", "s", milk=2)
    assert await statuses(in_memory, mine) == ["reserved"]
    write = in_memory.table.write

    async def name_the_stock_only(group, now):
        verdict = await write(group, now)
        return replace(verdict, found={}) if isinstance(verdict, Refused) else verdict

    in_memory.table.write = name_the_stock_only
    assert await statuses(in_memory, mine) == ["reserved"]


async def test_a_step_does_not_overtake_one_whose_end_nobody_knows(in_memory):
    await stock_up(in_memory, "s", milk=9)
    write, calls = in_memory.table.write, []

    async def fail_at_first(group, now):
        calls.append(group)
        if len(calls) == 1:
            raise UnavailableError("DynamoDB does not answer (test).")
        return await write(group, now)

    in_memory.table.write = fail_at_first
    ends = await statuses(
        in_memory, *(step("o", action, "s", milk=1) for action in ("reserve", "commit", "release"))
    )
    assert ends == ["unavailable"] * 3
    assert len(calls) == 1
