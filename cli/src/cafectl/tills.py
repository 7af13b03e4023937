"""Whose till orders, and from where: this process, or a Job in the cluster on its behalf."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import typer

from cafectl import errand
from cafectl.audit import span
from cafectl.orders import Till

ORDER = "http://order:8080"


@dataclass(frozen=True, slots=True)
class Whose:
    """A store: the namespace and the name of its CafeStore."""

    namespace: str
    name: str

    @property
    def id(self) -> str:
        """The id by which the services know it."""
        return f"{self.namespace}.{self.name}"


def named(store: str, namespace: str) -> Whose:
    """Read a CafeStore's name, of this namespace, or its id."""
    where, dot, name = store.partition(".")
    return Whose(where, name) if dot else Whose(namespace, store)


def far(url: str) -> bool:
    """Whether the services are out of reach from here."""
    return not url and errand.outside()


def till(whose: Whose, url: str, key: str, give_up_s: float = 60.0) -> Till:
    """Return the till of somebody who reaches the order service."""
    if not key:
        raise typer.BadParameter(
            f"the till has a key: --key or CAFE_TILL_KEY, from Secret {whose.name}-till"
        )
    return Till(url or ORDER, whose.id, key, give_up_s=give_up_s)


def send(whose: Whose, namespace: str, words: Sequence[str], *, accounts: bool = False) -> None:
    """Run this command in the cluster with the store's key, and end as it ended."""
    if whose.namespace != namespace:
        raise typer.BadParameter(
            f"the key of {whose.id} is a Secret of namespace {whose.namespace}, which a Job in"
            f" {namespace} cannot read: reach the order service yourself and use --url and --key"
        )
    guests = errand.Errand(errand.GUESTS, words, till=whose.name, accounts=accounts)
    errand.send(namespace, guests)


def length(text: str) -> float | None:
    """Read `10m` as seconds; None where nothing is said."""
    if not text:
        return None
    try:
        return span(text).total_seconds()
    except ValueError as problem:
        raise typer.BadParameter(f"--for: {problem}") from problem
