"""`python -m cafe_order`: the order service."""

from cafe_kit.server import run
from cafe_kit.settings import load

from cafe_order.app import build
from cafe_order.settings import OrderSettings

if __name__ == "__main__":
    run(build(load(OrderSettings)))
