"""What goes wrong while the customers order: one trouble after the other, in a seeded order.

A trouble breaks, holds for a moment, and mends. Each is the worst of its kind: nobody says goodbye.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.crash.orders.aws_faults import Fault
from tests.crash.orders.cafe import Cafe

HOLD_S = 1.5
Trouble = Callable[[Cafe, random.Random], Awaitable[None]]


async def a_till_dies(cafe: Cafe, chance: random.Random) -> None:
    """With it, its relay: between sending and marking, sooner or later."""
    await cafe.restart(chance.choice(["order-1", "order-2"]))


async def inventory_dies(cafe: Cafe, chance: random.Random) -> None:
    """Between the transaction and its answer."""
    await cafe.restart("inventory")


async def a_payment_processor_dies(cafe: Cafe, chance: random.Random) -> None:
    """Between the charge and the ledger; its messages come again to the other one."""
    await cafe.restart(chance.choice(["payment-processor-1", "payment-processor-2"]))


async def a_consumer_dies(cafe: Cafe, chance: random.Random) -> None:
    """Between what it wrote and its position."""
    await cafe.restart(chance.choice(["loyalty", "analytics-worker"]))


async def postgresql_fails_over(cafe: Cafe, chance: random.Random) -> None:
    """All connections cut, also in the middle of a commit; new ones refused for a while."""
    await cafe.database.refuse()
    await asyncio.sleep(HOLD_S)
    await cafe.database.allow()


async def postgresql_hangs(cafe: Cafe, chance: random.Random) -> None:
    """Connections stay open and nothing comes: what was committed is unknown."""
    cafe.database.swallow()
    await asyncio.sleep(HOLD_S)
    cafe.database.flow()
    await cafe.database.cut()


async def _while_aws(cafe: Cafe, service: str, fault: Fault) -> None:
    cafe.aws.faults[service] = fault
    await asyncio.sleep(HOLD_S)
    del cafe.aws.faults[service]


async def dynamodb_throttles(cafe: Cafe, chance: random.Random) -> None:
    """Nine of ten calls."""
    await _while_aws(cafe, "dynamodb", Fault(throttled=0.9))


async def dynamodb_loses_answers(cafe: Cafe, chance: random.Random) -> None:
    """Transactions that happened and were not heard of."""
    await _while_aws(cafe, "dynamodb", Fault(unanswered=0.3))


async def kinesis_throttles_and_loses_answers(cafe: Cafe, chance: random.Random) -> None:
    """Records that are in the stream, and are sent again."""
    await _while_aws(cafe, "kinesis", Fault(throttled=0.5, unanswered=0.3))


async def sqs_loses_answers(cafe: Cafe, chance: random.Random) -> None:
    """Messages received, deleted or sent, and nobody knows: they come again."""
    await _while_aws(cafe, "sqs", Fault(throttled=0.1, unanswered=0.3))


async def the_provider_charges_and_hangs(cafe: Cafe, chance: random.Random) -> None:
    """It takes the money and does not answer; and it has forgotten the idempotency keys."""
    await cafe.break_provider(
        timeoutAfterChargeShare=0.3,
        errorShare=0.1,
        declineShare=0.05,
        hangSeconds=3,
        forgetKeys=True,
    )
    await asyncio.sleep(HOLD_S)
    await cafe.break_provider()


TROUBLES: tuple[Trouble, ...] = (
    a_till_dies,
    inventory_dies,
    a_payment_processor_dies,
    a_consumer_dies,
    postgresql_fails_over,
    postgresql_hangs,
    dynamodb_throttles,
    dynamodb_loses_answers,
    kinesis_throttles_and_loses_answers,
    sqs_loses_answers,
    the_provider_charges_and_hangs,
)


@dataclass
class Gremlins:
    """Make trouble until the customers have left, each kind at least once."""

    cafe: Cafe
    seed: int
    done: Counter[str] = field(default_factory=Counter)

    async def run(self, customers: asyncio.Task[None]) -> None:
        """One trouble at a time, a breath between them."""
        chance = random.Random(self.seed)
        waiting: list[Trouble] = []
        while not customers.done() or len(self.done) < len(TROUBLES):
            if not waiting:
                waiting = chance.sample(TROUBLES, len(TROUBLES))
            trouble = waiting.pop()
            await trouble(self.cafe, chance)
            self.done[trouble.__name__.replace("_", " ")] += 1
            await asyncio.sleep(chance.uniform(0.1, 0.5))
