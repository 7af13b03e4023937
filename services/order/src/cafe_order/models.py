"""The order service's data: what crosses HTTP, and what the rules hand to the repository."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Annotated, Literal, Self
from uuid import UUID
from zoneinfo import available_timezones

from cafe_kit.wire import (
    MAX_LINES,
    MAX_QUANTITY,
    PLAIN,
    Currency,
    Name,
    Sku,
    StoreId,
    WireInput,
    WireView,
    each_sku_once,
)
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from cafe_order.intake import MAX_CUSTOMER_ID, MAX_TOTAL_MINOR, AskedLine, AskedOrder, NewOrder

Status = Literal["placed", "confirmed", "paid", "completed", "rejected", "cancelled"]
Tier = Literal["kiosk", "standard", "flagship"]
_TIMEZONES = available_timezones() | {"UTC"}


def _known_timezone(value: str) -> str:
    if value not in _TIMEZONES:
        raise ValueError(f"{value!r} is no IANA time zone, e.g. Europe/Lisbon")
    return value


class StoreInput(WireInput):
    """A store as the operator declares it."""

    name: Name
    city: Name
    timezone: Annotated[str, AfterValidator(_known_timezone)] = Field(examples=["Europe/Lisbon"])
    currency: Currency
    tier: Tier = "standard"
    accepting_orders: bool = True
    closed_reason: str | None = Field(
        default=None,
        max_length=200,
        pattern=PLAIN,
        description="What a guest is told while the store accepts no orders.",
        examples=["opens at 06:00 Europe/Lisbon"],
    )
    till_key_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    queue_limit: int | None = Field(
        default=None,
        ge=1,
        le=5000,
        description="So many orders under way, and new ones are refused with 503 for a moment.",
    )
    measured: bool = Field(
        default=False, description="Whether CloudWatch is told of its orders one store at a time."
    )
    orders_table: str | None = Field(
        default=None,
        pattern=r"^cloudcafe-store-[A-Za-z0-9_.-]{1,239}$",
        description="The DynamoDB table that keeps the list of its orders.",
    )
    tickets_queue: str | None = Field(
        default=None,
        max_length=500,
        pattern=r"^https?://[!-~]+/cloudcafe-[A-Za-z0-9_-]+-orders\.fifo$",
        description="The URL of the queue that takes the tickets of its baristas.",
    )


class StoreView(StoreInput):
    """A store as it is."""

    id: StoreId


class LineInput(WireInput):
    """One line of an order."""

    sku: Sku
    quantity: int = Field(ge=1, le=MAX_QUANTITY)


class OrderInput(WireInput):
    """What a till sends."""

    store_id: StoreId
    customer_id: str | None = Field(default=None, max_length=MAX_CUSTOMER_ID, pattern=PLAIN)
    currency: Currency | None = None
    lines: list[LineInput] = Field(min_length=1, max_length=MAX_LINES)
    synthetic: bool = False
    expected_total_minor: int | None = Field(
        default=None,
        ge=1,
        le=MAX_TOTAL_MINOR,
        description="The total that the customer was shown; another one is refused (409).",
    )

    @model_validator(mode="after")
    def _each_item_once(self) -> Self:
        each_sku_once("lines", [line.sku for line in self.lines])
        return self

    def asked(self) -> AskedOrder:
        """The same for the rules of placing."""
        return AskedOrder(
            store_id=self.store_id,
            lines=[AskedLine(line.sku, line.quantity) for line in self.lines],
            customer_id=self.customer_id,
            currency=self.currency,
            synthetic=self.synthetic,
            expected_total_minor=self.expected_total_minor,
        )


class LineView(WireView):
    """One line with the price it was sold at."""

    sku: str
    name: str
    quantity: int
    unit_price_minor: int


class OrderPlaced(WireView):
    """The answer to a placed order."""

    id: UUID
    store_id: str
    status: Status
    currency: str
    total_minor: int
    lines: list[LineView]
    placed_at: datetime
    synthetic: bool


class HistoryEntry(WireView):
    """One change of status."""

    status: Status
    at: datetime
    reason: str | None = None


class OrderView(OrderPlaced):
    """An order as it is now, and how it came there."""

    customer_id: str | None = None
    history: list[HistoryEntry]


class CustomerOrder(WireView):
    """An order as its customer's list shows it."""

    order_id: str
    store_id: str
    status: Status
    currency: str
    total_minor: int
    lines: list[LineView]
    placed_at: datetime
    updated_at: datetime
    reason: str | None = None


class CustomerOrders(WireView):
    """One page of a customer's orders, the newest first."""

    orders: list[CustomerOrder]
    next: str | None = None


class Item(BaseModel):
    """What the menu says of one item; what else it says is not our business."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel)

    sku: str
    name: str
    price_minor: int


@dataclass(frozen=True, slots=True)
class PriceList:
    """One store's items by sku."""

    currency: str
    items: Mapping[str, Item]


@dataclass(frozen=True, slots=True)
class KnownStore:
    """What placing an order needs of its store, as it was at its last change."""

    id: str
    currency: str
    accepting_orders: bool
    closed_reason: str | None
    till_key_sha256: str | None
    changed_at: datetime
    queue_limit: int | None = None
    under_way: int | None = None
    """How many orders are not at their end; None: nobody has counted."""
    measured: bool = False
    orders_table: str | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """What was answered to an idempotency key."""

    request_hash: bytes
    status: int
    response: bytes


@dataclass(frozen=True, slots=True)
class OutboxRecord:
    """A message to be, written in the same transaction as what it tells."""

    destination: str
    kind: str
    payload: str


@dataclass(frozen=True, slots=True)
class Placement:
    """All that one accepted order writes."""

    key: str
    """As `intake.key_in_store` makes it."""
    request_hash: bytes
    response: bytes
    order: NewOrder
    store_changed_at: datetime
    """The store's last change that the order was judged by."""
    customer_id: str | None
    trace_id: str
    records: tuple[OutboxRecord, ...]


class Placed(Enum):
    """What became of a placement."""

    ACCEPTED = auto()
    KEY_TAKEN = auto()
    """Another request holds the key: committed (then `look` finds it) or still in flight."""
    STORE_CHANGED = auto()
    """Closed, gone or changed since the order was judged by it."""


def new_order_id() -> UUID:
    """A UUID version 7: ordered by time, so that the primary key's pages stay warm."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds << 80) | int.from_bytes(os.urandom(10))
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return UUID(int=value)
