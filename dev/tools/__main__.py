"""`python -m dev.tools path NAME…`: compile tools and print where they are."""

from __future__ import annotations

import argparse

from dev.system import main
from dev.tools import names, tool


def _command() -> None:
    parser = argparse.ArgumentParser(prog="python -m dev.tools", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    path = commands.add_parser("path", help="compile tools on demand and print their paths")
    path.add_argument("names", nargs="+", choices=names(), metavar="NAME")
    commands.add_parser("list", help="name the tools")
    arguments = parser.parse_args()
    if arguments.command == "list":
        print("\n".join(names()))
        return
    for name in arguments.names:
        print(tool(name), flush=True)


main(_command)
