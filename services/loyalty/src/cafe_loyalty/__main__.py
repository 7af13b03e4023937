"""`python -m cafe_loyalty`: the loyalty service."""

from cafe_kit.server import run
from cafe_kit.settings import load

from cafe_loyalty.app import build
from cafe_loyalty.settings import LoyaltySettings

if __name__ == "__main__":
    run(build(load(LoyaltySettings)))
