"""Events of orders, and batches of them, for the tests of loyalty."""

from datetime import UTC, datetime, timedelta

from cafe_kit.events import OrderedLine, OrderEvent
from cafe_kit.kinesis import ShardBatch

TOKEN = "service-token-for-tests"
STREAM = "order-events"
SHARD = "shardId-000000000000"
EIGHT = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def noon():
    """The clock of the tests."""
    return EIGHT + timedelta(hours=4)


def order(number, **changes):
    """An order of 4.50 that ada's till completed a minute after eight."""
    facts = {
        "type": "order.completed",
        "store_id": "corner",
        "customer_id": "ada",
        "currency": "EUR",
        "total_minor": 450,
        "placed_at": EIGHT,
        "at": EIGHT + timedelta(minutes=1),
        "lines": (OrderedLine(sku="cake", name="Cake", quantity=1, unit_price_minor=450),),
        **changes,
    }
    order_id = f"order-{number}"
    return OrderEvent(id=f"{order_id}:{facts['type']}", order_id=order_id, **facts)


def batch(*events, before=None, after="1", closed=False, shard=SHARD):
    return ShardBatch(STREAM, shard, before, after, events, closed)
