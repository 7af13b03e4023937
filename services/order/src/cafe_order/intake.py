"""What a till asks and what it is answered, as msgspec structs: decoded and encoded for each order.

Used by the hot route and by placing. `models.OrderInput` and `models.OrderPlaced` say the same to
the OpenAPI and to whoever sends something odd; tests compare the two on random bodies. What these
structs refuse is not refused yet: pydantic has the last word, and the better sentences.
"""

import hashlib
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from cafe_kit.wire import MAX_LINES, MAX_PRICE_MINOR, MAX_QUANTITY

MAX_CUSTOMER_ID = 128
MAX_TOTAL_MINOR = MAX_LINES * MAX_QUANTITY * MAX_PRICE_MINOR

# \Z where pydantic says $: Python's $ would let a newline through at the end
_STORE_ID = r"^[a-z0-9][a-z0-9._-]{0,127}\Z"
_SKU = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z"
_PLAIN = r"^[^\x00-\x1f\x7f]+\Z"
_CURRENCY = r"^[A-Z]{3}\Z"


class AskedLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", gc=False):
    """One line of an order."""

    sku: Annotated[str, msgspec.Meta(pattern=_SKU)]
    quantity: Annotated[int, msgspec.Meta(ge=1, le=MAX_QUANTITY)]


class AskedOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", gc=False):
    """What a till sends; the fields of `models.OrderInput`."""

    store_id: Annotated[str, msgspec.Meta(pattern=_STORE_ID)]
    lines: Annotated[list[AskedLine], msgspec.Meta(min_length=1, max_length=MAX_LINES)]
    customer_id: Annotated[str, msgspec.Meta(max_length=MAX_CUSTOMER_ID, pattern=_PLAIN)] | None = (
        None
    )
    currency: Annotated[str, msgspec.Meta(pattern=_CURRENCY)] | None = None
    synthetic: bool = False
    expected_total_minor: Annotated[int, msgspec.Meta(ge=1, le=MAX_TOTAL_MINOR)] | None = None

    def __post_init__(self) -> None:
        """Refuse an item that is named twice."""
        if len(self.lines) > 1 and len({line.sku for line in self.lines}) < len(self.lines):
            raise ValueError("an item is named twice")


class SoldLine(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """One line with the price it is sold at."""

    sku: str
    name: str
    quantity: int
    unit_price_minor: int


class NewOrder(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The answer to a placed order; the fields of `models.OrderPlaced`, in their order."""

    id: UUID
    store_id: str
    status: str
    currency: str
    total_minor: int
    lines: list[SoldLine]
    placed_at: datetime
    synthetic: bool


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(AskedOrder)


def decoded(body: bytes) -> AskedOrder | None:
    """The order in a body; None when the ordinary way has to say what is wrong with it."""
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def encoded(order: NewOrder) -> bytes:
    """The answer's bytes."""
    return _encoder.encode(order)


def key_in_store(store_id: str, key: str) -> str:
    """A till's key as it is kept: tills that count use the same keys, each for its own store.

    No store's id has a colon in it.
    """
    return f"{store_id}:{key}"


def hash_of(asked: AskedOrder) -> bytes:
    """Equal for bodies that mean the same, whatever their spelling."""
    return hashlib.sha256(_encoder.encode(asked)).digest()
