"""CPU of the inventory process for an order: reserve and commit, in batches.

    PYTHONPATH=. uv run --no-sync python services/inventory/bench

Runs the rules on the AWS emulator, which is a process of its own: only our own CPU is counted.
"""
# ruff: noqa: INP001 - started as a folder, imported by nobody

import asyncio
import os
import time
from collections.abc import Sequence
from datetime import timedelta

from cafe_inventory.app import Notebook
from cafe_inventory.desk import Desk
from cafe_inventory.dynamo import Table
from cafe_inventory.fakes import FakeNotes
from cafe_inventory.models import Action, BatchItem, ParInput, ReservationLine
from cafe_inventory.repository import DynamoStock
from cafe_inventory.service import InventoryService
from cafe_inventory.telling import Touches
from cafe_kit.wire import utc_now

from services.kit.tests.support.counting import CountingAws
from services.kit.tests.support.emulator import running_emulator

BATCHES = (1, 10, 32)
ORDERS = 640
SKUS = ("espresso", "latte", "croissant", "tea", "cake", "water")
LINES = 2


def steps(prefix: str, action: Action, numbers: Sequence[int]) -> list[BatchItem]:
    """One step of each order; two lines an order."""
    return [
        BatchItem(
            order_id=f"{prefix}-{number}",
            action=action,
            store_id="bench",
            lines=[
                ReservationLine(sku=SKUS[(number + line) % len(SKUS)], quantity=1)
                for line in range(LINES)
            ],
        )
        for number in numbers
    ]


async def measure(service: InventoryService, size: int) -> tuple[float, float]:
    """Milliseconds of CPU, and of time, for an order."""
    began, cpu = time.perf_counter(), time.process_time()
    for at in range(0, ORDERS, size):
        for action, end in (("reserve", "reserved"), ("commit", "committed")):
            asked = steps(f"o{size}", action, range(at, min(at + size, ORDERS)))
            for result in await service.batch(asked):
                if result.status != end:
                    raise SystemExit(f"{result}")
    each = 1000 / ORDERS
    return (time.process_time() - cpu) * each, (time.perf_counter() - began) * each


async def bench(table_name: str) -> None:
    """Measure every size of batch, and print it."""
    aws = CountingAws(4)
    stock = DynamoStock(Table(aws, table_name))
    notes = Notebook(FakeNotes(), Touches())
    desk = Desk(stock, utc_now, notes, notes)
    service = InventoryService(stock, desk, utc_now, hold=timedelta(minutes=15), notes=notes)
    par = [{"sku": sku, "quantity": 100_000} for sku in SKUS]
    await service.put_par("bench", ParInput.model_validate({"items": par}))
    for size in BATCHES:
        aws.clear()
        cpu, elapsed = await measure(service, size)
        print(f"batches of {size}: {cpu:.3f} ms CPU an order in all, {elapsed:.3f} ms of time")
        print(aws.table(ORDERS))
    await aws.close()


def main() -> None:
    """Start the emulator, measure against it, stop it."""
    with running_emulator() as emulator:
        os.environ.update(emulator.environment)
        asyncio.run(bench(emulator.new_table()))


if __name__ == "__main__":
    main()
