"""The menu service's data: what crosses HTTP, and the document that is kept."""

import hashlib
from typing import Self

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
from pydantic import Field, model_validator

MAX_ITEMS = 500


class MenuItem(WireInput):
    """One thing to buy; the price is in minor units (cents)."""

    sku: Sku
    name: Name
    price_minor: int = Field(gt=0, le=MAX_PRICE_MINOR)
    category: str | None = Field(default=None, max_length=64, pattern=PLAIN)


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
    """A store's menu; the version grows with each change."""

    store_id: StoreId
    currency: Currency
    version: int
    items: list[MenuItem]
