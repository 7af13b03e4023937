"""Settings of the inventory service, read from the environment by `__main__`."""

from cafe_kit.settings import KitSettings


class InventorySettings(KitSettings):
    """The inventory service."""

    inventory_table: str = "cloudcafe-inventory"
    max_body_bytes: int = 512 * 1024
    """Fifty orders of fifty lines in one batch."""
    stock_stream: str = "cloudcafe-stock-events"
    hold_seconds: float = 900.0
    """How long a reservation keeps its stock before somebody must have committed it."""
    sweep_seconds: float = 15.0
    look_seconds: float = 1.0
    """How often the stock that was touched is looked at, and told of if it is low."""
    walk_seconds: float = 10.0
    """How often the slow round over all stock takes a step of a hundred items."""
