"""`python -m cafe_menu`: the menu service."""

from cafe_kit.server import run
from cafe_kit.settings import load

from cafe_menu.app import build
from cafe_menu.settings import MenuSettings

if __name__ == "__main__":
    run(build(load(MenuSettings)))
