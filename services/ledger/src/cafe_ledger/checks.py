"""The rules that the books obey, one function each; CHECKS is the list in which they are asked.

PURE. `compare.py` calls them for each order that has ended, with everything the books say of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from cafe_ledger.entries import (
    Charge,
    Grant,
    Level,
    MovedLine,
    Movement,
    Order,
    OrderLine,
    Payment,
    SalesRow,
)
from cafe_ledger.findings import Finding, Kind

CLOSED = frozenset({"declined", "voided", "refunded"})
HUNDRED = 100


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that the books say of one order; `charges` None: no statement to be had.

    `moves_kept` False: it is so old that the inventory may have forgotten what it moved for it;
    `grants_kept` False: loyalty may have forgotten its points.
    """

    order: Order
    movements: Sequence[Movement] = ()
    payments: Sequence[Payment] = ()
    charges: Sequence[Charge] | None = ()
    grants: Sequence[Grant] = ()
    rows: Sequence[SalesRow] = ()
    moves_kept: bool = True
    grants_kept: bool = True

    @property
    def stock_forgotten(self) -> bool:
        """Whether the stock's book has no word left of the order."""
        return not self.moves_kept and not self.movements

    @property
    def points_forgotten(self) -> bool:
        """Whether the order earned points of which the points' book has no word left."""
        return self.earns and not self.grants_kept and not self.grants

    @property
    def completed(self) -> bool:
        """Whether the order was sold."""
        return self.order.status == "completed"

    @property
    def captured(self) -> list[Charge]:
        """The charges that kept the customer's money."""
        return [one for one in self.charges or () if one.state == "captured"]

    @property
    def earns(self) -> bool:
        """Whether the order is worth points."""
        order = self.order
        return self.completed and bool(order.customer_id) and order.total_minor >= HUNDRED

    def finding(self, kind: Kind, found: str, expected: str) -> Finding:
        """Return a finding about this order."""
        order = self.order
        return Finding(
            kind,
            order.store_id,
            found,
            expected,
            order_id=order.order_id,
            placed_at=order.placed_at,
        )


Check = Callable[[Case], Iterable[Finding]]


def check_total(case: Case) -> Iterator[Finding]:
    """The total is the sum of the lines."""
    order = case.order
    total = sum(line.quantity * line.unit_price_minor for line in order.lines)
    if total != order.total_minor:
        yield case.finding(Kind.ORDER_TOTAL, f"{order.total_minor}", f"{total} as the lines say")


def check_charged_once(case: Case) -> Iterator[Finding]:
    """Nobody pays twice, however the order ended."""
    captured = case.captured
    if len(captured) > 1:
        ids = ", ".join(one.charge_id for one in captured)
        yield case.finding(Kind.CHARGE_DUPLICATED, f"{len(captured)} captured: {ids}", "one")


def check_charges(case: Case) -> Iterator[Finding]:
    """Completed: captured, of the right amount. Otherwise: no money is kept, none is blocked."""
    if case.charges is None:
        return
    order, captured = case.order, case.captured
    if case.completed and not captured:
        yield case.finding(Kind.CHARGE_MISSING, _states(case.charges), f"{_money(order)} captured")
    elif case.completed and len(captured) == 1 and _worth(captured[0]) != _priced(order):
        yield case.finding(Kind.CHARGE_DIFFERING, _worth(captured[0]), _priced(order))
    elif not case.completed and len(captured) == 1:
        found = f"charge {captured[0].charge_id} captured"
        yield case.finding(Kind.CHARGE_UNWANTED, found, f"none, the order is {order.status}")
    blocked = [one for one in case.charges if one.state not in CLOSED | {"captured"}]
    if blocked and (captured or not case.completed):
        found = f"charge {blocked[0].charge_id} {blocked[0].state}"
        yield case.finding(Kind.CHARGE_OPEN, found, "voided")


def check_payments(case: Case) -> Iterator[Finding]:
    """The processor's one entry says the same as order and statement."""
    order, payments = case.order, case.payments
    if len(payments) > 1:
        yield case.finding(Kind.PAYMENT_DUPLICATED, f"{len(payments)} entries", "one")
        return
    state = payments[0].state if payments else "no entry"
    if case.completed and state != "captured":
        yield case.finding(Kind.PAYMENT_MISSING, state, f"{_money(order)} captured")
    elif not case.completed and state == "captured":
        yield case.finding(Kind.PAYMENT_UNWANTED, state, f"none, the order is {order.status}")
    elif not case.completed and payments and state not in CLOSED:
        yield case.finding(Kind.PAYMENT_OPEN, state, "declined, voided or refunded")
    elif case.completed:
        yield from _payment_differs(case, payments[0])


def _payment_differs(case: Case, payment: Payment) -> Iterator[Finding]:
    captured = case.captured
    if _worth(payment) != _priced(case.order):
        yield case.finding(Kind.PAYMENT_DIFFERING, _worth(payment), _priced(case.order))
    elif len(captured) == 1 and captured[0].charge_id != payment.charge_id:
        found = f"charge {payment.charge_id}"
        expected = f"charge {captured[0].charge_id} of the provider's statement"
        yield case.finding(Kind.PAYMENT_DIFFERING, found, expected)


def check_stock(case: Case) -> Iterator[Finding]:
    """Completed: committed, exactly what was ordered. Otherwise: nothing sold, nothing held."""
    if case.stock_forgotten:
        return
    order, movements = case.order, case.movements
    if len(movements) > 1:
        yield case.finding(Kind.STOCK_DUPLICATED, f"{len(movements)} movements", "one")
        return
    status = movements[0].status if movements else "no movement"
    if case.completed and status != "committed":
        yield case.finding(Kind.STOCK_MISSING, status, "committed")
    elif case.completed:
        moved = movements[0]
        found, expected = _moved(moved.lines), _moved(order.lines)
        if (moved.store_id, found) != (order.store_id, expected):
            yield case.finding(
                Kind.STOCK_DIFFERING,
                f"{_list(found)} of {moved.store_id}",
                f"{_list(expected)} of {order.store_id}",
            )
    elif status == "committed":
        yield case.finding(Kind.STOCK_UNWANTED, status, f"none, the order is {order.status}")
    elif status == "reserved":
        yield case.finding(Kind.STOCK_HELD, status, "released")


def check_points(case: Case) -> Iterator[Finding]:
    """A known customer gets the points of a completed order once; nobody else gets any."""
    order, grants = case.order, case.grants
    if len(grants) > 1:
        total = sum(one.points for one in grants)
        yield case.finding(Kind.POINTS_DUPLICATED, f"{len(grants)} grants, {total} points", "one")
    elif not grants:
        if case.earns and not case.points_forgotten:
            worth = order.total_minor // HUNDRED
            yield case.finding(Kind.POINTS_MISSING, "none", f"{worth} points for each multiplier")
    elif not case.completed or not order.customer_id:
        if grants[0].points:
            why = "has no customer" if case.completed else f"is {order.status}"
            found = f"{grants[0].points} points"
            yield case.finding(Kind.POINTS_UNWANTED, found, f"none, the order {why}")
    else:
        found, expected = _granted(grants[0]), _earned(order, grants[0])
        if found != expected:
            yield case.finding(Kind.POINTS_DIFFERING, found, expected)


def check_sale(case: Case) -> Iterator[Finding]:
    """Analytics has one row, and it says what the order says."""
    order, rows = case.order, case.rows
    number = sum(one.rows for one in rows)
    if number != 1:
        kind = Kind.SALE_DUPLICATED if number > 1 else Kind.SALE_MISSING
        yield case.finding(kind, f"{number} rows", "1 row")
        return
    row = next(one for one in rows if one.rows)
    found = f"{row.status} {row.total_minor} {row.currency} at {row.store_id}"
    expected = f"{order.status} {_priced(order)}"
    if found != expected:
        yield case.finding(Kind.SALE_DIFFERING, found, expected)


CHECKS: tuple[Check, ...] = (
    check_total,
    check_charged_once,
    check_charges,
    check_payments,
    check_stock,
    check_points,
    check_sale,
)


def check_level(level: Level) -> Iterator[Finding]:
    """What came in is there, held or sold; nothing is below zero."""

    def found(kind: Kind, what: str, expected: str) -> Finding:
        return Finding(kind, level.store_id, what, expected, sku=level.sku)

    parts = {"available": level.available, "reserved": level.reserved, "sold": level.sold}
    for name, number in {"received": level.received, **parts}.items():
        if number < 0:
            yield found(Kind.LEVEL_NEGATIVE, f"{name} {number}", "0 or more")
    if level.received != sum(parts.values()):
        listed = " + ".join(f"{name} {number}" for name, number in parts.items())
        yield found(Kind.LEVEL_UNBALANCED, listed, f"received {level.received}")


def check_held(level: Level, held: int) -> Iterator[Finding]:
    """What is reserved is what orders hold."""
    if level.reserved != held:
        found = f"reserved {level.reserved}"
        expected = f"{held} as the orders under way hold"
        yield Finding(Kind.LEVEL_HELD, level.store_id, found, expected, sku=level.sku)


def check_sold(level: Level, committed: int) -> Iterator[Finding]:
    """What orders took was counted; what was sold outside of the window is not known."""
    if level.sold < committed:
        expected = f"{committed} or more as the orders say"
        found = f"sold {level.sold}"
        yield Finding(Kind.LEVEL_SOLD, level.store_id, found, expected, sku=level.sku)


def _money(order: Order) -> str:
    return f"{order.total_minor} {order.currency}"


def _priced(order: Order) -> str:
    return f"{_money(order)} at {order.store_id}"


def _worth(entry: Charge | Payment) -> str:
    return f"{entry.amount_minor} {entry.currency} at {entry.store_id}"


def _states(charges: Sequence[Charge]) -> str:
    return ", ".join(f"{one.charge_id} {one.state}" for one in charges) or "none"


def _moved(lines: Iterable[OrderLine | MovedLine]) -> Counter[str]:
    moved: Counter[str] = Counter()
    for line in lines:
        moved[line.sku] += line.quantity
    return moved


def _list(moved: Counter[str]) -> str:
    return ", ".join(f"{number} {sku}" for sku, number in sorted(moved.items())) or "nothing"


def _granted(grant: Grant) -> str:
    return f"{grant.points} points at {grant.store_id} for {grant.customer_id}"


def _earned(order: Order, grant: Grant) -> str:
    """Say what the order is worth; the multiplier is the promotion's of that moment."""
    points = order.total_minor // HUNDRED * max(1, grant.multiplier)
    return f"{points} points at {order.store_id} for {order.customer_id}"
