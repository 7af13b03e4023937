"""Orders and their outbox in memory, for tests: the obligations of PostgreSQL's, kept.

What a block or a call does is there as a whole when it ends well, and not at all when it dies.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from uuid import UUID

from cafe_order import saga
from cafe_order.models import OutboxRecord, Status
from cafe_order.outbox import DestinationState, OutboxRow, Settlement
from cafe_order.saga import OrderState, Step
from cafe_order.transitions import Advance, Wish, plan


@dataclass(slots=True)
class _Row:
    row: OutboxRow
    destination: str
    parked: str = ""


class FakeBooks:
    """The ports `relay.Outbox` and `transitions.Saga` over one memory.

    `before_commit` and `after_commit` run at every commit: raising there is dying there. Retries
    are due at once.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.orders: dict[UUID, OrderState] = {}
        self.paths: dict[UUID, list[Status]] = {}
        self.before_commit: Callable[[], None] = lambda: None
        self.after_commit: Callable[[], None] = lambda: None
        self._clock = clock
        self._rows: dict[int, _Row] = {}
        self._serial = 0
        self._locked: set[int] = set()

    def place(self, order: OrderState, records: Sequence[OutboxRecord]) -> None:
        """A new order with its messages."""
        self.orders[order.id] = order
        self.paths[order.id] = [order.status]
        self._tell(order, records)

    def waiting(self, destination: str | None = None) -> list[_Row]:
        """What is not delivered, parked or not."""
        return [each for each in self._rows.values() if destination in {None, each.destination}]

    @property
    def parked(self) -> list[str]:
        """The reasons of what is parked."""
        return [each.parked for each in self._rows.values() if each.parked]

    async def advance(self, wishes: Sequence[Wish]) -> list[Advance]:
        """Move orders on."""
        return self.advance_now(wishes)

    def advance_now(self, wishes: Sequence[Wish]) -> list[Advance]:
        """The same for callers that do not wait."""
        outcomes, steps = plan(wishes, self.orders, self._clock())
        self.before_commit()
        self._write(steps)
        self.after_commit()
        return outcomes

    @asynccontextmanager
    async def claim(
        self, destination: str, limit: int, *, newest_only: bool = False
    ) -> AsyncIterator["FakeBatch"]:
        """Lock the first rows of different orders for the time of the block."""
        rows = list(self._claimable(destination, newest_only=newest_only))[:limit]
        ids = {row.id for row in rows}
        self._locked |= ids
        batch = FakeBatch(rows)
        try:
            yield batch
            self.before_commit()
            self._settle(batch)
            self.after_commit()
        finally:
            self._locked -= ids

    async def state(
        self, destinations: Sequence[str], count_to: int = 10_000
    ) -> list[DestinationState]:
        """Backlog."""
        return [
            DestinationState(name, 0.0, min(len(self.waiting(name)), count_to), 0)
            for name in destinations
        ]

    def _claimable(self, destination: str, *, newest_only: bool) -> Iterator[OutboxRow]:
        lines: dict[UUID, list[_Row]] = {}
        for each in self.waiting(destination):
            lines.setdefault(each.row.order_id, []).append(each)
        for line in lines.values():
            first, newest = line[0], line[-1].row
            if first.parked or first.row.id in self._locked:
                continue
            if newest_only:
                yield replace(newest, id=first.row.id, newest_id=newest.id)
            else:
                yield first.row

    def _settle(self, batch: "FakeBatch") -> None:
        settlement = batch.settlement
        if settlement is None:
            return
        self._write(plan(batch.wishes(settlement), self.orders, settlement.at)[1])
        for row in settlement.delivered:
            destination = self._rows[row.id].destination
            for each in self.waiting(destination):
                if each.row.order_id == row.order_id and each.row.id <= row.newest_id:
                    del self._rows[each.row.id]
        for row_id, _, _ in settlement.retried:
            stored = self._rows[row_id]
            stored.row = replace(stored.row, attempts=stored.row.attempts + 1)
        for row_id, reason, _ in settlement.parked:
            self._rows[row_id].parked = reason

    def _write(self, steps: dict[UUID, Step]) -> None:
        for order_id, step in steps.items():
            order = self.orders[order_id]
            if step.status != order.status:
                self.paths[order_id].append(step.status)
            self.orders[order_id] = replace(order, status=step.status)
            self._tell(order, step.records)

    def _tell(self, order: OrderState, records: Sequence[OutboxRecord]) -> None:
        for record in records:
            self._serial += 1
            row = OutboxRow(
                self._serial,
                self._serial,
                order.id,
                record.kind,
                record.payload,
                order.trace_id,
                attempts=0,
            )
            self._rows[row.id] = _Row(row, record.destination)


class FakeBatch:
    """Claimed rows; what becomes of them is written when the claim's block ends."""

    def __init__(self, rows: Sequence[OutboxRow]) -> None:
        self.rows = rows
        self.settlement: Settlement | None = None

    async def settle(self, settlement: Settlement) -> bool:
        """Note the outcome."""
        self.settlement = settlement
        return bool(settlement.said)

    def wishes(self, settlement: Settlement) -> list[Wish]:
        """What the stock's answers mean."""
        return [
            Wish(row.order_id, partial(saga.after_stock, said)) for row, said in settlement.said
        ]
