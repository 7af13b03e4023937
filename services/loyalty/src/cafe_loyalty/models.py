"""The loyalty service's data: what crosses HTTP, and what the rules hand to the repository."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, Self

from cafe_kit.events import OrderEvent
from cafe_kit.wire import PLAIN, OrderId, StoreId, WireInput, WireView
from fastapi import Path, Query
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

MINOR_PER_POINT = 100
MAX_MULTIPLIER = 10
MAX_POINTS = 1_000_000_000
MAX_CUSTOMER_ID = 200
KEEP = timedelta(days=35)
"""So long after an order was placed, its grant and what is told of it are kept, as its reservation
is: longer than the stream or a dead-letter queue could bring the order once more."""
PROMOTION = r"^[a-z0-9][a-z0-9-]{0,62}$"


def _text_only(value: object) -> object:
    """An instant is written out: a bare number could be seconds, or milliseconds, or a mistake."""
    if isinstance(value, (str, datetime)):
        return value
    raise PydanticCustomError("instant", "an instant is ISO 8601 text with an offset")


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("instant", "the instant is outside of the calendar") from None


Instant = Annotated[
    AwareDatetime,
    Field(strict=False),
    BeforeValidator(_text_only, json_schema_input_type=AwareDatetime),
    AfterValidator(_in_utc),
]
InstantQuery = Annotated[AwareDatetime, Query(), AfterValidator(_in_utc)]
CustomerIdPath = Annotated[
    str, Path(min_length=1, max_length=MAX_CUSTOMER_ID, pattern=PLAIN, examples=["ada"])
]
PromotionPath = Annotated[str, Path(pattern=PROMOTION, examples=["double-points-day"])]


class PromotionInput(WireInput):
    """More points for orders placed in [from, until), in one store or in all."""

    multiplier: int = Field(ge=1, le=MAX_MULTIPLIER)
    starts: Instant = Field(alias="from")
    ends: Instant = Field(alias="until")
    store_id: StoreId | None = None

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if self.ends <= self.starts:
            raise PydanticCustomError("period", "until must be later than from")
        return self


class PromotionView(PromotionInput):
    """A promotion as it is."""

    name: str

    def counts_for(self, store_id: str, placed_at: datetime) -> bool:
        """Whether an order earns by this promotion."""
        return self.store_id in {None, store_id} and self.starts <= placed_at < self.ends


class PromotionsView(WireView):
    """All promotions, by name."""

    promotions: list[PromotionView]


def multiplier_of(promotions: Iterable[PromotionView], store_id: str, placed_at: datetime) -> int:
    """The best of the promotions that an order's placing falls into; they do not add up."""
    counting = (one.multiplier for one in promotions if one.counts_for(store_id, placed_at))
    return max(counting, default=1)


@dataclass(frozen=True, slots=True)
class Grant:
    """The points of one order."""

    order_id: str
    store_id: str
    customer_id: str
    points: int
    multiplier: int
    placed_at: datetime
    at: datetime

    @classmethod
    def of(cls, event: OrderEvent, promotions: Iterable[PromotionView]) -> Self | None:
        """What a completed order earns its customer; None where there is nobody to give it to."""
        if event.type != "order.completed" or event.customer_id is None:
            return None
        multiplier = multiplier_of(promotions, event.store_id, event.placed_at)
        return cls(
            order_id=event.order_id,
            store_id=event.store_id,
            customer_id=event.customer_id,
            points=event.total_minor // MINOR_PER_POINT * multiplier,
            multiplier=multiplier,
            placed_at=event.placed_at,
            at=event.at,
        )


class BalanceView(WireView):
    """A customer's points. Whoever never earned any has none."""

    customer_id: str
    balance: int
    granted: int
    redeemed: int


class GrantedEntry(WireView):
    """An order's points came in."""

    kind: Literal["granted"] = "granted"
    points: int
    balance: int = Field(description="After it.")
    at: datetime
    order_id: OrderId
    store_id: StoreId
    multiplier: int
    placed_at: datetime


class RedeemedEntry(WireView):
    """Points went out. What is kept also has the `key` that it was asked with."""

    kind: Literal["redeemed"] = "redeemed"
    points: int
    balance: int = Field(description="After it.")
    at: datetime
    redemption_id: str
    note: str | None


Entry = Annotated[GrantedEntry | RedeemedEntry, Field(discriminator="kind")]


class PointsPage(WireView):
    """A part of a customer's history, the newest first."""

    entries: list[Entry]
    next: str | None = Field(description="The cursor of the next page; null at the end.")


class RedemptionInput(WireInput):
    """Points that a customer gives for something."""

    points: int = Field(ge=1, le=MAX_POINTS)
    note: str | None = Field(default=None, max_length=200, pattern=PLAIN)

    @property
    def digest(self) -> str:
        """Equal for equal requests."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class RedemptionView(WireView):
    """A redemption, as its first answer said it."""

    redemption_id: str
    customer_id: str
    points: int
    balance: int = Field(description="After it.")
    at: datetime
    note: str | None


class LedgerEntry(WireView):
    """The points of one order, for the audit."""

    order_id: str
    store_id: str
    customer_id: str
    points: int
    multiplier: int
    placed_at: datetime


class LedgerPage(WireView):
    """A part of the book, by the placing of the orders."""

    entries: list[LedgerEntry]
    next: str | None = Field(description="The cursor of the next page; null at the end.")
    kept_from: datetime = Field(description="Grants of orders placed before may be forgotten.")


@dataclass(frozen=True, slots=True)
class Redeemed:
    """The points were taken, now or by an earlier call with the same key."""

    view: RedemptionView
    digest: str
    replayed: bool


@dataclass(frozen=True, slots=True)
class TooFew:
    """The customer has less than that; nothing was taken."""

    balance: int


Redemption = Redeemed | TooFew
"""What became of a redemption."""
