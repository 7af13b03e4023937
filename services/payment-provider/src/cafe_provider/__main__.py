"""`python -m cafe_provider`: the stand-in for a card provider."""

from cafe_kit.server import run
from cafe_kit.settings import load

from cafe_provider.app import build
from cafe_provider.settings import ProviderSettings

if __name__ == "__main__":
    run(build(load(ProviderSettings)))
