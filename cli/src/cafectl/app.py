"""CloudCafe from the command line: break it on purpose, see what it cost, account for each order.

Chaos is undone whatever happens to this program: the operator does that. A run that touched
nothing is never green.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer
from kubernetes.client import ApiException
from kubernetes.config import ConfigException
from rich.console import Console

from cafectl import fleet, plan, runs
from cafectl.audit_command import audit
from cafectl.buy_command import buy, trickle
from cafectl.chaos import commands as chaos
from cafectl.chaos import look
from cafectl.chaos.verdict import EXIT_CODES
from cafectl.orphans_command import orphans
from cafectl.redrive_command import redrive
from cafectl.values_command import values
from cafectl.wide import print_whole

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help=__doc__,
    epilog=EXIT_CODES,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
console = Console()
problems = Console(stderr=True)

Namespace = Annotated[str, typer.Option("--namespace", "-n", help="Kubernetes namespace.")]


def list_runs(namespace: Namespace = "cloudcafe") -> None:
    """Show what each chaos run did and measured."""
    try:
        found = runs.read(namespace)
    except ConfigException as problem:
        problems.print(f"[red]no cluster[/]: {problem}: set KUBECONFIG or use kubectl's context")
        raise typer.Exit(2) from problem
    except ApiException as refused:
        problems.print(f"[red]the API server refuses[/]: {refused.status} {refused.reason}")
        raise typer.Exit(2) from refused
    print_whole(console, runs.table(found))


_GROUPS: dict[str, tuple[Callable[..., None], ...]] = {
    "Break something": (chaos.run, chaos.watch, chaos.approve, chaos.preview),
    "Stop it": (chaos.halt, chaos.resume),
    "What it did": (list_runs, look.history, look.report, look.explain),
    "The fleet": (fleet.stores, plan.plan, orphans),
    "Buy coffee": (buy, trickle),
    "The books": (audit, redrive),
    "Set up": (values,),
}
for _panel, _commands in _GROUPS.items():
    for _command in _commands:
        _name = _command.__name__.removeprefix("list_")
        app.command(_name, rich_help_panel=_panel)(_command)
