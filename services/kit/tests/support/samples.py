"""Events for tests, each complete and valid."""

from datetime import UTC, datetime

from cafe_kit.events import OrderedLine, OrderEvent

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"


def order_event(order_id="o-1", kind="order.completed", **changes):
    """An order of two espressos."""
    facts = {
        "id": f"{order_id}:{kind}",
        "type": kind,
        "at": AT,
        "trace_id": TRACE_ID,
        "order_id": order_id,
        "store_id": "corner",
        "customer_id": "ada",
        "currency": "EUR",
        "total_minor": 360,
        "lines": (OrderedLine(sku="espresso", name="Espresso", quantity=2, unit_price_minor=180),),
        "placed_at": AT,
    }
    return OrderEvent(**{**facts, **changes})
