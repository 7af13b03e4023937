"""`python -m dev.images build [NAME…]`: build images and write .cache/values-images.yaml."""

from __future__ import annotations

import argparse

from dev.images.build import VALUES, build
from dev.system import main


def _command() -> None:
    parser = argparse.ArgumentParser(prog="python -m dev.images", description=__doc__)
    parser.add_argument("command", choices=["build"])
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    for name, tag in build(arguments.names).items():
        if not arguments.names or name in arguments.names:
            print(tag)
    print(VALUES)


main(_command)
