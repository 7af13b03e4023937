"""The fleet in figures: how many stores stand how, and how busy they are. Pure.

`effects/fleet.py` keeps them as metrics and in a ConfigMap for `cafectl stores`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cloudcafe_operator.resources.common import StatusModel
from cloudcafe_operator.resources.conditions import get_condition
from cloudcafe_operator.resources.store_status import CafeStoreStatus

ANSWERS = ("True", "False", "Unknown")


class Busy(StatusModel):
    """What guests did lately, and how long they waited for their confirmation."""

    orders_per_minute: float
    p95_milliseconds: int | None = None


class BusyStore(Busy):
    """One store."""

    store_id: str


class Activity(StatusModel):
    """What the order service says; the busiest stores come first."""

    fleet: Busy
    stores: tuple[BusyStore, ...] = ()

    def figures(self) -> dict[str, Any]:
        """Return it as short as ten thousand stores need it: by store, rate and p95."""
        return {
            "fleet": [self.fleet.orders_per_minute, self.fleet.p95_milliseconds],
            "stores": {
                one.store_id: [one.orders_per_minute, one.p95_milliseconds] for one in self.stores
            },
        }


@dataclass(frozen=True, slots=True)
class Standing:
    """How a store stands."""

    ready: str
    books: str
    accepting: bool
    drifted: bool


def standing(status: CafeStoreStatus) -> Standing:
    """Return how a store stands by its status."""
    return Standing(
        ready=_answer(status, "Ready"),
        books=_answer(status, "LedgerBalanced"),
        accepting=status.accepting_orders,
        drifted=bool(status.drift),
    )


@dataclass(frozen=True, slots=True)
class Fleet:
    """How many stores stand how."""

    ready: Mapping[str, int]
    books: Mapping[str, int]
    accepting: int
    drifted: int


def fleet(standings: Iterable[tuple[Standing, int]]) -> Fleet:
    """Return the sums of standings and how many stores stand so."""
    ready, books = dict.fromkeys(ANSWERS, 0), dict.fromkeys(ANSWERS, 0)
    accepting = drifted = 0
    for one, number in standings:
        ready[one.ready] += number
        books[one.books] += number
        accepting += number * one.accepting
        drifted += number * one.drifted
    return Fleet(ready, books, accepting, drifted)


def _answer(status: CafeStoreStatus, type_: str) -> str:
    found = get_condition(status.conditions, type_)
    return found.status if found else "Unknown"
