"""`python -m services.order.bench.aws [orders [tickets]]`: CPU of AWS calls for an order.

A completed order tells Kinesis four times, asks for its payment once, is put into its customer's
list (only the newest state is, where it waited), brings its store a ticket and takes one result
from a queue. Batches are full, as they are under load; of tickets there are so many in a call to
their store's queue (default 10, as in a busy store). The emulator is a process of its own and is
not counted.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from cafe_kit.aws import Aws
from cafe_kit.metrics import Metrics
from cafe_kit.sqs import Done, Message, SqsConsumer
from cafe_order.destinations import Delivered, Destination, KinesisDestination, PaymentsDestination
from cafe_order.events import Facts, OutboxRecord
from cafe_order.history import HistoryDestination
from cafe_order.outbox import OutboxRow
from cafe_order.tickets import TicketsDestination

from services.kit.tests.support.counting import CountingAws
from services.kit.tests.support.emulator import Emulator, running_emulator

WARM_UP = 50


@dataclass(frozen=True, slots=True)
class Line:
    """Of an order."""

    sku: str = "espresso"
    name: str = "Espresso"
    quantity: int = 1
    unit_price_minor: int = 250


@dataclass(frozen=True, slots=True)
class Order:
    """As the saga knows it."""

    id: UUID
    placed_at: datetime
    store_id: str = "cloudcafe.espresso-soho"
    currency: str = "EUR"
    total_minor: int = 500
    lines: Sequence[Line] = (Line(), Line(sku="croissant", name="Croissant"))
    synthetic: bool = False


class Ways:
    """All the ways of an order out of the service and back."""

    def __init__(self, aws: Aws, emulator: Emulator, tickets: int) -> None:
        payments, self._results = emulator.new_queue(), emulator.new_queue()
        self._stores = [emulator.new_queue() for _ in range(10 // tickets)]
        self._tickets = TicketsDestination(aws, linger_seconds=0)
        self._aws = aws
        self._kinesis = KinesisDestination(aws, emulator.new_stream(2))
        self._payments = PaymentsDestination(aws, payments)
        self._history = HistoryDestination(aws, emulator.new_table(), linger_seconds=0)

    async def go(self, count: int, sender: Aws) -> None:
        """Send what so many orders say, and take their results."""
        facts = [
            Facts(Order(uuid4(), datetime.now(UTC)), "guest-7", "a" * 32) for _ in range(count)
        ]
        now = datetime.now(UTC)
        for status in ("placed", "confirmed", "paid", "completed"):
            await deliver(self._kinesis, [fact.event(status, now) for fact in facts])
        await deliver(self._payments, [fact.payment("payment.requested", now) for fact in facts])
        urls = [await url_of(sender, queue) for queue in self._stores]
        stores = [urls[number % len(urls)] for number in range(count)]
        tickets = [fact.ticket(store, now) for fact, store in zip(facts, stores, strict=True)]
        await deliver(self._tickets, tickets, 10)
        await deliver(self._history, [fact.history("completed", now) for fact in facts])
        await fill(sender, self._results, count)
        await self._receive(count)

    async def _receive(self, count: int) -> None:
        stopping, left = asyncio.Event(), count

        async def handle(messages: Sequence[Message]) -> list[Done]:
            nonlocal left
            left -= len(messages)
            if left <= 0:
                stopping.set()
            return [Done() for _ in messages]

        consumer = SqsConsumer(
            self._aws, self._results, handle, service="bench", metrics=Metrics("bench")
        )
        await consumer.run(stopping)


async def url_of(aws: Aws, queue: str) -> str:
    """Where it is."""
    answer = await aws.call("sqs", "get_queue_url", QueueName=queue)
    return str(answer["QueueUrl"])


async def deliver(
    destination: Destination, records: Sequence[OutboxRecord], size: int | None = None
) -> None:
    """Send records in batches as the relay does, or in smaller ones; all of them must arrive."""
    rows = [
        OutboxRow(number, number, uuid4(), record.kind, record.payload, "a" * 32, 0)
        for number, record in enumerate(records)
    ]
    size = size or destination.batch_size
    for at in range(0, len(rows), size):
        for outcome in await destination.deliver(rows[at : at + size]):
            if not isinstance(outcome, Delivered):
                raise SystemExit(f"{destination.name}: {outcome}")


async def fill(aws: Aws, queue: str, count: int) -> None:
    """Put as many results on the queue."""
    url = await url_of(aws, queue)
    for at in range(0, count, 10):
        entries = [
            {
                "Id": str(number),
                "MessageBody": "{}",
                "MessageGroupId": str(uuid4()),
                "MessageDeduplicationId": str(uuid4()),
            }
            for number in range(min(10, count - at))
        ]
        await aws.call("sqs", "send_message_batch", QueueUrl=url, Entries=entries)


async def bench(emulator: Emulator, orders: int, tickets: int) -> None:
    """Measure, and print."""
    sender, aws = Aws("eu-west-1", 4), CountingAws()
    ways = Ways(aws, emulator, tickets)
    await ways.go(WARM_UP, sender)
    aws.clear()
    await ways.go(orders, sender)
    print(aws.table(orders))
    await aws.close()
    await sender.close()


def main() -> None:
    """Start the emulator, measure against it, stop it."""
    orders, tickets = (*map(int, sys.argv[1:]), *(1000, 10)[len(sys.argv) - 1 :])
    with running_emulator() as emulator:
        os.environ.update(emulator.environment)
        asyncio.run(bench(emulator, orders, tickets))


if __name__ == "__main__":
    main()
