"""Orders and their events as the order service would tell them, for tests and the benchmark."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cafe_kit.events import Event, OrderedLine, OrderEvent
from cafe_kit.kinesis import ShardBatch

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
STREAM = "order-events"
HAPPY = ("placed", "confirmed", "paid", "completed")
STEPS = (*HAPPY, "rejected", "cancelled")
COFFEE = OrderedLine(sku="espresso", name="Espresso", quantity=2, unit_price_minor=180)
CAKE = OrderedLine(sku="cake", name="Cake", quantity=1, unit_price_minor=420)


def event(order: str = "o1", status: str = "placed", **changes: Any) -> OrderEvent:
    """One event of an order placed at noon."""
    values: dict[str, Any] = {
        "id": f"{order}:order.{status}",
        "type": f"order.{status}",
        "at": NOON + timedelta(seconds=STEPS.index(status)),
        "order_id": order,
        "store_id": "corner",
        "customer_id": "ada",
        "currency": "EUR",
        "total_minor": 780,
        "lines": (COFFEE, CAKE),
        "placed_at": NOON,
        "reason": "no beans" if status in {"rejected", "cancelled"} else None,
    }
    return OrderEvent(**{**values, **changes})


def life(order: str = "o1", statuses: Sequence[str] = HAPPY, **changes: Any) -> list[OrderEvent]:
    """All events of an order, in order."""
    return [event(order, status, **changes) for status in statuses]


def batch(
    events: Sequence[Event],
    *,
    before: str | None = None,
    after: str = "1",
    shard: str = "shard-0",
    closed: bool = False,
) -> ShardBatch:
    """A batch as the kit's consumer makes it."""
    return ShardBatch(STREAM, shard, before, after, tuple(events), closed)
