"""What callers are told when the rules say no. Used by `service.py`."""

from cafe_kit.errors import ConflictError, NotFoundError, UnprocessableError

from cafe_inventory.changes import Level, Restock
from cafe_inventory.judging import Outcome
from cafe_inventory.models import ReservationInput


def unknown_store(store_id: str) -> NotFoundError:
    """Nobody put a par."""
    return NotFoundError(
        f"Store {store_id!r} has no stock.",
        slug="unknown-store",
        field="store_id",
        remedy="Create it with PUT /stores/{store_id}/stock, or check the id.",
    )


def stock_held(level: Level) -> ConflictError:
    """Orders are under way."""
    return ConflictError(
        f"Orders hold {level.reserved} of {level.sku!r} at store {level.store_id!r}.",
        slug="stock-held",
        remedy="Repeat it when they have ended; a hold that nobody settles ends by itself.",
        extra={"sku": level.sku, "reserved": level.reserved},
    )


def unknown_item(restock: Restock, sku: str) -> NotFoundError:
    """A delivery of what the store does not keep."""
    index = next(at for at, (each, _) in enumerate(restock.items) if each == sku)
    return NotFoundError(
        f"Store {restock.store_id!r} does not keep {sku!r}.",
        slug="unknown-item",
        field=f"items[{index}].sku",
        remedy="Add it with PUT /stores/{store_id}/stock first.",
    )


def another_delivery(key: str) -> UnprocessableError:
    """The key is taken."""
    return UnprocessableError(
        f"The Idempotency-Key {key!r} was used for another delivery.",
        slug="idempotency-key-reused",
        field="Idempotency-Key",
        remedy="Use a new key for a new delivery, and the same body for a repetition.",
    )


def out_of_stock(request: ReservationInput, outcome: Outcome) -> ConflictError:
    """Too little of one item."""
    assert outcome.lacking is not None
    lacking = outcome.lacking
    index = next(at for at, line in enumerate(request.lines) if line.sku == lacking.sku)
    return ConflictError(
        outcome.detail,
        slug="out-of-stock",
        field=f"lines[{index}].sku",
        remedy="Order less of it, or something else.",
        extra={"sku": lacking.sku, "available": lacking.available},
    )


def another_request(outcome: Outcome) -> UnprocessableError:
    """A repetition that is none."""
    return UnprocessableError(
        outcome.detail,
        slug="reservation-differs",
        field="lines",
        remedy="Repeat a reservation with what it was made with, or use another order id.",
    )


def no_reservation(order_id: str) -> NotFoundError:
    """Nobody reserved."""
    return NotFoundError(
        f"Order {order_id!r} has no reservation.",
        field="order_id",
        remedy="Make it with PUT /reservations/{order_id}.",
    )


def settled_otherwise(outcome: Outcome) -> ConflictError:
    """It ended the other way."""
    return ConflictError(
        f"The reservation of order {outcome.order_id} is {outcome.status} already.",
        slug="reservation-settled",
        remedy="Read it with GET /reservations/{order_id}; reserve again if need be.",
    )
