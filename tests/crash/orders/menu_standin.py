"""`python -m tests.crash.orders.menu_standin`: prices that never change, on the services' kit.

The menu is not what is proved here, and DocumentDB's stand-in needs a Java machine.
"""

from cafe_kit.app import build_application
from cafe_kit.server import run
from cafe_kit.settings import KitSettings, load
from fastapi import APIRouter

CURRENCY = "EUR"
PRICES = {"espresso": 280, "latte": 415, "scone": 333, "croissant": 350}

router = APIRouter()


@router.get("/stores/{store_id}/menu")
async def menu(store_id: str) -> dict[str, object]:
    """The same for every store."""
    items = [
        {"sku": sku, "name": sku.capitalize(), "priceMinor": price} for sku, price in PRICES.items()
    ]
    return {"storeId": store_id, "currency": CURRENCY, "version": 1, "items": items}


if __name__ == "__main__":
    run(build_application("menu", "Menus that stay", load(KitSettings), [router]))
