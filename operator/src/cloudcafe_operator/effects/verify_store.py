"""Proving the order path by buying a coffee. Called by `handlers/store.py`.

It never waits: while the confirmation is awaited it says when to look again, and the purchase is
found again by its key. A restarted operator asks about the same order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cloudcafe_operator.effects.cafe import Cafe
from cloudcafe_operator.effects.turns import Turns
from cloudcafe_operator.errors import OperatorError
from cloudcafe_operator.planning import order_path
from cloudcafe_operator.planning.order_path import NAME, Bought
from cloudcafe_operator.planning.pace import verify_after
from cloudcafe_operator.ports import Clock
from cloudcafe_operator.resources.conditions import Judgement, false
from cloudcafe_operator.resources.store_status import OrderPath

YOUNG_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Proof:
    """How it stands: the condition, what the status keeps, and when to look again.

    `young`: the purchase began just now, and its end will be worth one status write instead of two.
    """

    judgement: Judgement
    path: OrderPath | None
    after: float
    young: bool = False


@dataclass(frozen=True, slots=True)
class Customer:
    """Which coffee is bought, and as whom."""

    uid: str
    generation: int
    store_id: str
    sku: str


@dataclass(frozen=True, slots=True)
class OrderPathVerifier:
    """Buys coffee. `every`: how long a success is believed; `turns`: of the whole fleet."""

    cafe: Cafe
    clock: Clock
    every: timedelta
    turns: Turns
    fleet: Callable[[], int] = lambda: 1  # how many stores there are

    async def verify(
        self, customer: Customer, last: OrderPath | None, previous: Judgement | None
    ) -> Proof:
        """Buy, or look how the purchase stands, or repeat what is still believed."""
        if last is not None and previous is not None:
            wait = self._until_due(customer, last, self.clock.now())
            if wait > 0:
                return Proof(previous, last, wait)
        key = order_path.purchase_key(customer.uid, customer.generation, last)
        try:
            bought = await self._buy(customer, key)
        except OperatorError as error:
            return self._ended(customer, None, false(NAME, "OrderRefused", str(error)))
        now = self.clock.now()
        if order_path.ended(bought, now):
            return self._ended(customer, bought, order_path.judge_purchase(bought))
        age = order_path.age_seconds(bought, now)
        return Proof(
            order_path.pending(bought),
            last,
            order_path.poll_after(bought, now),
            young=age < YOUNG_SECONDS,
        )

    def forget(self, store_id: str) -> None:
        """A store is gone."""
        self.turns.forget(store_id)

    def _until_due(self, customer: Customer, last: OrderPath, now: datetime) -> float:
        """Return how long until the next coffee; 0: buy it, or go on with it.

        Who changed a store waits for nobody's turn.
        """
        if not order_path.is_due(last, generation=customer.generation, now=now):
            return (last.next_at - now).total_seconds()
        if last.generation != customer.generation:
            return 0.0
        return self.turns.seconds(customer.store_id)

    async def _buy(self, customer: Customer, key: str) -> Bought:
        """Place the order, or get the first answer again, and read how it stands."""
        placed, ms = await self.cafe.order(customer.store_id, customer.sku, key=key)
        return Bought(await self.cafe.find_order(placed["id"]), ms)

    def _ended(self, customer: Customer, bought: Bought | None, judgement: Judgement) -> Proof:
        now, wait = self.clock.now(), self._wait_after(customer, bought)
        path = order_path.record(bought, generation=customer.generation, now=now, wait=wait)
        return Proof(judgement, path, (path.next_at - now).total_seconds())

    def _wait_after(self, customer: Customer, bought: Bought | None) -> timedelta:
        """Return how long until the next coffee; where it must be repeated, its place is taken."""
        self.turns.forget(customer.store_id)
        if order_path.is_confirmed(bought):
            every = verify_after(self.every, stores=self.fleet())
            return order_path.believed_for(every, customer.uid)
        return order_path.retry_after(self.turns.seconds(customer.store_id))
