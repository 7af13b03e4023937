"""What an order tells the world, as outbox records. Pure; called by the rules and the saga.

Destinations: `kinesis` (facts for analytics and loyalty), `payments` (SQS FIFO), `stock`
(inventory), `history` (the customer's list of orders), `store-history`
(a flagship's), `tickets` (what a store's baristas have to make). The messages are those of
`cafe_kit.events`, written by hand because the first of them are written for every order that is
placed; a test compares the two. A message's `id` is the same in every delivery, so consumers can
tell a repetition.

A synthetic order exercises the reservation and nothing else: sales never hear of it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from cafe_order.models import OutboxRecord, Status

KINESIS = "kinesis"
PAYMENTS = "payments"
STOCK = "stock"
HISTORY = "history"
STORE_HISTORY = "store-history"
TICKETS = "tickets"
DESTINATIONS = (KINESIS, PAYMENTS, STOCK, HISTORY, STORE_HISTORY, TICKETS)
Destinations = Literal["kinesis", "payments", "stock", "history", "store-history", "tickets"]
VERSION = 1

RESERVE = "stock.reserve"
COMMIT = "stock.commit"
RELEASE = "stock.release"
REQUESTED = "payment.requested"
CANCEL_REQUESTED = "payment.cancel-requested"
TICKET = "store.ticket"


class Line(Protocol):
    """One item with the price it was sold at."""

    @property
    def sku(self) -> str:
        """Which item."""
        ...

    @property
    def name(self) -> str:
        """As the menu called it."""
        ...

    @property
    def quantity(self) -> int:
        """How many."""
        ...

    @property
    def unit_price_minor(self) -> int:
        """The price of one."""
        ...


class Ordered(Protocol):
    """What messages tell of an order."""

    @property
    def id(self) -> UUID:
        """Which order."""
        ...

    @property
    def store_id(self) -> str:
        """Where it was placed."""
        ...

    @property
    def currency(self) -> str:
        """Of all its amounts."""
        ...

    @property
    def total_minor(self) -> int:
        """What it costs."""
        ...

    @property
    def lines(self) -> Sequence[Line]:
        """What was ordered."""
        ...

    @property
    def placed_at(self) -> datetime:
        """When it was accepted."""
        ...

    @property
    def synthetic(self) -> bool:
        """Whether it only tries the order path."""
        ...


class Facts:
    """An order as all its messages tell it; made once, however many messages follow."""

    def __init__(self, order: Ordered, customer_id: str | None, trace_id: str) -> None:
        self._synthetic = order.synthetic
        self._order_id = str(order.id)
        self._trace = _compact(trace_id)
        self._placed_at = order.placed_at
        self._placed_moment = _moment(order.placed_at)
        # the inside of a JSON object: what all messages share is encoded once
        self._payment = _compact(
            {
                "orderId": self._order_id,
                "storeId": order.store_id,
                "customerId": customer_id,
                "currency": order.currency,
                "totalMinor": order.total_minor,
                "placedAt": self._placed_moment,
            }
        )[1:-1]
        lines = [
            {
                "sku": line.sku,
                "name": line.name,
                "quantity": line.quantity,
                "unitPriceMinor": line.unit_price_minor,
            }
            for line in order.lines
        ]
        self._whole = f'{self._payment},"lines":{_compact(lines)}'

    def event(self, status: Status, at: datetime, reason: str | None = None) -> OutboxRecord:
        """A fact for analytics and loyalty."""
        facts = f'{self._whole},"reason":{_compact(reason)}'
        return self._record(KINESIS, f"order.{status}", facts, at)

    def command(self, kind: str, at: datetime) -> OutboxRecord:
        """What the order wants of the stock."""
        return self._record(
            STOCK, kind, f'{self._whole},"synthetic":{_compact(self._synthetic)}', at
        )

    def payment(self, kind: str, at: datetime) -> OutboxRecord:
        """What the order wants of the payment processor."""
        return self._record(PAYMENTS, kind, self._payment, at)

    def history(self, status: Status, at: datetime, reason: str | None = None) -> OutboxRecord:
        """The order as it is now, for its customer."""
        return OutboxRecord(HISTORY, f"order.{status}", self._now(status, at, reason))

    def store_history(
        self, table: str, status: Status, at: datetime, reason: str | None = None
    ) -> OutboxRecord:
        """The order as it is now, for the list of its store."""
        order = self._now(status, at, reason)
        payload = f'{{"table":{_compact(table)},"order":{order}}}'
        return OutboxRecord(STORE_HISTORY, f"list.{status}", payload)

    def ticket(self, queue: str, at: datetime) -> OutboxRecord:
        """What the baristas have to make, for the queue of their store."""
        ticket = self._record(TICKETS, TICKET, self._whole, at)
        payload = f'{{"queue":{_compact(queue)},"ticket":{ticket.payload}}}'
        return OutboxRecord(TICKETS, TICKET, payload)

    def _now(self, status: Status, at: datetime, reason: str | None) -> str:
        now = f'"status":"{status}","updatedAt":"{self._moment(at)}","reason":{_compact(reason)}'
        return f"{{{self._whole},{now}}}"

    def _moment(self, at: datetime) -> str:
        return self._placed_moment if at is self._placed_at else _moment(at)

    def _record(self, destination: str, kind: str, facts: str, at: datetime) -> OutboxRecord:
        head = f'"id":"{self._order_id}:{kind}","type":"{kind}","version":{VERSION}'
        when = f'"at":"{self._moment(at)}","traceId":{self._trace}'
        return OutboxRecord(destination, kind, f"{{{head},{when},{facts}}}")


def placed_records(
    order: Ordered, customer_id: str | None, trace_id: str, orders_table: str | None = None
) -> tuple[OutboxRecord, ...]:
    """The records of a new order."""
    facts = Facts(order, customer_id, trace_id)
    reserve = facts.command(RESERVE, order.placed_at)
    if order.synthetic:
        return (reserve,)
    records = [facts.event("placed", order.placed_at), reserve]
    if customer_id is not None:
        records.append(facts.history("placed", order.placed_at))
    if orders_table is not None:
        records.append(facts.store_history(orders_table, "placed", order.placed_at))
    return tuple(records)


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")


_encoder = msgspec.json.Encoder()


def _compact(value: object) -> str:
    return _encoder.encode(value).decode()
