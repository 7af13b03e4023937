"""The storefront's data: what browsers send and get, and what it reads of its neighbours."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from cafe_kit.wire import MAX_LINES, MAX_QUANTITY, Sku, StoreId, WireInput, WireView
from pydantic import Field

MOST_TICKETS = 10
"""What SQS gives in one call."""
MOST_RECEIPTS = 50

Receipt = Annotated[str, Field(min_length=1, max_length=2048)]


class ShopLine(WireInput):
    """One line of an order."""

    sku: Sku
    quantity: int = Field(ge=1, le=MAX_QUANTITY)


class ShopOrder(WireInput):
    """What a guest orders, for the total that the page showed."""

    store_id: StoreId
    lines: list[ShopLine] = Field(min_length=1, max_length=MAX_LINES)
    expected_total_minor: int = Field(ge=1, le=2**53 - 1)


class StoreList(WireView):
    """A part of the stores that sell something, by id."""

    stores: list[str]
    next: str | None = None


class StoreSeen(WireView):
    """A store as guests see it."""

    id: str
    name: str
    city: str
    currency: str
    accepting_orders: bool
    closed_reason: str | None = None


class Store(StoreSeen):
    """A store as the order service knows it; the rest is for its staff alone."""

    till_key_sha256: str | None = None
    tickets_queue: str | None = None


class ItemSeen(WireView):
    """One thing to buy."""

    sku: str
    name: str
    price_minor: int
    category: str | None = None


class MenuSeen(WireView):
    """What a store sells now."""

    store_id: str
    currency: str
    items: list[ItemSeen]


class LineSeen(WireView):
    """One line of an order, at the price that it was sold for."""

    sku: str
    name: str
    quantity: int
    unit_price_minor: int


class StepSeen(WireView):
    """One change of an order's status."""

    status: str
    at: datetime
    reason: str | None = None


class OrderSeen(WireView):
    """An order as whoever knows its id sees it: not who bought it."""

    id: UUID
    store_id: str
    status: str
    currency: str
    total_minor: int
    lines: list[LineSeen]
    placed_at: datetime
    history: list[StepSeen] = Field(default_factory=list)


class TakeInput(WireInput):
    """How many tickets a board has room for."""

    most: int = Field(default=MOST_TICKETS, ge=1, le=MOST_TICKETS)


class ReceiptsInput(WireInput):
    """Tickets of a board, by what SQS gave along with each."""

    receipts: list[Receipt] = Field(min_length=1, max_length=MOST_RECEIPTS)


class TicketLine(WireView):
    """One thing to make."""

    name: str
    quantity: int


class Ticket(WireView):
    """What is to be made, held for the board that took it."""

    id: str
    order_id: str
    placed_at: datetime
    lines: list[TicketLine]
    receipt: str


class Tickets(WireView):
    """The tickets that a board got."""

    tickets: list[Ticket]


class Settled(WireView):
    """How many of the receipts were still good."""

    settled: int
