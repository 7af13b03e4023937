"""Settings of the storefront, read from the environment by `__main__`."""

from cafe_kit.settings import KitSettings
from pydantic import Field


class StorefrontSettings(KitSettings):
    """The storefront."""

    menu_url: str = "http://menu:8080"
    order_url: str = "http://order:8080"

    store_fresh_seconds: float = Field(default=10.0, gt=0)
    store_stale_seconds: float = Field(default=600.0, gt=0)
    """So long does the board of a store go on while the order service is away."""

    barista_seconds: float = Field(default=0.0, ge=0)
    """How often the demo's barista finishes what waits at every store; 0: there is none."""
