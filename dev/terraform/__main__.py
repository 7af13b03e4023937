"""`python -m dev.terraform check|lint|env`: judge terraform/ without a network."""

from __future__ import annotations

import argparse
import sys

from dev.system import main
from dev.terraform.check import check
from dev.terraform.lint import lint
from dev.terraform.programs import environment, terraform


def _command() -> None:
    parser = argparse.ArgumentParser(prog="python -m dev.terraform", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    judge = commands.add_parser("check", help="fmt, validate, test, tflint, checkov")
    judge.add_argument("modules", nargs="*", help="such as networking; default: all")
    commands.add_parser("lint", help="tflint and checkov alone")
    commands.add_parser("env", help='print exports for your own terraform: eval "$(…)"')
    arguments = parser.parse_args()
    if arguments.command == "env":
        _print_environment()
        return
    verdicts = [check(arguments.modules)] if arguments.command == "check" else []
    if not getattr(arguments, "modules", None):
        verdicts.append(lint())
    if not all(verdicts):
        sys.exit(1)


def _print_environment() -> None:
    for name, value in environment().items():
        print(f"export {name}={value}")
    print(f"export PATH={terraform().parent}:$PATH")


main(_command)
