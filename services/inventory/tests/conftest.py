"""An inventory on a table of the emulator, or in memory; and the clock that both go by."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from cafe_inventory.books import DynamoBooks
from cafe_inventory.desk import Desk
from cafe_inventory.dynamo import Table
from cafe_inventory.fakes import FakeNotes, FakeStock, FakeStream
from cafe_inventory.ledger import Ledger
from cafe_inventory.repository import DynamoStock
from cafe_inventory.service import InventoryService
from cafe_inventory.sweeping import Sweeper
from cafe_inventory.telling import Teller, Touches
from cafe_kit.aws import Aws
from hypothesis import HealthCheck, settings

settings.register_profile(
    "inventory",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    database=None,
)
settings.load_profile("inventory")


class Clock:
    """A clock that tests move."""

    def __init__(self):
        self.now = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)

    def __call__(self):
        return self.now

    def advance(self, **time):
        self.now += timedelta(**time)


class Notes(FakeNotes):
    """Keeps the counts, and passes on what was touched."""

    def __init__(self):
        super().__init__()
        self.touches = Touches()

    def touch(self, keys):
        super().touch(keys)
        self.touches.touch(keys)


class Inventory:
    """All parts on one table."""

    def __init__(self, table, books, clock, *, patience_seconds=20.0):
        self.table = table
        self.clock = clock
        self.notes = Notes()
        self.stream = FakeStream()
        self.desk = Desk(table, clock, self.notes, self.notes, patience_seconds=patience_seconds)
        self.service = InventoryService(
            table, self.desk, clock, hold=timedelta(minutes=15), notes=self.notes
        )
        self.sweeper = Sweeper(table, self.desk, clock)
        self.teller = Teller(table, self.stream, self.notes.touches, clock, self.notes)
        self.ledger = Ledger(books, table, clock=clock)
        for name in ("put_par", "delete_stock", "reserve", "commit", "release", "reservation"):
            setattr(self, name, getattr(self.service, name))
        self.stock, self.sweep = self.service.stock, self.sweeper.sweep

    async def levels(self, store=None):
        """All levels, page by page."""
        entries, cursor = [], None
        while True:
            page = await self.ledger.levels(store, cursor, 3)
            entries += page.entries
            cursor = page.next
            if cursor is None:
                return entries


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(scope="session")
def inventory_table(emulator):
    return emulator.new_table()


@pytest.fixture
async def table(aws_environment, inventory_table):
    aws = Aws("eu-west-1", 16)
    yield Table(aws, inventory_table)
    await aws.close()


@pytest.fixture
def on_dynamodb(table, clock):
    return Inventory(DynamoStock(table), DynamoBooks(table), clock)


@pytest.fixture
def in_memory(clock):
    stock = FakeStock()
    return Inventory(stock, stock, clock)


@pytest.fixture(params=["dynamodb", "fake"])
def inventory(request):
    """The same rules on both, so that the fake cannot drift from the table."""
    return request.getfixturevalue("on_dynamodb" if request.param == "dynamodb" else "in_memory")


@pytest.fixture
def run():
    """Runs coroutines from tests that are no coroutines."""
    with asyncio.Runner() as runner:
        yield runner.run
