"""`python -m cafe_storefront`: the storefront."""

from cafe_kit.server import run
from cafe_kit.settings import load

from cafe_storefront.app import build
from cafe_storefront.settings import StorefrontSettings

if __name__ == "__main__":
    run(build(load(StorefrontSettings)))
