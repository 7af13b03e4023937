"""What a batch of order events says about each order: pure, and the same in any order.

Used by `loading.py` before it touches the warehouse. An order's facts form a lattice: the status
of the highest rank wins, of two times for one status the earlier, and everything else is the same
in all events of an order. So joining facts twice, or the wrong way round, changes nothing; the SQL
of the load keeps the same rules towards what is stored already.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cafe_kit.events import Event, OrderedLine, OrderEvent

RANKS = {
    "placed": 1,
    "confirmed": 2,
    "paid": 3,
    "completed": 4,
    "rejected": 5,
    "cancelled": 6,
}
"""A later status is never overwritten by an earlier one. An order has one end; should two ever
arrive, the books must differ and `cafectl audit` must see it, so any fixed winner will do."""

TIMED = ("confirmed", "paid", "completed", "rejected", "cancelled")
"""Each has a column `<status>_at`; placing has the order's own time."""

MAX_REASON_BYTES = 500
MAX_NAME_BYTES = 800
MAX_CUSTOMER_BYTES = 800


@dataclass(frozen=True, slots=True)
class OrderFact:
    """One order as some events tell it."""

    event: OrderEvent
    """Of the highest rank."""
    status: str
    times: dict[str, datetime] = field(default_factory=dict)

    @property
    def rank(self) -> int:
        """How far the order has come."""
        return RANKS[self.status]

    def joined(self, other: "OrderFact") -> "OrderFact":
        """Both together; commutative, associative, idempotent."""
        first = self if self.rank >= other.rank else other
        times = dict(self.times)
        for status, at in other.times.items():
            times[status] = min(at, times.get(status, at))
        return OrderFact(first.event, first.status, times)

    @property
    def row(self) -> tuple[object, ...]:
        """In the order of `loading.ORDER_COLUMNS`."""
        event = self.event
        return (
            event.order_id,
            event.store_id,
            clipped(event.customer_id, MAX_CUSTOMER_BYTES),
            event.currency,
            event.total_minor,
            self.status,
            self.rank,
            clipped(event.reason, MAX_REASON_BYTES),
            event.placed_at,
            *(self.times.get(status) for status in TIMED),
        )

    @property
    def line_rows(self) -> list[tuple[object, ...]]:
        """In the order of `loading.LINE_COLUMNS`."""
        return [
            _line_row(self.event.order_id, number, line)
            for number, line in enumerate(self.event.lines, 1)
        ]


def fact_of(event: OrderEvent) -> OrderFact:
    """What one event says."""
    status = event.type.removeprefix("order.")
    return OrderFact(event, status, {status: event.at} if status in TIMED else {})


def facts_of(events: Iterable[Event]) -> Sequence[OrderFact]:
    """One fact an order; other kinds of event have no place in the warehouse."""
    facts: dict[str, OrderFact] = {}
    for event in events:
        if isinstance(event, OrderEvent):
            fact = fact_of(event)
            known = facts.get(event.order_id)
            facts[event.order_id] = fact if known is None else known.joined(fact)
    return list(facts.values())


def clipped(text: str | None, most_bytes: int) -> str | None:
    """What fits a column: Redshift counts bytes, and neither server stores NUL.

    An event that does not fit would otherwise hold up its shard for ever.
    """
    if text is None:
        return None
    data = text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode(errors="replace")
    return data[:most_bytes].decode(errors="ignore")


def _line_row(order_id: str, number: int, line: OrderedLine) -> tuple[object, ...]:
    name = clipped(line.name, MAX_NAME_BYTES)
    return (order_id, number, line.sku, name, line.quantity, line.unit_price_minor)
