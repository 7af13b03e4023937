"""The menu service's data: what crosses HTTP, and what the rules hand to the stores."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Self

from cafe_kit.wire import (
    MAX_PRICE_MINOR,
    PLAIN,
    Currency,
    Name,
    Sku,
    StoreId,
    WireInput,
    WireView,
    each_sku_once,
)
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

MAX_ITEMS = 500


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


def _left_out(value: object) -> bool:
    """What is not seasonal looks as it did before there were seasons."""
    return value is None


class MenuItem(WireInput):
    """One thing to buy; the price is in minor units (cents). Seasonal ones have an instant."""

    sku: Sku
    name: Name
    price_minor: int = Field(gt=0, le=MAX_PRICE_MINOR)
    category: str | None = Field(default=None, max_length=64, pattern=PLAIN)
    available_from: Instant | None = Field(
        default=None, exclude_if=_left_out, description="First on sale at this instant."
    )
    available_until: Instant | None = Field(
        default=None, exclude_if=_left_out, description="No longer on sale at this instant."
    )

    @model_validator(mode="after")
    def _season_has_a_length(self) -> Self:
        begin, end = self.available_from, self.available_until
        if begin is not None and end is not None and end <= begin:
            raise PydanticCustomError(
                "season", "availableUntil must be later than availableFrom: it is never on sale"
            )
        return self

    def on_sale(self, at: datetime) -> bool:
        """Whether the item can be bought at an instant."""
        begun = self.available_from is None or self.available_from <= at
        return begun and (self.available_until is None or at < self.available_until)


class MenuInput(WireInput):
    """A store's whole menu."""

    currency: Currency
    items: list[MenuItem] = Field(min_length=1, max_length=MAX_ITEMS)

    @model_validator(mode="after")
    def _each_item_once(self) -> Self:
        each_sku_once("items", [item.sku for item in self.items])
        return self

    @property
    def digest(self) -> str:
        """Equal for equal menus."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class MenuView(WireView):
    """A store's menu; the version grows with each change, and also when it is forgotten."""

    store_id: StoreId
    currency: Currency
    version: int
    items: list[MenuItem]

    def on_sale(self, at: datetime) -> Self:
        """The menu with only what can be bought at an instant."""
        return self.model_copy(update={"items": [item for item in self.items if item.on_sale(at)]})


class MenuSummary(WireView):
    """A menu in the list of all menus."""

    store_id: StoreId
    currency: Currency
    version: int
    item_count: int


class MenuPage(WireView):
    """A part of the list of all menus, by store id."""

    menus: list[MenuSummary]
    next: str | None = Field(description="The cursor of the next page; null at the end.")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a store of menus knows of one store at a version.

    `menu` is None where there is none: never written (version 0), or forgotten at that version.
    """

    version: int
    menu: MenuView | None
    age_seconds: float = 0.0
    """Since it was read of the database."""
    stale: bool = False
    """Older than it should be, because the database is away."""


@dataclass(frozen=True, slots=True)
class Served:
    """A menu on its way to a caller."""

    menu: MenuView
    age_seconds: float
    stale: bool
