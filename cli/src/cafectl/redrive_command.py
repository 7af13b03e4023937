"""`cafectl redrive`: shows what is parked, or puts it back where it came from."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

import httpx
import typer

from cafectl import redrive as post
from cafectl.aws import AwsPost
from cafectl.terminal import Rows, Terminal, print_whole

OUTBOX = "outbox"
LONGEST_WAIT_S = 30.0
console = Terminal()
problems = Terminal(stderr=True)


def redrive(
    queue: Annotated[
        str,
        typer.Argument(
            help="A queue or its dead letters, for example cloudcafe-payments.fifo or "
            "cloudcafe-loyalty-dlq; or outbox, for what the order service could not deliver."
        ),
    ],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what is parked.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 100,
    url: Annotated[
        str, typer.Option("--order-url", envvar="CAFE_ORDER_URL", help="The order service.")
    ] = "http://order:8080",
    token: Annotated[
        str, typer.Option(envvar="CAFE_SERVICE_TOKEN", help="The service token (Secret).")
    ] = "",
) -> None:
    """Put parked messages back, after the cause was mended; the reasons are shown.

    Exit codes: 0 done, or nothing is parked; 1 some could not be put back and stay parked;
    2 the queue or the service cannot be reached.
    """
    try:
        if queue == OUTBOX:
            found = asyncio.run(_outbox(url, token, limit=limit, dry_run=dry_run))
        else:
            found = post.redrive_queue(
                AwsPost(), queue, limit=limit, dry_run=dry_run, now=time.time
            )
    except post.RedriveError as problem:
        problems.trouble("not possible", problem)
        raise typer.Exit(2) from problem
    except httpx.HTTPError as problem:
        problems.trouble(
            f"{url} cannot be reached",
            f"{type(problem).__name__}; inside the cluster it is http://order:8080; outside, run"
            " kubectl port-forward svc/order 8080 and use --order-url",
        )
        raise typer.Exit(2) from problem
    _show(found, dry_run=dry_run)
    raise typer.Exit(1 if found.refused else 0)


async def _outbox(url: str, token: str, *, limit: int, dry_run: bool) -> post.Redriven:
    async with httpx.AsyncClient(trust_env=False, timeout=LONGEST_WAIT_S) as client:
        return await post.redrive_outbox(client, url, token=token, limit=limit, dry_run=dry_run)


def _show(found: post.Redriven, *, dry_run: bool) -> None:
    if found.rows:
        table = Rows(box=None, pad_edge=False)
        for heading in ("Message", "Source", "Consumer", "About", "Parked at", "Reason", "Outcome"):
            table.add_column(heading, overflow="fold")
        for row in found.rows:
            cells = (row.id, row.source, row.consumer, row.about, row.at, row.reason, row.outcome)
            table.add_row(*cells)
        print_whole(console, table)
    if dry_run:
        console.print(f"{len(found.rows)} shown, about {found.left} parked; nothing was changed.")
    else:
        stay = f", {found.refused} refused" if found.refused else ""
        console.print(f"{found.done} put back{stay}, about {found.left} still parked.")
