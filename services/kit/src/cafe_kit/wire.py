"""Base models for data that crosses a boundary: frozen, camelCase outside, snake_case inside.

Also the identifiers that all services agree on.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

STORE_ID = r"^[a-z0-9][a-z0-9._-]{0,127}$"
SKU = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
ORDER_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
MAX_QUANTITY = 50
MAX_LINES = 50
MAX_PRICE_MINOR = 100_000_000
MAX_STOCK = 1_000_000

Sku = Annotated[str, Field(pattern=SKU, examples=["espresso"])]
StoreId = Annotated[str, Field(pattern=STORE_ID, examples=["sample"])]
StoreIdPath = StoreId
"""FastAPI knows by the name that it stands in the path; a Lambda imports this without FastAPI."""
OrderId = Annotated[str, Field(pattern=ORDER_ID)]
PLAIN = r"^[^\x00-\x1f\x7f]+$"
"""No control characters: PostgreSQL refuses NUL, and the rest has no place in a name."""
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=PLAIN)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["EUR"])]


class WireInput(BaseModel):
    """What callers send: unknown fields are refused, nothing is coerced."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, alias_generator=to_camel, populate_by_name=True
    )


class WireView(BaseModel):
    """What we answer."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)


def each_sku_once(name: str, skus: Sequence[str]) -> None:
    """Refuse a list that names an item twice.

    Raises:
        PydanticCustomError: naming the field, e.g. `lines[2].sku`.
    """
    for index, sku in enumerate(skus):
        if sku in skus[:index]:
            raise PydanticCustomError(
                "duplicate",
                "{field} stands there twice; name each item once",
                {"field": f"{name}[{index}].sku"},
            )


def utc_now() -> datetime:
    """The clock that composition roots inject."""
    return datetime.now(UTC)
