"""A world in memory around the real handler, consumer and ledger; its processes can die."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from cafe_kit.events import PaymentCommand, parse_event
from cafe_kit.metrics import Metrics
from cafe_kit.sqs import SqsConsumer
from cafe_payments.fakes import FakeClock, FakeMetrics, FakeProvider, FakeTables
from cafe_payments.guard import CardTestingGuard
from cafe_payments.handler import PaymentHandler
from cafe_payments.items import decode
from cafe_payments.models import Bounds
from cafe_payments.repository import DynamoLedger
from cafe_payments.results import SqsResults
from cafe_payments.service import Payments

START = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)
QUEUE, RESULTS, DEAD = "payments.fifo", "results.fifo", "payments-dlq.fifo"
BOUNDS = Bounds(
    call=timedelta(seconds=5), lease=timedelta(seconds=20), provider_longest=timedelta(seconds=30)
)
METRICS = Metrics("payment-processor")
LIVE = {"authorised", "captured"}
ENDS = {"captured", "declined", "voided", "refunded"}


class Died(BaseException):
    """The process is gone."""


class Life:
    """One process's life: ends at its n-th boundary, before or after an external effect."""

    def __init__(self, world, ends_at=None):
        self.world = world
        self.ends_at = ends_at
        self.boundaries = []
        self.over = asyncio.Event()
        self.at_boundary = None

    async def pass_boundary(self, name):
        if self.over.is_set() or len(self.boundaries) == self.ends_at:
            self.over.set()
            raise Died(name)
        self.world.watch(name)
        self.boundaries.append(name)
        if self.at_boundary is not None:
            await self.at_boundary(len(self.boundaries) - 1, name)


class Mortal:
    """A port whose every call is an external effect of a process."""

    def __init__(self, port, life):
        self._port = port
        self._life = life

    def hold_off_seconds(self):
        return self._port.hold_off_seconds()

    def __getattr__(self, name):
        method = getattr(self._port, name)

        async def mortal(*args, **kwargs):
            effect = args[1] if name == "call" else name
            await self._life.pass_boundary(f"before {effect}")
            answer = await method(*args, **kwargs)
            await self._life.pass_boundary(f"after {effect}")
            return answer

        return mortal


class World:
    """Queues, table, provider and time; processes come and go."""

    def __init__(self, **provider):
        self.clock = FakeClock(START)
        self.aws = FakeTables(lambda: self.seconds)
        self.provider = FakeProvider(lambda: self.seconds, **provider)
        self.metrics = FakeMetrics()
        self.told = []
        self.bounds = BOUNDS
        self.guard = CardTestingGuard(3, self.told.append)
        self.cancelled = set()
        self.violations = []

    def watch(self, boundary):
        """At each boundary: nothing is charged once a wish to cancel was written."""
        cancelled = {key for key, item in self.aws.items.items() if item["cancelRequested"]["BOOL"]}
        self.cancelled |= cancelled
        if boundary in {"before authorise", "before capture"} and self.cancelled:
            self.violations.append(f"{boundary} after it was cancelled")

    @property
    def seconds(self):
        return (self.clock.now - START).total_seconds() + 1

    def advance(self, seconds):
        self.clock.now += timedelta(seconds=seconds)

    def command(self, kind="requested", order="o-1", **changes):
        return PaymentCommand(
            id=f"{order}:payment.{kind}",
            type=f"payment.{kind}",
            at=START,
            trace_id="a" * 32,
            order_id=order,
            store_id="corner",
            currency="EUR",
            total_minor=450,
            placed_at=START,
            **changes,
        )

    def ask(self, kind="requested", order="o-1", *, group=None, **changes):
        command = self.command(kind, order, **changes)
        self.aws.put_message(QUEUE, command.encode(), group or order)

    def ask_all(self, kinds):
        """Commands of one order that no group keeps in order."""
        for number, kind in enumerate(kinds):
            self.ask(kind, group=f"group-{number}")

    async def overtake(self, at, *, seconds):
        """One process pauses at a boundary, for so long; another gets the same messages.

        Returns how many messages the first one got in the end; None when it never came so far.
        """
        paused, resume = asyncio.Event(), asyncio.Event()
        consumer, life = self.process()

        async def pause(boundary, _name):
            if boundary == at:
                paused.set()
                await resume.wait()

        life.at_boundary = pause
        first = asyncio.create_task(consumer.run_once())
        reached = asyncio.create_task(paused.wait())
        await asyncio.wait({first, reached}, return_when=asyncio.FIRST_COMPLETED)
        if not paused.is_set():
            reached.cancel()
            return None
        self.advance(seconds)
        self.aws.redeliver(QUEUE)
        second, _ = self.process()
        while await second.run_once() and self.seconds < seconds:
            continue
        resume.set()
        return await first

    def process(self, ends_at=None):
        """A new process: its consumer, and its life."""
        life = Life(self, ends_at)
        aws, provider = Mortal(self.aws, life), Mortal(self.provider, life)
        handler = PaymentHandler(
            Payments(
                DynamoLedger(aws, "payments", linger_seconds=0),
                provider,
                self.bounds,
                guard=self.guard,
                counts=self.metrics,
                clock=self.clock,
            ),
            SqsResults(aws, RESULTS),
        )
        consumer = SqsConsumer(
            aws, QUEUE, handler.handle, service="payment-processor", metrics=METRICS
        )
        return consumer, life

    async def live(self, consumer, life):
        """Let a process handle one batch, or die; how many messages it got."""
        running = asyncio.create_task(consumer.run_once())
        ending = asyncio.create_task(life.over.wait())
        await asyncio.wait({running, ending}, return_when=asyncio.FIRST_COMPLETED)
        if not life.over.is_set():
            ending.cancel()
            return await running
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.gather(running, ending, return_exceptions=True)
        return None

    async def drain(self, *, seconds=300):
        """New processes until the queue is empty, each as soon as there is something to do."""
        end = self.seconds + seconds
        while queue := self.aws.queue(QUEUE):
            if self.seconds > end:
                raise AssertionError(f"not drained: {self.aws.bodies(QUEUE)}")
            self.advance(max(min(message.visible_at for message in queue) - self.seconds, 0))
            if not await self.live(*self.process()):
                self.advance(1)

    def entry(self, order="o-1"):
        item = self.aws.items.get(f"ORDER#{order}")
        return decode(item) if item else None

    def results(self, order="o-1"):
        """Types of the results sent for an order, in their order, each once."""
        events = [parse_event(body) for body in self.aws.bodies(RESULTS)]
        return [event.type for event in events if event.order_id == order]

    def complaints(self, order="o-1", *, in_order=True):
        """What the books and the world disagree about."""
        found = list(self.violations)
        entry = self.entry(order)
        charges = self.provider.charges.get(order, [])
        live = [charge for charge in charges if charge.state in LIVE]
        if self.provider.captures.get(order, 0) > 1:
            found.append("captured twice")
        if entry is None or not entry.settled:
            return [*found, f"not settled: {entry}"]
        if len(live) != (entry.state == "captured"):
            found.append(f"ledger {entry.state}, provider {charges}")
        if entry.charge_id is not None:
            named = {charge.charge_id: charge.state for charge in charges}
            if named.get(entry.charge_id) != entry.state:
                found.append(f"ledger {entry}, provider {charges}")
        told = self.results(order)
        if f"payment.{entry.state}" not in (told[-1:] if in_order else told):
            found.append(f"ledger {entry.state}, told {told}")
        if self.aws.queue(DEAD):
            found.append(f"parked {self.aws.bodies(DEAD)}")
        by_id = {}
        for sent in self.aws.messages:
            body = by_id.setdefault(sent["MessageDeduplicationId"], sent["MessageBody"])
            if body != sent["MessageBody"]:
                found.append(f"two results of one id: {body} {sent['MessageBody']}")
        return found


@pytest.fixture
def new_world():
    return World
