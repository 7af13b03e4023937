"""CloudCafe from the command line: break it on purpose, see what it cost, account for each order.

Chaos is undone whatever happens to this program: the operator does that. A run that touched
nothing is never green.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import signal
import time
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, TypeVar

import httpx
import typer
from kubernetes.client import ApiException
from kubernetes.config import ConfigException
from rich.console import Console

from cafectl import fleet, orders, plan, runs
from cafectl.audit_command import audit
from cafectl.chaos import commands as chaos
from cafectl.chaos import look
from cafectl.chaos.verdict import EXIT_CODES
from cafectl.orphans_command import orphans
from cafectl.redrive_command import redrive
from cafectl.values_command import values

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help=__doc__,
    epilog=EXIT_CODES,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
_TELL_EVERY_S = 2.0
Result = TypeVar("Result")
console = Console()
problems = Console(stderr=True)

Store = Annotated[str, typer.Argument(help="The store's id: NAMESPACE.NAME of its CafeStore.")]
Url = Annotated[str, typer.Option(envvar="CAFE_ORDER_URL", help="The order service.")]
MenuUrl = Annotated[str, typer.Option(envvar="CAFE_MENU_URL", help="The menu service.")]
Key = Annotated[str, typer.Option(envvar="CAFE_TILL_KEY", help="The till's key (Secret).")]
Namespace = Annotated[str, typer.Option("--namespace", "-n", help="Kubernetes namespace.")]


def buy(
    store: Store,
    key: Key,
    url: Url = "http://order:8080",
    menu_url: MenuUrl = "http://menu:8080",
    sku: Annotated[str, typer.Option(help="What to buy; the cheapest item if empty.")] = "",
) -> None:
    """Buy one item and print the order."""

    async def run() -> orders.Attempted:
        async with httpx.AsyncClient() as client:
            item = sku or await orders.first_item(client, menu_url, store)
            return await orders.buy(client, orders.Till(url, store, key, give_up_s=10), item)

    bought = _reach(run(), url)
    if bought.order is None:
        problems.print(f"[red]not bought[/]: {bought.refusals[-1]}")
        raise typer.Exit(1)
    console.print_json(json.dumps(bought.order))


def trickle(
    store: Store,
    key: Key,
    url: Url = "http://order:8080",
    menu_url: MenuUrl = "http://menu:8080",
    per_second: Annotated[float, typer.Option(min=0.01, max=1000)] = 2.0,
) -> None:
    """Order steadily until SIGTERM or Ctrl-C, then account for every order.

    The last line is the account as JSON; exit code 1 where an acknowledged order is lost
    or doubled.
    """

    async def run() -> orders.Account:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with httpx.AsyncClient() as client:
            sku = await orders.first_item(client, menu_url, store)
            till = orders.Till(url, store, key)
            done = await orders.trickle(
                lambda: orders.buy(client, till, sku),
                per_second=per_second,
                stop=stop,
                tell=_Progress(),
            )
            return await orders.account_for(client, till, done)

    account = _reach(run(), url)
    typer.echo(json.dumps(dataclasses.asdict(account)))
    raise typer.Exit(1 if account.lost or account.twice else 0)


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
    console.print(runs.table(found))


def _reach(work: Coroutine[Any, Any, Result], url: str) -> Result:
    """Run it; a service that cannot be reached ends in one sentence, not in a traceback."""
    try:
        return asyncio.run(work)
    except httpx.HTTPStatusError as refused:
        problems.print(f"[red]{refused.request.url}[/] answered {refused.response.status_code}")
    except httpx.HTTPError as problem:
        problems.print(
            f"[red]{url} cannot be reached[/] ({type(problem).__name__}): inside the cluster it is"
            " http://order:8080; outside, run kubectl port-forward svc/order 8080 and use --url"
        )
    raise typer.Exit(2)


class _Progress:
    """Prints a line about a trickle at most every two seconds."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, finished: list[orders.Attempted]) -> None:
        now = time.monotonic()
        if now - self._last < _TELL_EVERY_S:
            return
        self._last = now
        acknowledged = sum(one.order is not None for one in finished)
        refused = sum(len(one.refusals) for one in finished)
        typer.echo(f"{len(finished)} orders, {acknowledged} acknowledged, {refused} tries refused")


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
