"""`python services/payment-processor/bench/cpu.py [orders]`: CPU of AWS calls per captured order.

Starts the AWS emulator, puts orders on the queue and lets the real consumer, handler and ledger
work through them; the provider is in memory. Counts the CPU time of the threads that call AWS.
The budget is 0.3 ms an order.
"""
# ruff: noqa: INP001 - a program that prints, in no package

import asyncio
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from cafe_kit.aws import Aws
from cafe_kit.events import PaymentCommand
from cafe_kit.metrics import Metrics
from cafe_kit.sqs import SqsConsumer
from cafe_payments.fakes import FakeMetrics, FakeProvider
from cafe_payments.guard import CardTestingGuard
from cafe_payments.handler import PaymentHandler
from cafe_payments.models import Bounds
from cafe_payments.repository import DynamoLedger
from cafe_payments.results import SqsResults
from cafe_payments.service import Payments

from services.kit.tests.support.counting import CountingAws
from services.kit.tests.support.emulator import running_emulator

BUDGET_MS = 0.3


def command(number: int) -> PaymentCommand:
    """One order's wish."""
    now = datetime.now(UTC)
    return PaymentCommand(
        id=f"b-{number}:payment.requested",
        type="payment.requested",
        at=now,
        trace_id="a" * 32,
        order_id=f"b-{number}",
        store_id="corner",
        currency="EUR",
        total_minor=450,
        placed_at=now,
    )


async def fill(aws: Aws, queue: str, orders: range) -> None:
    """Put the orders on the queue."""
    url = (await aws.call("sqs", "get_queue_url", QueueName=queue))["QueueUrl"]
    for at in range(orders.start, orders.stop, 10):
        wishes = [command(number) for number in range(at, min(at + 10, orders.stop))]
        entries = [
            {
                "Id": str(index),
                "MessageBody": wish.encode(),
                "MessageGroupId": wish.order_id,
                "MessageDeduplicationId": wish.id,
            }
            for index, wish in enumerate(wishes)
        ]
        await aws.call("sqs", "send_message_batch", QueueUrl=url, Entries=entries)


async def measure(orders: int, table: str, queue: str, results: str) -> bool:
    """Work through the orders; whether that was within the budget."""
    sender, aws = Aws("eu-west-1", 4), CountingAws()
    metrics, provider = FakeMetrics(), FakeProvider(time.monotonic)
    seconds = timedelta(seconds=1)
    payments = Payments(
        DynamoLedger(aws, table),
        provider,
        Bounds(call=5 * seconds, lease=20 * seconds, provider_longest=30 * seconds),
        guard=CardTestingGuard(20, metrics.count),
        counts=metrics,
    )
    handler = PaymentHandler(payments, SqsResults(aws, results))
    consumer = SqsConsumer(
        aws, queue, handler.handle, service="bench", metrics=Metrics("bench"), concurrency=4
    )
    await fill(sender, queue, range(50))
    stopping = asyncio.Event()
    worker = asyncio.create_task(consumer.run(stopping))

    async def until(count: int) -> None:
        while metrics.counts.get("PaymentsCaptured", 0) < count:  # noqa: ASYNC110 - only a clock
            await asyncio.sleep(0.01)

    await until(50)  # clients are made and warm
    stopping.set()
    await worker
    await fill(sender, queue, range(50, 50 + orders))
    aws.clear()
    stopping.clear()
    began, cpu = time.monotonic(), time.process_time()
    worker = asyncio.create_task(consumer.run(stopping))
    await until(50 + orders)
    took, used = time.monotonic() - began, time.process_time() - cpu
    stopping.set()
    await worker
    await aws.close()
    await sender.close()
    print(aws.table(orders))
    print(f"all of it: {used / orders * 1000:.3f} ms CPU an order, {orders / took:.0f} orders/s")
    return aws.cost_ms(orders) <= BUDGET_MS


def main() -> None:
    """Measure, and say by the status whether the budget holds."""
    orders = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with running_emulator() as emulator:
        os.environ.update(emulator.environment)
        names = (emulator.new_table(), emulator.new_queue(), emulator.new_queue())
        held = asyncio.run(measure(orders, *names))
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
