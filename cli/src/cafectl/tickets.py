"""A store's tickets, what its baristas have to make, taken as a till takes them.

Used by `cafectl tickets`. A ticket is shown first and deleted afterwards: a till that dies between
the two leaves it on the queue, and the next one shows it again. Merely looking is no way: each
receipt counts as a try, and after five of them SQS moves a ticket to the dead letters.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cafectl.redrive import Letter, Post, letters

HIDDEN_S = 30


@dataclass(frozen=True, slots=True)
class Ticket:
    """What is to be made. `guest` is whom it is for, or nothing."""

    order: str
    placed_at: str
    guest: str
    lines: tuple[str, ...]


@dataclass(slots=True)
class Taken:
    """How far a till is: `unread` are letters that are no tickets, which stay on the queue."""

    tickets: int = 0
    unread: int = 0
    seen: set[str] = field(default_factory=set)


def read(body: str) -> Ticket | None:
    """Return the ticket in a message; None where it is none."""
    try:
        said = json.loads(body)
        if said["type"] != "store.ticket":
            return None
        return Ticket(
            order=str(said["orderId"]),
            placed_at=str(said["placedAt"]),
            guest=str(said.get("customerId") or ""),
            lines=tuple(f"{int(one['quantity'])} {_name(one)}" for one in said["lines"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def take(
    post: Post, queue: str, show: Callable[[Ticket], None], *, limit: int, follow: bool = False
) -> Taken:
    """Take up to `limit` tickets; without `follow` it ends where none is left.

    Raises:
        RedriveError: AWS refuses or cannot be reached; what is not deleted is shown again.
    """
    taken = Taken()
    for letter in letters(
        post, queue, lambda: limit - taken.tickets, hidden_seconds=HIDDEN_S, follow=follow
    ):
        _one(post, queue, letter, show, taken)
    return taken


def _one(
    post: Post, queue: str, letter: Letter, show: Callable[[Ticket], None], taken: Taken
) -> None:
    ticket = read(letter.body)
    if ticket is None:
        taken.unread += 1
        return
    if ticket.order not in taken.seen:
        show(ticket)
        taken.seen.add(ticket.order)
        taken.tickets += 1
    post.delete(queue, letter)


def _name(one: Any) -> str:
    return str(one.get("name") or one["sku"])
