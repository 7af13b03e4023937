"""The inventory service's data: what crosses HTTP, and what the rules hand to the repository."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self

from cafe_kit.wire import (
    MAX_LINES,
    MAX_QUANTITY,
    MAX_STOCK,
    Sku,
    StoreId,
    WireInput,
    WireView,
    each_sku_once,
)
from pydantic import Field, model_validator

MAX_ITEMS = 500
ReservationStatus = Literal["reserved", "committed", "released"]


class ParItem(WireInput):
    """How much of an item a store opens with."""

    sku: Sku
    quantity: int = Field(ge=0, le=MAX_STOCK)


class ParInput(WireInput):
    """A store's par: what is missing is created, what is there stays as it is."""

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


class StockView(WireView):
    """A store's stock."""

    items: list[StockItem]


class ReservationLine(WireInput):
    """One item of a reservation."""

    sku: Sku
    quantity: int = Field(ge=1, le=MAX_QUANTITY)


class ReservationInput(WireInput):
    """What an order wants kept for it."""

    store_id: StoreId
    lines: list[ReservationLine] = Field(min_length=1, max_length=MAX_LINES)
    synthetic: bool = False

    @model_validator(mode="after")
    def _each_item_once(self) -> Self:
        each_sku_once("lines", [line.sku for line in self.lines])
        return self


class ReservationView(WireView):
    """A reservation as it is."""

    order_id: str
    status: ReservationStatus
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Reservation:
    """A reservation as it is kept."""

    order_id: str
    store_id: str
    lines: tuple[ReservationLine, ...]
    synthetic: bool
    status: ReservationStatus
    held_until: datetime
    expired: bool = False
    """Released by the sweeper, not by the order's own wish; it may be reserved again."""

    def same_request(self, request: ReservationInput) -> bool:
        """Whether `request` asks for what this holds."""
        return (self.store_id, self.lines, self.synthetic) == (
            request.store_id,
            tuple(request.lines),
            request.synthetic,
        )

    def view(self) -> ReservationView:
        """What callers see."""
        return ReservationView(
            order_id=self.order_id, status=self.status, expires_at=self.held_until
        )


@dataclass(frozen=True, slots=True)
class Held:
    """The stock is kept for the order."""


@dataclass(frozen=True, slots=True)
class Exists:
    """The order has a reservation already."""


@dataclass(frozen=True, slots=True)
class OutOfStock:
    """Too little of one item; nothing was kept."""

    sku: str
    available: int


Outcome = Held | Exists | OutOfStock
"""What became of a reservation."""
