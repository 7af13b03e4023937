"""SQL of the saga: lock orders, let the rules decide, write their steps. All in one transaction.

Used by the relay (within the transaction in which it settles its batch), by the consumer of
payment results and by the cancellation. Orders are locked in the order of their ids, so that two
batches never wait for each other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from cafe_kit.database import Connection, Database
from pydantic import TypeAdapter

from cafe_order.models import LineView
from cafe_order.saga import Contradiction, Decide, OrderState, Step

LOCK = """
SELECT o.id, o.store_id, o.customer_id, o.status, o.currency, o.total_minor, o.placed_at,
       o.synthetic, o.trace_id, s.orders_table, s.tickets_queue,
       (SELECT json_agg(json_build_object('sku', l.sku, 'name', l.name, 'quantity', l.quantity,
                                          'unitPriceMinor', l.unit_price_minor) ORDER BY l.line)
        FROM order_lines l WHERE l.order_id = o.id) AS lines
FROM orders o LEFT JOIN stores s ON s.id = o.store_id WHERE o.id = ANY($1::uuid[])
ORDER BY o.id FOR UPDATE OF o
"""

# A step may keep the status: then only its messages are new.
STEP = """
WITH moved AS (
    UPDATE orders o SET status = m.status
    FROM unnest($1::uuid[], $2::text[], $3::text[]) AS m (id, was, status)
    WHERE o.id = m.id AND o.status = m.was
    RETURNING o.id
), noted AS (
    INSERT INTO order_history (order_id, status, reason, at)
    SELECT m.id, m.status, m.reason, $5
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) AS m (id, was, status, reason)
    JOIN moved USING (id) WHERE m.status <> m.was
)
INSERT INTO outbox (order_id, destination, kind, payload, trace_id)
SELECT r.order_id, r.destination, r.kind, r.payload, r.trace_id
FROM unnest($6::uuid[], $7::text[], $8::text[], $9::text[], $10::text[])
    AS r (order_id, destination, kind, payload, trace_id)
JOIN moved ON moved.id = r.order_id
"""

_LINES = TypeAdapter(tuple[LineView, ...])


@dataclass(frozen=True, slots=True)
class Missing:
    """There is no such order."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Something happened to an order; `decide` knows what follows."""

    order_id: UUID
    decide: Decide


Advance = Step | Contradiction | Missing | None
"""What became of a wish; None when nothing changed."""


class Saga(Protocol):
    """Moves orders on; bounded in time, 503 when the database is away."""

    async def advance(self, wishes: Sequence[Wish]) -> list[Advance]:
        """One outcome a wish, in their order; all steps are written or none is."""
        ...


class PostgresSaga:
    """Moves orders on; a transaction for each call."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def advance(self, wishes: Sequence[Wish]) -> list[Advance]:
        """One outcome a wish, in their order; all steps are written or none is.

        Raises:
            DatabaseUnavailableError: the outcome is then unknown; repeating it is safe.
        """
        async with self._database.transaction() as connection:
            return await advance(connection, wishes, self._clock())


async def advance(connection: Connection, wishes: Sequence[Wish], at: datetime) -> list[Advance]:
    """The same within the caller's transaction."""
    found = await connection.fetch(LOCK, list({wish.order_id for wish in wishes}))
    before = {row["id"]: _state(row) for row in found}
    outcomes, steps = plan(wishes, before, at)
    if steps:
        await _write(connection, steps, before, at)
    return outcomes


def plan(
    wishes: Sequence[Wish], before: dict[UUID, OrderState], at: datetime
) -> tuple[list[Advance], dict[UUID, Step]]:
    """What becomes of each wish, and the one step of each order that moves.

    A later wish sees what an earlier one of the same batch has made of the order.
    """
    now = dict(before)
    outcomes: list[Advance] = []
    steps: dict[UUID, Step] = {}
    for wish in wishes:
        order = now.get(wish.order_id)
        outcome = Missing() if order is None else wish.decide(order, at)
        if order is not None and isinstance(outcome, Step):
            earlier = steps.get(wish.order_id)
            records = (*earlier.records, *outcome.records) if earlier else outcome.records
            steps[wish.order_id] = replace(outcome, records=records)
            now[wish.order_id] = replace(order, status=outcome.status)
        outcomes.append(outcome)
    return outcomes, steps


async def _write(
    connection: Connection,
    steps: dict[UUID, Step],
    before: dict[UUID, OrderState],
    at: datetime,
) -> None:
    records = [(order_id, record) for order_id, step in steps.items() for record in step.records]
    await connection.execute(
        STEP,
        list(steps),
        [before[order_id].status for order_id in steps],
        [step.status for step in steps.values()],
        [step.reason for step in steps.values()],
        at,
        [order_id for order_id, _ in records],
        [record.destination for _, record in records],
        [record.kind for _, record in records],
        [record.payload for _, record in records],
        [before[order_id].trace_id for order_id, _ in records],
    )


def _state(row: Any) -> OrderState:
    return OrderState(
        id=row["id"],
        store_id=row["store_id"],
        customer_id=row["customer_id"],
        status=row["status"],
        currency=row["currency"],
        total_minor=row["total_minor"],
        lines=_LINES.validate_json(row["lines"] or "[]"),
        placed_at=row["placed_at"],
        synthetic=row["synthetic"],
        trace_id=row["trace_id"],
        orders_table=row["orders_table"],
        tickets_queue=row["tickets_queue"],
    )
