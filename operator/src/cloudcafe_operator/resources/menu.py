"""What a store sells and how much of it there is at first. Part of CafeStore."""

from __future__ import annotations

from pydantic import Field

from cloudcafe_operator.resources.common import Model, Rule, cel
from cloudcafe_operator.resources.text import Plain

SKU = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


class Item(Model):
    """One thing on the menu."""

    sku: str = Field(
        min_length=1, max_length=64, pattern=SKU, description="Its key, for example flat-white."
    )
    name: Plain = Field(min_length=1, max_length=120, description="What the guest reads.")
    price_minor: int = Field(
        le=10_000_000,
        description="The price in minor units: 380 is 3.80.",
        json_schema_extra=cel(
            Rule("self > 0", "priceMinor must be above 0: the price in minor units, 380 is 3.80")
        ),
    )
    category: Plain | None = Field(
        default=None, min_length=1, max_length=64, description="A heading on the menu."
    )


class Par(Model):
    """How much of an item a store opens with."""

    sku: str = Field(min_length=1, max_length=64, pattern=SKU, description="An item of the menu.")
    quantity: int = Field(
        le=1_000_000,
        description="Portions.",
        json_schema_extra=cel(Rule("self >= 0", "quantity must be 0 or more portions")),
    )


HOUSE_MENU = (
    Item(sku="espresso", name="Espresso", price_minor=220, category="Coffee"),
    Item(sku="flat-white", name="Flat White", price_minor=380, category="Coffee"),
    Item(sku="cappuccino", name="Cappuccino", price_minor=360, category="Coffee"),
    Item(sku="filter", name="Filter Coffee", price_minor=300, category="Coffee"),
    Item(sku="tea", name="Pot of Tea", price_minor=320, category="Tea"),
    Item(sku="croissant", name="Butter Croissant", price_minor=290, category="Bakery"),
)
_HOUSE_SKUS = [item.sku for item in HOUSE_MENU]

ON_THE_MENU = Rule(
    "!has(self.menu) || !has(self.stock) || "
    "self.stock.all(par, self.menu.exists(item, item.sku == par.sku))",
    "each sku in stock must be on the menu: add the item to menu or remove it from stock",
    ".stock",
)
ON_THE_HOUSE_MENU = Rule(
    f"has(self.menu) || !has(self.stock) || self.stock.all(par, par.sku in {_HOUSE_SKUS})",
    f"without a menu the store sells the house menu, and stock may have {', '.join(_HOUSE_SKUS)}: "
    "write the store's own menu or remove the other items from stock",
    ".stock",
)
