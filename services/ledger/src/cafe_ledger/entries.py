"""The books as JSON: one frozen model for each service's `GET /ledger`, and the page around them.

Read by `collect.py` and by the contract tests, which hold each service's own view against these.
Every entry carries the moment at which its ORDER was placed: that is how all books are indexed, so
that one window of time cuts the same orders out of each. Fields that a service adds are ignored.
"""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Minor = Annotated[int, Field(description="Money in minor units: 380 is 3.80.")]


class Model(BaseModel):
    """Frozen; camelCase outside, snake_case inside."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True
    )


class Entry(Model):
    """What every book knows of an order."""

    order_id: str
    store_id: str
    placed_at: AwareDatetime


class OrderLine(Model):
    """One item of an order, at the price of the moment."""

    sku: str
    quantity: int
    unit_price_minor: Minor


class Order(Entry):
    """The order service's word: the truth that the other books are held against.

    `updated_at` is when the status last changed: until the other books can have heard of it, the
    order is not judged. Where a service does not tell it, `placed_at` stands in.
    """

    customer_id: str | None = None
    status: str  # placed, confirmed, paid, completed, rejected, cancelled
    currency: str
    total_minor: Minor
    lines: tuple[OrderLine, ...]
    updated_at: AwareDatetime | None = None


class MovedLine(Model):
    """So many portions of an item."""

    sku: str
    quantity: int


class Movement(Entry):
    """What the inventory moved for an order."""

    status: str  # reserved, committed, released
    lines: tuple[MovedLine, ...]


class Payment(Entry):
    """The payment processor's own entry about an order."""

    state: str  # authorising, authorised, captured, declined, voided, refunded
    currency: str
    amount_minor: Minor
    charge_id: str | None = None


class Charge(Entry):
    """One line of the provider's statement: money that moved, or was to move."""

    charge_id: str
    state: str  # authorised, captured, declined, voided, refunded
    currency: str
    amount_minor: Minor


class Grant(Entry):
    """Points that a customer got for an order."""

    customer_id: str
    points: int
    multiplier: int


class SalesRow(Entry):
    """The analytics row of an order; `rows` says how many the order has."""

    status: str
    currency: str
    total_minor: Minor
    rows: int


class Hold(Model):
    """Stock that is kept for an order which has not ended; of all moments."""

    order_id: str
    store_id: str
    lines: tuple[MovedLine, ...]


class Level(Model):
    """How much of an item a store has; no order is named here, so no window cuts it.

    Equal ones tell that nothing happened to the item between the two readings: `moves` grows.
    What was sold before `counted_from` may be missing in `sold`.
    """

    store_id: str
    sku: str
    received: int
    available: int
    reserved: int
    sold: int
    moves: int
    counted_from: AwareDatetime | None


Item = TypeVar("Item", bound=Model)


class Page(Model, Generic[Item]):
    """One page of a book; `next` is the cursor of the following one."""

    entries: tuple[Item, ...]
    next: str | None = None


class KeptPage(Page[Item], Generic[Item]):
    """A page of a book that forgets orders placed before `kept_from`, by and by.

    One that does not say it is taken to forget none.
    """

    kept_from: AwareDatetime | None = None


class Movements(KeptPage[Movement]):
    """A page of what the inventory moved."""


class Grants(KeptPage[Grant]):
    """A page of the points that were granted."""
