"""The audit at this inventory's own books: silent while orders go on, loud where counters drift."""

import itertools
import random
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from cafe_inventory.books import Window as Asked
from cafe_inventory.models import ParInput, ReservationInput, RestockInput
from cafe_kit.errors import ConflictError, NotFoundError
from cafe_ledger.audit import Auditor, Timing, Window
from cafe_ledger.collect import HOLDS, LEVELS, Collector
from cafe_ledger.findings import Kind

NUMBERS = itertools.count()
PAR = ParInput(items=[{"sku": "milk", "quantity": 10}, {"sku": "cake", "quantity": 40}])
HOUR = timedelta(hours=1)


class InventoryBooks:
    """Implements BookReader: the inventory's books in small pages, and nobody else has any."""

    def __init__(self, inventory, meanwhile):
        self.inventory = inventory
        self.meanwhile = meanwhile

    async def get(self, book, path, params):
        if book != "inventory":
            return {"entries": [], "next": None}
        store, cursor, ledger = params["storeId"], params.get("cursor"), self.inventory.ledger
        if path == LEVELS:
            page = await ledger.levels(store, cursor, 1)
        elif path == HOLDS:
            page = await ledger.holds(store, cursor, 1)
        else:
            since, until = (datetime.fromisoformat(params[name]) for name in ("from", "until"))
            page = await ledger.page(Asked(since, until, store), cursor, 3)
        await self.meanwhile()
        return page.model_dump(mode="json", by_alias=True)


class Traffic:
    """Orders that come and end, deliveries, and a store that closes and opens, at random."""

    def __init__(self, inventory, store, seed):
        self.inventory = inventory
        self.store = store
        self.chance = random.Random(seed)
        self.orders = {}

    async def step(self):
        action = self.chance.choice(
            [self.comes, self.comes, self.comes, self.ends, self.ends, self.arrives, self.reopens]
        )
        self.inventory.clock.advance(seconds=self.chance.randrange(40))
        try:
            await action()
        except (ConflictError, NotFoundError):
            return  # out of stock, held, or ended the other way: as in life

    async def comes(self):
        order = self.chance.choice([*[*self.orders][-3:], f"{self.store}-{next(NUMBERS)}"])
        skus = self.chance.choice([["milk"], ["cake"], ["milk", "cake"]])
        lines = self.orders.setdefault(order, [{"sku": sku, "quantity": 2} for sku in skus])
        await self.inventory.reserve(order, wants(self.store, self.inventory, lines))

    async def ends(self):
        if not self.orders:
            return
        order = self.chance.choice([*self.orders])
        await self.chance.choice([self.inventory.commit, self.inventory.release])(order)

    async def arrives(self):
        await self.inventory.sweep()
        items = RestockInput(items=[{"sku": "milk", "quantity": 3}])
        await self.inventory.service.restock(self.store, f"{self.store}-{next(NUMBERS)}", items)

    async def reopens(self):
        await self.inventory.delete_stock(self.store)
        self.inventory.clock.advance(minutes=2)
        await self.inventory.put_par(self.store, PAR)


def wants(store, inventory, lines):
    return ReservationInput(storeId=store, lines=lines, placedAt=inventory.clock())


async def nothing():
    return


async def audited(inventory, store, meanwhile=nothing):
    """What the audit finds of the counters; the orders' own books are another matter."""
    collector = Collector(InventoryBooks(inventory, meanwhile), statement=False)
    auditor = Auditor(collector, Timing(), now=inventory.clock)
    now = inventory.clock()
    report = await auditor.audit(Window(now - HOUR, now + HOUR, store))
    return [(one.kind, one.sku) for one in report.findings if one.sku]


@pytest.fixture
def store():
    return f"audited-{next(NUMBERS)}"


async def audited_in_traffic(inventory, store, seed, *, looks):
    await inventory.put_par(store, PAR)
    traffic = Traffic(inventory, store, seed)
    for _ in range(20):
        await traffic.step()
    found = [await audited(inventory, store, traffic.step) for _ in range(looks)]
    return [*itertools.chain(*found), *await audited(inventory, store)]


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_goes_on_while_the_books_are_read_is_no_damage(in_memory, store, seed):
    assert await audited_in_traffic(in_memory, store, seed, looks=3) == []


async def test_nor_is_it_on_a_real_table(on_dynamodb, store):
    assert await audited_in_traffic(on_dynamodb, store, 7, looks=1) == []


async def reopen_as_before(inventory, store):
    """The bug of an earlier version: stock was deleted whatever was held of it."""
    table = inventory.table
    for key in [key for key in table.stock_items if key[0] == store]:
        table.stock_items[key] = replace(table.stock_items[key], reserved=0)
    await inventory.delete_stock(store)
    inventory.clock.advance(minutes=2)
    await inventory.put_par(store, PAR)


async def test_a_hold_that_eats_the_stock_of_the_next_opening_is_found(in_memory, store):
    inventory = in_memory
    milk = [{"sku": "milk", "quantity": 4}]
    await inventory.put_par(store, PAR)
    await inventory.reserve(f"{store}-old", wants(store, inventory, milk))
    await reopen_as_before(inventory, store)
    inventory.clock.advance(minutes=2)
    await inventory.reserve(f"{store}-new", wants(store, inventory, milk))
    await inventory.release(f"{store}-old")
    # the new order's four are for sale again, and the sum is right
    assert await audited(inventory, store) == [(Kind.LEVEL_HELD, "milk")]
    await inventory.commit(f"{store}-new")
    assert await audited(inventory, store) == [(Kind.LEVEL_SOLD, "milk")]


async def test_a_sale_that_moves_no_counter_is_found_also_among_other_sales(in_memory, store):
    inventory = in_memory
    await inventory.put_par(store, PAR)
    inventory.clock.advance(minutes=2)
    for number in range(3):
        lines = [{"sku": "cake", "quantity": 2}]
        await inventory.reserve(f"{store}-{number}", wants(store, inventory, lines))
        await inventory.commit(f"{store}-{number}")
    assert await audited(inventory, store) == []
    level = inventory.table.stock_items[store, "cake"]
    inventory.table.stock_items[store, "cake"] = replace(
        level, sold=level.sold - 1, available=level.available + 1
    )
    assert await audited(inventory, store) == [(Kind.LEVEL_SOLD, "cake")]
