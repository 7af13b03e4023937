"""Settings of the inventory service, read from the environment by `__main__`."""

from cafe_kit.settings import KitSettings


class InventorySettings(KitSettings):
    """The inventory service."""

    inventory_table: str = "cloudcafe-inventory"
    hold_seconds: float = 900.0
    """How long a reservation keeps its stock before somebody must have committed it."""
    sweep_seconds: float = 15.0
