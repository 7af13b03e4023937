"""CloudCafe from the command line: break it on purpose, see what it cost, account for each order.

Chaos is undone whatever happens to this program: the operator does that. A run that touched
nothing is never green.
"""

from __future__ import annotations

from collections.abc import Callable

import typer

from cafectl import fleet, plan, runs
from cafectl.audit_command import audit
from cafectl.buy_command import buy, trickle
from cafectl.chaos import commands as chaos
from cafectl.chaos import look
from cafectl.chaos.errors import told
from cafectl.chaos.verdict import EXIT_CODES
from cafectl.orphans_command import orphans
from cafectl.redrive_command import redrive
from cafectl.terminal import Terminal, print_whole
from cafectl.tickets_command import tickets
from cafectl.values_command import values

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help=__doc__,
    epilog=EXIT_CODES,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
console = Terminal()


def list_runs(*, namespace: chaos.Namespace = "cloudcafe") -> None:
    """Show what each chaos run did and measured."""
    with told():
        print_whole(console, runs.table(runs.read(namespace)))


_GROUPS: dict[str, tuple[Callable[..., None], ...]] = {
    "Break something": (chaos.run, chaos.watch, chaos.approve, chaos.preview),
    "Stop it": (chaos.halt, chaos.resume),
    "What it did": (list_runs, look.history, look.report, look.explain),
    "The fleet": (fleet.stores, plan.plan, orphans),
    "Buy coffee": (buy, trickle, tickets),
    "The books": (audit, redrive),
    "Set up": (values,),
}
for _panel, _commands in _GROUPS.items():
    for _command in _commands:
        _name = _command.__name__.removeprefix("list_")
        app.command(_name, rich_help_panel=_panel)(_command)
