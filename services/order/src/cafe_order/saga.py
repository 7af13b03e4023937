"""How an order goes from `placed` to its end. Pure: an order and an answer in, a step out.

    placed ──stock──> confirmed ──payment──> paid ──stock──> completed
      └─> rejected      └─> rejected           └─> cancelled (the hold lapsed, nothing is left)
      └─> cancelled     └─> cancelled

`completed` is when coffee has to be made: it is paid, its stock is taken, and nothing undoes it. So
that step brings the one ticket of an order, and no ticket is ever called back.

A step names the next status and all the messages that follow from it; `transitions.py` writes both
in one transaction. An answer that does not fit the order's status changes nothing: it is a
repetition, or the order was cancelled meanwhile.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, assert_never
from uuid import UUID

from cafe_kit.errors import ConflictError
from cafe_kit.events import PaymentResult

from cafe_order import events
from cafe_order.events import Facts
from cafe_order.models import LineView, OutboxRecord, Status

RANKS: Mapping[Status, int] = {
    "placed": 0,
    "confirmed": 1,
    "paid": 2,
    "completed": 3,
    "rejected": 3,
    "cancelled": 3,
}
"""How far an order has come: each change of status raises it, and nothing follows the highest."""

ENDS: frozenset[Status] = frozenset(
    status for status, rank in RANKS.items() if rank == max(RANKS.values())
)

StockStatus = Literal["reserved", "committed", "released", "outOfStock", "notFound", "conflict"]


@dataclass(frozen=True, slots=True)
class OrderState:
    """An order as the saga sees it."""

    id: UUID
    store_id: str
    customer_id: str | None
    status: Status
    currency: str
    total_minor: int
    lines: tuple[LineView, ...]
    placed_at: datetime
    synthetic: bool
    trace_id: str
    orders_table: str | None = None
    """Where its store keeps the list of its orders."""
    tickets_queue: str | None = None
    """Where its store's baristas hear what to make."""


@dataclass(frozen=True, slots=True)
class StockAnswer:
    """What the stock said to a command."""

    command: str
    status: StockStatus
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """The order's next status, and what it tells whom."""

    status: Status
    reason: str | None
    records: tuple[OutboxRecord, ...]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """An answer that cannot be true of this order: a person has to look."""

    why: str


Decision = Step | Contradiction | None
Decide = Callable[[OrderState, datetime], Decision]


def so_far(status: Status) -> list[Status]:
    """What an order may have been until it came to this status, and the status itself.

    Raises:
        KeyError: there is no such status.
    """
    rank = RANKS[status]
    return [earlier for earlier in RANKS if earlier == status or RANKS[earlier] < rank]


def after_stock(said: StockAnswer, order: OrderState, at: datetime) -> Step | None:
    """What follows from the stock's answer."""
    match order.status:
        case "placed":
            return _reserved(said, order, at)
        case "paid":
            return _taken(said, order, at)
        case _:
            return None


def _reserved(said: StockAnswer, order: OrderState, at: datetime) -> Step | None:
    match (said.command, said.status):
        case (events.RESERVE, "reserved" | "committed"):
            return _confirmed(order, at)
        case (events.RESERVE, _):
            return _rejected(order, at, _why(said))
        case _:
            return None


def _taken(said: StockAnswer, order: OrderState, at: datetime) -> Step | None:
    match (said.command, said.status):
        case (events.COMMIT | events.RESERVE, "committed"):
            return _told(order, "completed", at)
        case (events.COMMIT, _):
            # the hold lapsed before the payment: what was taken back may still be there
            return _only(order, events.RESERVE, at)
        case (events.RESERVE, "reserved"):
            return _only(order, events.COMMIT, at)
        case (events.RESERVE, _):
            refund = _facts(order).payment(events.CANCEL_REQUESTED, at)
            return _told(order, "cancelled", at, _why(said), refund)
        case _:
            return None


def after_payment(result: PaymentResult, order: OrderState, at: datetime) -> Decision:
    """What follows from the payment processor's result."""
    if (result.currency, result.total_minor) != (order.currency, order.total_minor):
        return Contradiction(
            f"The result is over {result.total_minor} {result.currency}, "
            f"the order over {order.total_minor} {order.currency}."
        )
    match result.type:
        case "payment.captured":
            return _captured(order, at)
        case "payment.declined":
            return _declined(order, at, result.reason or "the payment was declined")
        case "payment.voided" | "payment.refunded":
            given_back = result.type.removeprefix("payment.")
            return _given_back(order, at, result.reason or f"the payment was {given_back}")
        case _ as never:
            assert_never(never)


def cancel(order: OrderState, at: datetime) -> Step | None:
    """What follows from the till's wish to cancel; None when that was done already.

    Raises:
        ConflictError: it is too late, or it was never going to be made.
    """
    if order.synthetic:
        raise ConflictError(
            f"Order {order.id} is synthetic: it ends by itself.",
            slug="synthetic-order",
            remedy="Nothing needs to be done.",
        )
    match order.status:
        case "placed" | "confirmed":
            facts = _facts(order)
            return _told(
                order,
                "cancelled",
                at,
                "cancelled by the store",
                facts.command(events.RELEASE, at),
                facts.payment(events.CANCEL_REQUESTED, at),
            )
        case "cancelled":
            return None
        case "paid" | "completed":
            raise ConflictError(
                f"Order {order.id} is paid.",
                slug="already-paid",
                remedy="Hand it out; a refund is between the store and its guest.",
            )
        case "rejected":
            raise ConflictError(
                f"Order {order.id} was rejected: there is nothing to cancel.",
                slug="already-rejected",
                remedy="Nothing needs to be done.",
            )
        case _ as never:
            assert_never(never)


def _confirmed(order: OrderState, at: datetime) -> Step:
    if order.synthetic:
        return Step("confirmed", None, ())
    return _told(order, "confirmed", at, None, _facts(order).payment(events.REQUESTED, at))


def _rejected(order: OrderState, at: datetime, reason: str) -> Step:
    if order.synthetic:
        return Step("rejected", reason, ())
    return _told(order, "rejected", at, reason)


def _captured(order: OrderState, at: datetime) -> Decision:
    match order.status:
        case "confirmed":
            return _told(order, "paid", at, None, _facts(order).command(events.COMMIT, at))
        case "paid" | "completed" | "cancelled":
            return None
        case "placed" | "rejected":
            return Contradiction(f"It was charged while {order.status}.")
        case _ as never:
            assert_never(never)


def _given_back(order: OrderState, at: datetime, reason: str) -> Step | None:
    """We ask for it after the order's end only; before, nothing else will be said of a payment."""
    if order.status != "confirmed":
        return None
    return _unpaid(order, at, reason)


def _declined(order: OrderState, at: datetime, reason: str) -> Decision:
    match order.status:
        case "confirmed":
            return _unpaid(order, at, reason)
        case "rejected" | "cancelled":
            return None
        case "placed" | "paid" | "completed":
            return Contradiction(f"Its payment was declined while {order.status}.")
        case _ as never:
            assert_never(never)


def _unpaid(order: OrderState, at: datetime, reason: str) -> Step:
    release = _facts(order).command(events.RELEASE, at)
    return _told(order, "rejected", at, reason, release)


def _told(
    order: OrderState,
    status: Status,
    at: datetime,
    reason: str | None = None,
    *commands: OutboxRecord,
) -> Step:
    """A step that the world and the customer hear of."""
    facts = _facts(order)
    records = [*commands, facts.event(status, at, reason)]
    if order.customer_id is not None:
        records.append(facts.history(status, at, reason))
    if order.orders_table is not None:
        records.append(facts.store_history(order.orders_table, status, at, reason))
    if status == "completed" and order.tickets_queue is not None:
        records.append(facts.ticket(order.tickets_queue, at))
    return Step(status, reason, tuple(records))


def _only(order: OrderState, command: str, at: datetime) -> Step:
    """One more word with the stock, of which nobody else hears."""
    return Step(order.status, None, (_facts(order).command(command, at),))


def _facts(order: OrderState) -> Facts:
    return Facts(order, order.customer_id, order.trace_id)


def _why(said: StockAnswer) -> str:
    if said.detail:
        return said.detail
    return "out of stock" if said.status == "outOfStock" else "the reservation was released"
