"""`python -m cafe_inventory`: the inventory service."""

from cafe_kit.server import run
from cafe_kit.settings import load

from cafe_inventory.app import build
from cafe_inventory.settings import InventorySettings

if __name__ == "__main__":
    run(build(load(InventorySettings)))
