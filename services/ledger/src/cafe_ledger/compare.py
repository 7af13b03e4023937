"""Comparing the books: entries in, one outcome for each order out. PURE.

Called by `audit.py` with one window of time at a time. It is a generator, so that a caller on an
event loop can let others run between two orders.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeVar

from cafe_ledger.checks import CHECKS, Case, check_charged_once
from cafe_ledger.entries import Charge, Entry, Grant, Movement, Order, Payment, SalesRow
from cafe_ledger.findings import Finding, Kind

ENDED = frozenset({"completed", "rejected", "cancelled"})
State = Literal["pending", "stuck", "judged", "orphaned"]
AnEntry = TypeVar("AnEntry", bound=Entry)


@dataclass(frozen=True, slots=True)
class Rules:
    """When an order is judged.

    `now` is the moment at which the order book was read. An order that changed less than `settle`
    ago, or that has not ended, is pending; one that has not ended `stuck_after` is stuck.
    """

    now: datetime
    settle: timedelta = timedelta(seconds=30)
    stuck_after: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Books:
    """All entries about the orders of one window; `charges` None: no statement to be had.

    Movements of orders placed before `moves_kept_from` may be missing because they are forgotten,
    and so may grants.
    """

    orders: Sequence[Order] = ()
    movements: Sequence[Movement] = ()
    payments: Sequence[Payment] = ()
    charges: Sequence[Charge] | None = ()
    grants: Sequence[Grant] = ()
    rows: Sequence[SalesRow] = ()
    moves_kept_from: datetime | None = None
    grants_kept_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one order; orphaned: only other books know it, and `case` is None."""

    state: State
    case: Case | None
    findings: tuple[Finding, ...] = ()


def compare(books: Books, rules: Rules) -> Iterator[Outcome]:
    """Judge every order of the window, then what names an order that is not there."""
    orders = _by_order(books.orders)
    movements, payments = _by_order(books.movements), _by_order(books.payments)
    charges = None if books.charges is None else _by_order(books.charges)
    grants, rows = _by_order(books.grants), _by_order(books.rows)
    for order_id, same in orders.items():
        case = Case(
            order=same[0],
            movements=movements.get(order_id, ()),
            payments=payments.get(order_id, ()),
            charges=None if charges is None else charges.get(order_id, ()),
            grants=grants.get(order_id, ()),
            rows=rows.get(order_id, ()),
            moves_kept=_is_kept(same[0], books.moves_kept_from),
            grants_kept=_is_kept(same[0], books.grants_kept_from),
        )
        yield judge(case, rules, listed=len(same))
    strays: tuple[tuple[Kind, Mapping[str, Sequence[Entry]]], ...] = (
        (Kind.CHARGE_ORPHANED, charges or {}),
        (Kind.PAYMENT_ORPHANED, payments),
        (Kind.STOCK_ORPHANED, movements),
        (Kind.POINTS_ORPHANED, grants),
        (Kind.SALE_ORPHANED, rows),
    )
    for kind, book in strays:
        yield from _orphans(kind, book, orders, rules)


def judge(case: Case, rules: Rules, *, listed: int = 1) -> Outcome:
    """Judge one order; `listed` is how often it stands in the order book."""
    order = case.order
    since = order.updated_at or order.placed_at
    if order.status in ENDED:
        if rules.now - max(since, order.placed_at) < rules.settle:
            return Outcome("pending", case)
        found = [finding for check in CHECKS for finding in check(case)]
    elif rules.now - order.placed_at < rules.stuck_after:
        return Outcome("pending", case)
    else:
        found = [_stuck(case, rules), *check_charged_once(case)]
    if listed > 1:
        found.append(case.finding(Kind.ORDER_DUPLICATED, f"{listed} times", "once"))
    return Outcome("judged" if order.status in ENDED else "stuck", case, tuple(found))


def _is_kept(order: Order, kept_from: datetime | None) -> bool:
    return kept_from is None or order.placed_at >= kept_from


def _stuck(case: Case, rules: Rules) -> Finding:
    order = case.order
    paid = ", already charged" if case.captured else ""
    found = f"{order.status}{paid}, placed at {order.placed_at.isoformat(timespec='seconds')}"
    minutes = rules.stuck_after // timedelta(minutes=1)
    expected = f"completed, rejected or cancelled within {minutes} min"
    return case.finding(Kind.ORDER_STUCK, found, expected)


def _orphans(
    kind: Kind,
    book: Mapping[str, Sequence[Entry]],
    orders: Mapping[str, Sequence[Order]],
    rules: Rules,
) -> Iterator[Outcome]:
    """Yield what names no order; the youngest are left alone, their order may just be coming."""
    for order_id, entries in book.items():
        first = entries[0]
        if order_id in orders or rules.now - first.placed_at < rules.settle:
            continue
        found = f"{len(entries)} of placing time {first.placed_at.isoformat()}"
        finding = Finding(
            kind,
            first.store_id,
            found,
            "an order of that id",
            order_id=order_id,
            placed_at=first.placed_at,
        )
        yield Outcome("orphaned", None, (finding,))


def _by_order(entries: Sequence[AnEntry]) -> Mapping[str, Sequence[AnEntry]]:
    found: defaultdict[str, list[AnEntry]] = defaultdict(list)
    for entry in entries:
        found[entry.order_id].append(entry)
    return found
