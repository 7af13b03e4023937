"""An inventory on a table of the emulator."""

from datetime import UTC, datetime, timedelta

import pytest
from cafe_inventory.repository import DynamoStock
from cafe_inventory.service import InventoryService
from cafe_kit.aws import Aws


class Clock:
    """A clock that tests move."""

    def __init__(self):
        self.now = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)

    def __call__(self):
        return self.now

    def advance(self, **time):
        self.now += timedelta(**time)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(scope="session")
def inventory_table(emulator):
    return emulator.new_table()


@pytest.fixture
async def table(aws_environment, inventory_table):
    aws = Aws("eu-west-1", 16)
    yield DynamoStock(aws, inventory_table)
    await aws.close()


@pytest.fixture
def service(table, clock):
    return InventoryService(table, clock, timedelta(minutes=15))
