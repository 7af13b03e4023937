"""What the services tell each other: typed, versioned messages for every queue and stream.

Writers build a model and `encode` it; readers call `parse_event`. Every message carries an `id`
that is the same in each delivery, so that a consumer can tell a repetition. Unknown fields of a
known version are ignored, so a writer may add fields before its readers know them; a change that
breaks readers is a new version. `schemas.py` publishes all of them as JSON Schema.
"""

import json
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from cafe_kit.wire import MAX_LINES, MAX_QUANTITY, PLAIN, Currency, Name, OrderId, Sku, StoreId

MAX_AMOUNT = 2**53 - 1
"""What every JSON reader keeps exactly, and what fits a bigint."""

NEWEST_VERSION = 1


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("the moment is out of range") from None


Moment = Annotated[AwareDatetime, AfterValidator(_utc)]
Minor = Annotated[int, Field(ge=0, le=MAX_AMOUNT, description="In the currency's minor unit.")]
EventId = Annotated[str, Field(min_length=1, max_length=400, pattern=PLAIN)]
CustomerId = Annotated[str, Field(min_length=1, max_length=200, pattern=PLAIN)]
Reason = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")]
"""Databases refuse NUL: an event that none of them can store must not be readable."""


class MalformedEventError(Exception):
    """A message that no retry will make readable."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class FutureVersionError(MalformedEventError):
    """A version that this reader is too old for."""


class Model(BaseModel):
    """Frozen, camelCase outside, nothing coerced."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        strict=True,
        alias_generator=to_camel,
        populate_by_name=True,
    )


class Envelope(Model):
    """What every message carries."""

    id: EventId
    version: Literal[1] = 1
    at: Moment
    trace_id: str = Field(default="", max_length=64)

    def encode(self) -> str:
        """Compact JSON."""
        return self.model_dump_json(by_alias=True)


class OrderedLine(Model):
    """One item of an order, at the price that it was accepted with."""

    sku: Sku
    name: Name
    quantity: int = Field(ge=1, le=MAX_QUANTITY)
    unit_price_minor: Minor


class OrderFacts(Envelope):
    """An order as its messages tell it."""

    order_id: OrderId
    store_id: StoreId
    customer_id: CustomerId | None = None
    currency: Currency
    total_minor: Minor
    lines: tuple[OrderedLine, ...] = Field(min_length=1, max_length=MAX_LINES, strict=False)
    placed_at: Moment
    reason: Reason | None = None


class OrderEvent(OrderFacts):
    """A fact about an order. Order service → Kinesis order events."""

    type: Literal[
        "order.placed",
        "order.confirmed",
        "order.paid",
        "order.completed",
        "order.rejected",
        "order.cancelled",
    ]


class StockCommand(OrderFacts):
    """What the order wants of the stock. Order service's outbox → inventory, by HTTP."""

    type: Literal["stock.reserve", "stock.commit", "stock.release"]
    synthetic: bool = False


class StoreTicket(OrderFacts):
    """What a store's baristas have to make: it is paid. Order service → SQS, the store's queue.

    One for each completed order, and none is called back. A till that gets one twice knows it by
    its `id`.
    """

    type: Literal["store.ticket"]


class PaymentCommand(Envelope):
    """Charge an order, or stop doing so. Order service → SQS payments."""

    type: Literal["payment.requested", "payment.cancel-requested"]
    order_id: OrderId
    store_id: StoreId
    customer_id: CustomerId | None = None
    currency: Currency
    total_minor: Minor
    placed_at: Moment


class PaymentResult(Envelope):
    """What became of a payment. Payment processor → SQS payment results."""

    type: Literal["payment.captured", "payment.declined", "payment.voided", "payment.refunded"]
    order_id: OrderId
    store_id: StoreId
    currency: Currency
    total_minor: Minor
    placed_at: Moment
    charge_id: str | None = Field(default=None, max_length=200, pattern=PLAIN)
    reason: Reason | None = None


class StockEvent(Envelope):
    """A store runs low on an item, or has enough again. Inventory → Kinesis stock events."""

    type: Literal["stock.low", "stock.restocked"]
    store_id: StoreId
    sku: Sku
    available: int = Field(ge=0, le=MAX_AMOUNT)
    low_at: int = Field(ge=0, le=MAX_AMOUNT, description="At or below this it is low.")


Event = OrderEvent | StockCommand | StoreTicket | PaymentCommand | PaymentResult | StockEvent
MODELS: tuple[type[Event], ...] = (
    OrderEvent,
    StockCommand,
    StoreTicket,
    PaymentCommand,
    PaymentResult,
    StockEvent,
)

_EVENTS: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="type")])


def types_of(model: type[Event]) -> tuple[str, ...]:
    """The types of message that a model stands for."""
    values: tuple[str, ...] = model.model_fields["type"].annotation.__args__  # type: ignore[union-attr] # a Literal
    return values


TYPES = frozenset(kind for model in MODELS for kind in types_of(model))


def parse_event(data: bytes | str) -> Event:
    """The event in a message.

    Raises:
        FutureVersionError: its version is newer than this reader.
        MalformedEventError: no JSON, an unknown type, or not as its schema says.
    """
    try:
        return _EVENTS.validate_json(data)
    except ValidationError as error:
        raise _diagnosis(data, error) from None


def _diagnosis(data: bytes | str, error: ValidationError) -> MalformedEventError:
    try:
        text = data if isinstance(data, str) else data.decode()
        message: Any = json.loads(text)
    except (ValueError, RecursionError) as broken:
        return MalformedEventError(f"It is not JSON: {broken}.")
    if not isinstance(message, dict):
        return MalformedEventError(f"It is a JSON {type(message).__name__}, not an object.")
    kind, version = message.get("type"), message.get("version")
    if isinstance(version, int) and version > NEWEST_VERSION:
        return FutureVersionError(
            f"Version {version} of {kind!r} is newer than this reader's {NEWEST_VERSION}."
        )
    if not isinstance(kind, str) or kind not in TYPES:
        return MalformedEventError(f"Nobody knows the type {str(kind)[:100]!r}.")
    first = error.errors(include_url=False, include_input=False)[0]
    # the discriminated union puts the type before the field's own path
    where = ".".join(str(part) for part in first["loc"][1:])
    return MalformedEventError(f"{kind}: {where or 'message'}: {first['msg']}.")
