"""`cafectl tickets`: how many wait for a store's baristas, and taking them as a till does."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from kubernetes import client
from rich.text import Text

from cafectl import tickets as till
from cafectl.aws import AwsPost
from cafectl.chaos.cluster import TIMEOUT_S, Gone, Refused, asked
from cafectl.chaos.errors import told
from cafectl.plain import line
from cafectl.redrive import RedriveError, dead_letters_of
from cafectl.terminal import Terminal
from cafectl.tills import Whose, named

QUEUE_URL = "CAFE_ORDER_QUEUE_URL"
console = Terminal()
problems = Terminal(stderr=True)


def tickets(
    store: Annotated[str, typer.Argument(help="A CafeStore, or its id: NAMESPACE.NAME.")],
    *,
    namespace: Annotated[
        str,
        typer.Option("--namespace", "-n", envvar="CAFE_NAMESPACE", help="Of the CafeStore."),
    ] = "cloudcafe",
    take: Annotated[
        int, typer.Option("--take", min=0, max=100_000, help="Take so many off the queue.")
    ] = 0,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Take each as it comes, until Ctrl-C.")
    ] = False,
    queue: Annotated[
        str,
        typer.Option(
            envvar=QUEUE_URL,
            help="The queue's URL or name; empty: as the store's ConfigMap says.",
        ),
    ] = "",
) -> None:
    """Show how many tickets wait for a store's baristas, or take them: show each, then delete it.

    Each completed order brings its store one ticket. Region and credentials come from the
    environment, and AWS_ENDPOINT_URL for the embedded tier.

    Exit codes: 0 done; 1 some messages are no tickets and stay; 2 the queue cannot be reached.
    """
    with told():
        name = (queue or _queue_of(named(store, namespace))).rpartition("/")[2]
    try:
        post = AwsPost()
        if not take and not follow:
            parked = post.waiting(dead_letters_of(name))
            console.print(
                f"{post.waiting(name)} tickets wait in {line(name)}, {parked} are parked."
            )
            return
        taken = till.take(post, name, _show, limit=take or sys.maxsize, follow=follow)
    except RedriveError as problem:
        problems.trouble("not possible", problem)
        raise typer.Exit(2) from problem
    except KeyboardInterrupt:
        return
    if taken.unread:
        problems.trouble("stay on the queue", f"{taken.unread} messages that are no tickets")
    if not taken.tickets:
        console.print("No ticket waits.")
    raise typer.Exit(1 if taken.unread else 0)


def _queue_of(whose: Whose) -> str:
    """Return the URL that the operator wrote down for the store's tills."""
    name = f"{whose.name}-store"
    try:
        found = asked(
            lambda api: api.read_namespaced_config_map(
                name, whose.namespace, _request_timeout=TIMEOUT_S
            ),
            client.CoreV1Api,
        )
    except Gone as problem:
        raise Refused(
            f"there is no ConfigMap {whose.namespace}/{name}: the operator writes it once the"
            " store's queue is there (cafectl stores)"
        ) from problem
    return str((found.data or {}).get(QUEUE_URL, ""))


def _show(ticket: till.Ticket) -> None:
    """Print a ticket on one line; it is out before the ticket is deleted."""
    what = Text(line(", ".join(ticket.lines)), style="bold")
    guest = f"  for {line(ticket.guest)}" if ticket.guest else ""
    order = f"  order {line(ticket.order)} of {line(ticket.placed_at)}"
    console.print(Text.assemble(what, guest, order), soft_wrap=True)
    console.file.flush()
