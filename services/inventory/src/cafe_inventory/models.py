"""The inventory service's data as it crosses HTTP.

What the rules and the table say to each other is in `changes.py`.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from cafe_kit.wire import (
    MAX_LINES,
    MAX_QUANTITY,
    MAX_STOCK,
    OrderId,
    Sku,
    StoreId,
    WireInput,
    WireView,
    each_sku_once,
)
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

MAX_ITEMS = 500
MAX_BATCH = 50
MAX_RESTOCK = 90
"""One transaction takes 100 writes, and the key of the restock is one of them."""
YEARS = range(2000, 2200)

ReservationStatus = Literal["reserved", "committed", "released"]
Action = Literal["reserve", "commit", "release"]
BatchStatus = Literal[
    "reserved", "committed", "released", "outOfStock", "notFound", "conflict", "unavailable"
]


def _text_only(value: Any) -> Any:
    if isinstance(value, str | datetime):
        return value
    raise PydanticCustomError("datetime_type", "a moment is text such as 2026-11-22T07:00:00Z")


def _in_our_time(value: datetime) -> datetime:
    """UTC; the years at the ends of the calendar cannot be moved to another zone."""
    if value.year not in YEARS:
        raise PydanticCustomError(
            "datetime_range",
            "the year must be between {ge} and {le}",
            {"ge": YEARS.start, "le": YEARS.stop - 1},
        )
    return value.astimezone(UTC)


Moment = Annotated[
    AwareDatetime,
    Field(strict=False, examples=["2026-11-22T07:00:00Z"]),
    BeforeValidator(_text_only),
    AfterValidator(_in_our_time),
]


class ParItem(WireInput):
    """How much of an item a store opens with, and when it counts as low."""

    sku: Sku
    quantity: int = Field(ge=0, le=MAX_STOCK)
    low_at: int | None = Field(
        default=None,
        ge=0,
        le=MAX_STOCK,
        description="Low at or below this; without it a fifth of `quantity`. May be set again.",
    )


class ParInput(WireInput):
    """A store's par: what is missing is created; of what is there only `lowAt` changes."""

    items: list[ParItem] = Field(max_length=MAX_ITEMS)

    @model_validator(mode="after")
    def _each_item_once(self) -> Self:
        each_sku_once("items", [item.sku for item in self.items])
        return self


class StockItem(WireView):
    """What is in the house, and how much of it is spoken for."""

    sku: str
    on_hand: int
    reserved: int
    available: int
    low_at: int


class StockView(WireView):
    """A store's stock; `next` is the cursor of the next page, null on the last."""

    items: list[StockItem]
    next: str | None = None


class RestockItem(WireInput):
    """How much of an item arrived."""

    sku: Sku
    quantity: int = Field(ge=1, le=MAX_STOCK)


class RestockInput(WireInput):
    """A delivery."""

    items: list[RestockItem] = Field(min_length=1, max_length=MAX_RESTOCK)

    @model_validator(mode="after")
    def _each_item_once(self) -> Self:
        each_sku_once("items", [item.sku for item in self.items])
        return self


class RestockedItem(WireView):
    """What was added of an item."""

    sku: str
    quantity: int


class RestockView(WireView):
    """A delivery as it was booked; the same for every repetition of its key."""

    store_id: str
    received_at: datetime
    items: list[RestockedItem]


class ReservationLine(WireInput):
    """One item of a reservation."""

    sku: Sku
    quantity: int = Field(ge=1, le=MAX_QUANTITY)


class ReservationInput(WireInput):
    """What an order wants kept for it."""

    store_id: StoreId
    lines: list[ReservationLine] = Field(min_length=1, max_length=MAX_LINES)
    synthetic: bool = False
    placed_at: Moment | None = Field(
        default=None, description="When the order was placed; the books are kept by it."
    )

    @model_validator(mode="after")
    def _each_item_once(self) -> Self:
        each_sku_once("lines", [line.sku for line in self.lines])
        return self


class ReservationView(WireView):
    """A reservation as it is."""

    order_id: str
    status: ReservationStatus
    expires_at: datetime


class BatchItem(ReservationInput):
    """One step of one order; to commit or release, repeat what was reserved."""

    order_id: OrderId
    action: Action


class BatchInput(WireInput):
    """Steps of many orders. Those of one order happen in the order in which they stand here."""

    requests: list[BatchItem] = Field(min_length=1, max_length=MAX_BATCH)


class BatchResult(WireView):
    """What became of one step: the reservation's status, or why there is none.

    `unavailable` says nothing about the reservation: repeat the step.
    """

    order_id: str
    status: BatchStatus
    detail: str | None = None


class BatchView(WireView):
    """One result for each request, in the same order."""

    results: list[BatchResult]


class LedgerLine(WireView):
    """What an order holds, or took, of an item."""

    sku: str
    quantity: int


class LedgerEntry(WireView):
    """An order's reservation in the books."""

    order_id: str
    store_id: str
    status: ReservationStatus
    lines: list[LedgerLine]
    placed_at: datetime


class LedgerPage(WireView):
    """Reservations by the moment their orders were placed.

    A page may be short, even empty, while `next` is set.
    """

    entries: list[LedgerEntry]
    next: str | None
    kept_from: datetime = Field(
        description="Reservations of orders that were placed before may be deleted."
    )


class HoldEntry(WireView):
    """Stock that is kept for an order which has not ended."""

    order_id: str
    store_id: str
    lines: list[LedgerLine]


class HoldsPage(WireView):
    """Open holds, in no order that means something; a page may be short, even empty, or long."""

    entries: list[HoldEntry]
    next: str | None


class LevelEntry(WireView):
    """An item's counters: received = available + reserved + sold, none negative."""

    store_id: str
    sku: str
    received: int
    available: int
    reserved: int
    sold: int
    moves: int = Field(description="Grows whenever something is reserved, sold or given back.")
    counted_from: datetime | None = Field(
        description="All that was sold since is in `sold`; null until an old item got it."
    )


class LevelsPage(WireView):
    """Counters by store and item. A page may be short, even empty, while `next` is set."""

    entries: list[LevelEntry]
    next: str | None
