"""`cafectl buy` and `trickle`: a guest, or a steady stream of them."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import signal
import time
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

import httpx
import typer

from cafectl import orders, tills
from cafectl.terminal import Terminal

TELL_EVERY_S = 2.0
MENU = "http://menu:8080"
Result = TypeVar("Result")
console = Terminal()
problems = Terminal(stderr=True)

Store = Annotated[str, typer.Argument(help="A CafeStore, or its id: NAMESPACE.NAME.")]
Url = Annotated[
    str,
    typer.Option(
        envvar="CAFE_ORDER_URL",
        help="The order service, http://order:8080 within the cluster; empty and outside of it:"
        " this runs as a Job in the cluster.",
    ),
]
MenuUrl = Annotated[
    str,
    typer.Option(envvar="CAFE_MENU_URL", help="The menu service; empty: http://menu:8080."),
]
Key = Annotated[
    str,
    typer.Option(
        envvar="CAFE_TILL_KEY", help="The till's key; a Job takes it from the store's Secret."
    ),
]
Namespace = Annotated[
    str,
    typer.Option("--namespace", "-n", envvar="CAFE_NAMESPACE", help="Where the chart is."),
]


def buy(  # noqa: PLR0913 - each option of the command is a parameter
    store: Store,
    *,
    namespace: Namespace = "cloudcafe",
    key: Key = "",
    url: Url = "",
    menu_url: MenuUrl = "",
    sku: Annotated[str, typer.Option(help="What to buy; the cheapest item if empty.")] = "",
) -> None:
    """Buy one item and print the order."""
    whose = tills.named(store, namespace)
    if tills.far(url):
        tills.send(whose, namespace, ["buy", whose.id, "--sku", sku])
    till = tills.till(whose, url, key, give_up_s=10)

    async def run() -> orders.Attempted:
        async with httpx.AsyncClient() as client:
            item = sku or await orders.first_item(client, menu_url or MENU, till.store)
            return await orders.buy(client, till, item)

    bought = _reach(run(), till.url)
    if bought.order is None:
        problems.trouble("not bought", bought.refusals[-1])
        raise typer.Exit(1)
    console.print_json(json.dumps(bought.order))


def trickle(  # noqa: PLR0913 - each option of the command is a parameter
    store: Store,
    *,
    namespace: Namespace = "cloudcafe",
    key: Key = "",
    url: Url = "",
    menu_url: MenuUrl = "",
    per_second: Annotated[float, typer.Option(min=0.01, max=1000)] = 2.0,
    lasting: Annotated[
        str, typer.Option("--for", help="So long, for example 10m; empty: until Ctrl-C.")
    ] = "",
) -> None:
    """Order steadily until SIGTERM or Ctrl-C, then account for every order.

    The last line is the account as JSON; exit code 1 where an acknowledged order is lost
    or doubled.
    """
    whose = tills.named(store, namespace)
    if tills.far(url):
        words = ["trickle", whose.id, "--per-second", f"{per_second:g}", "--for", lasting]
        tills.send(whose, namespace, words, accounts=True)
    till, limit = tills.till(whose, url, key), tills.length(lasting)

    async def run() -> orders.Account:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        if limit is not None:
            loop.call_later(limit, stop.set)
        async with httpx.AsyncClient() as client:
            sku = await orders.first_item(client, menu_url or MENU, till.store)
            done = await orders.trickle(
                lambda: orders.buy(client, till, sku),
                per_second=per_second,
                stop=stop,
                tell=_Progress(),
            )
            return await orders.account_for(client, till, done)

    account = _reach(run(), till.url)
    typer.echo(json.dumps(dataclasses.asdict(account)))
    raise typer.Exit(1 if account.lost or account.twice else 0)


def _reach(work: Coroutine[Any, Any, Result], url: str) -> Result:
    """Run it; a service that cannot be reached ends in one sentence, not in a traceback."""
    try:
        return asyncio.run(work)
    except httpx.HTTPStatusError as refused:
        problems.trouble(str(refused.request.url), f"answered {refused.response.status_code}")
    except httpx.HTTPError as problem:
        problems.trouble(
            f"{url} cannot be reached",
            f"{type(problem).__name__}; inside the cluster it is http://order:8080; outside, leave"
            " --url out and this runs as a Job in the cluster",
        )
    raise typer.Exit(2)


class _Progress:
    """Prints a line about a trickle at most every two seconds."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, finished: list[orders.Attempted]) -> None:
        now = time.monotonic()
        if now - self._last < TELL_EVERY_S:
            return
        self._last = now
        acknowledged = sum(one.order is not None for one in finished)
        refused = sum(len(one.refusals) for one in finished)
        typer.echo(f"{len(finished)} orders, {acknowledged} acknowledged, {refused} tries refused")
