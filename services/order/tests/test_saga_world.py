"""The saga in a world where anything dies, repeats and comes late: it ends, and all books agree.

A state machine drives the real relay, destinations, rules and results consumer over neighbours in
memory. Whatever happened, once the troubles end and everything is delivered, every order has come
to an end that stock, payments, stream and the customer's list agree with.
"""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
from cafe_kit.errors import ConflictError, UnavailableError
from cafe_kit.events import PaymentResult
from cafe_kit.metrics import Metrics
from cafe_kit.sqs import SqsConsumer
from cafe_order import saga
from cafe_order.destinations import KinesisDestination, PaymentsDestination
from cafe_order.events import placed_records
from cafe_order.fake_books import FakeBooks
from cafe_order.fake_neighbours import CafeAws, FakeInventory
from cafe_order.history import HistoryDestination
from cafe_order.models import LineView, new_order_id
from cafe_order.relay import Bell, Relay, RelayMetrics
from cafe_order.resting import REST_SECONDS
from cafe_order.results import PaymentResults
from cafe_order.saga import ENDS, OrderState
from cafe_order.stock import StockDestination
from cafe_order.tickets import TicketsDestination
from cafe_order.transitions import Wish
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
PAYMENTS, RESULTS, STREAM, TABLE = "payments.fifo", "results.fifo", "orders", "orders-table"
STOCKED = {("corner", "espresso"): 100, ("corner", "cake"): 2}
PATHS = {
    ("placed", "confirmed", "paid", "completed"),
    ("placed", "confirmed", "paid", "cancelled"),
    ("placed", "confirmed", "cancelled"),
    ("placed", "confirmed", "rejected"),
    ("placed", "cancelled"),
    ("placed", "rejected"),
}
SENDS = {
    "kinesis": ["put_records"],
    "payments": ["send_message_batch"],
    "history": ["put_item", "batch_write_item"],
    "tickets": ["send_message_batch"],
}
QUEUE = "cloudcafe-default_corner-orders.fifo"


class Died(BaseException):
    """The process is gone: nothing of it gets to handle this."""


def die(*_):
    raise Died


@dataclass
class Processor:
    """The payment processor: charges what it is asked to, in each order's order, once."""

    aws: CafeAws
    declines: set = field(default_factory=set)
    states: dict = field(default_factory=dict)
    results: list = field(default_factory=list)

    def take(self, *, again=False):
        """Handle the oldest command, or all of them once more."""
        queue = self.aws.queue(PAYMENTS)
        for message in list(queue) if again else queue[:1]:
            self._handle(json.loads(message.body))
        if not again:
            del queue[:1]

    def _handle(self, command):
        order_id = command["orderId"]
        known = self.states.get(order_id)
        if command["type"] == "payment.requested" and known is None:
            declined = order_id in self.declines
            self.states[order_id] = "declined" if declined else "captured"
            self._say(command, "payment.declined" if declined else "payment.captured")
        elif command["type"] == "payment.cancel-requested" and known == "captured":
            self.states[order_id] = "refunded"
            self._say(command, "payment.refunded")
        elif command["type"] == "payment.cancel-requested" and known is None:
            self.states[order_id] = "voided"

    def _say(self, command, kind):
        result = PaymentResult(
            id=f"{command['orderId']}:{kind}",
            type=kind,
            at=NOON,
            order_id=command["orderId"],
            store_id=command["storeId"],
            currency=command["currency"],
            total_minor=command["totalMinor"],
            placed_at=datetime.fromisoformat(command["placedAt"]),
        )
        self.results.append((result.encode(), command["orderId"]))
        self.aws.put_message(RESULTS, *self.results[-1])


class World(RuleBasedStateMachine):
    """One store, its orders and everything that can go wrong on their way."""

    @initialize()
    def open(self):
        self.loop = asyncio.new_event_loop()
        self.ticks = 0
        self.rested = 0.0
        self.books = FakeBooks(self.now)
        self.stock = FakeInventory(available=dict(STOCKED))
        self.aws = CafeAws(clock=lambda: 0.0)
        self.processor = Processor(self.aws)
        self.client = httpx.AsyncClient(transport=self.stock.transport, base_url="http://stock")
        metrics = RelayMetrics(Metrics("test").registry)
        self.relays = {
            to.name: Relay(to, self.books, metrics, bell=Bell(), clock=self.now)
            for to in (
                KinesisDestination(self.aws, STREAM),
                PaymentsDestination(self.aws, PAYMENTS),
                StockDestination(self.client),
                HistoryDestination(self.aws, TABLE, linger_seconds=0.0),
                TicketsDestination(self.aws, linger_seconds=0.0, clock=self.seconds),
            )
        }
        self.consumer = SqsConsumer(
            self.aws,
            RESULTS,
            PaymentResults(self.books, wake_relay=lambda: None).handle,
            service="order",
            metrics=Metrics("test"),
        )

    def now(self):
        self.ticks += 1
        return NOON + timedelta(milliseconds=self.ticks)

    def seconds(self):
        """Fast enough that a queue has rested before it is asked again."""
        self.rested += REST_SECONDS
        return self.rested

    def run(self, work):
        try:
            return self.loop.run_until_complete(work)
        except Died:
            return None

    @rule(sku=st.sampled_from(["espresso", "cake"]), known=st.booleans(), real=st.integers(0, 5))
    def place(self, sku, known, real):
        order = OrderState(
            id=new_order_id(),
            store_id="corner",
            customer_id="ada" if known else None,
            status="placed",
            currency="EUR",
            total_minor=180,
            lines=(LineView(sku=sku, name=sku, quantity=1, unit_price_minor=180),),
            placed_at=self.now(),
            synthetic=real == 0,
            trace_id="",
            tickets_queue=f"http://sqs/0/{QUEUE}",
        )
        self.books.place(order, placed_records(order, order.customer_id, ""))

    @rule(name=st.sampled_from([*SENDS, "stock"]))
    def relay(self, name):
        self.run(self.relays[name].run_once())

    @rule(
        name=st.sampled_from([*SENDS, "stock"]),
        when=st.sampled_from(["before", "after", "before commit", "after commit"]),
    )
    def relay_dies(self, name, when):
        if "commit" in when:
            setattr(self.books, when.replace(" ", "_"), die)
        elif name == "stock":
            setattr(self.stock, when, die)
        else:
            rules = self.aws.rules if when == "before" else self.aws.after
            rules |= dict.fromkeys(SENDS[name], die)
        self.run(self.relays[name].run_once())
        self.calm()

    @rule(name=st.sampled_from([*SENDS, "stock"]), took_effect=st.booleans())
    def nobody_answers(self, name, took_effect):
        def silence(*_):
            if name == "stock":
                raise httpx.ReadTimeout("silence")
            raise UnavailableError("silence")

        if name == "stock":
            setattr(self.stock, "after" if took_effect else "before", silence)
        else:
            rules = self.aws.after if took_effect else self.aws.rules
            rules |= dict.fromkeys(SENDS[name], silence)
        self.run(self.relays[name].run_once())
        self.calm()

    @rule()
    def stock_is_throttled(self):
        self.stock.throttled = True
        self.run(self.relays["stock"].run_once())
        self.calm()

    @rule()
    def history_is_written_in_part(self):
        self.aws.leave_unprocessed = 1
        self.run(self.relays["history"].run_once())
        self.calm()

    @precondition(lambda self: self.books.orders)
    @rule(data=st.data(), when=st.sampled_from(["before", "after"]))
    def cancelled_while_the_stock_is_asked(self, data, when):
        order_id = data.draw(st.sampled_from(sorted(self.books.orders)))
        setattr(self.stock, when, lambda: self.cancel_now(order_id))
        self.run(self.relays["stock"].run_once())
        self.calm()

    @precondition(lambda self: self.books.orders)
    @rule(data=st.data())
    def cancel(self, data):
        self.cancel_now(data.draw(st.sampled_from(sorted(self.books.orders))))

    @precondition(lambda self: self.stock.holds)
    @rule(data=st.data())
    def hold_lapses(self, data):
        order_id = data.draw(st.sampled_from(sorted(self.stock.holds)))
        if not self.stock.holds[order_id].synthetic:
            self.stock.lapse(order_id)

    @precondition(lambda self: self.books.orders)
    @rule(data=st.data())
    def card_is_empty(self, data):
        self.processor.declines.add(str(data.draw(st.sampled_from(sorted(self.books.orders)))))

    @rule(again=st.booleans())
    def processor_works(self, again):
        self.processor.take(again=again)

    @precondition(lambda self: self.processor.results)
    @rule(data=st.data())
    def result_comes_once_more(self, data):
        self.aws.put_message(RESULTS, *data.draw(st.sampled_from(self.processor.results)))

    @rule()
    def results(self):
        self.run(self.consumer.run_once())

    @rule(when=st.sampled_from(["before commit", "after commit", "before delete", "after delete"]))
    def results_consumer_dies(self, when):
        if "commit" in when:
            setattr(self.books, when.replace(" ", "_"), die)
        else:
            rules = self.aws.rules if when == "before delete" else self.aws.after
            rules["delete_message_batch"] = die
        self.run(self.consumer.run_once())
        self.calm()
        self.aws.redeliver(RESULTS)

    @invariant()
    def nothing_needs_a_person(self):
        assert self.books.parked == []
        assert self.aws.queue("results-dlq.fifo") == []

    @invariant()
    def stock_is_never_negative(self):
        assert min(self.stock.available.values()) >= 0

    def teardown(self):
        if not hasattr(self, "loop"):
            return
        try:
            self.drain()
            for order in self.books.orders.values():
                self.check_end(order)
            self.check_stock()
            self.nothing_needs_a_person()
        finally:
            self.loop.run_until_complete(self.client.aclose())
            self.loop.close()

    def calm(self):
        """The troubles are over."""
        self.books.before_commit = self.books.after_commit = lambda: None
        self.stock.before = self.stock.after = lambda: None
        self.stock.throttled = False
        self.aws.rules.clear()
        self.aws.after.clear()
        self.aws.leave_unprocessed = 0

    def cancel_now(self, order_id):
        try:
            self.books.advance_now([Wish(order_id, saga.cancel)])
        except ConflictError:
            assert self.books.orders[order_id].synthetic or self.books.orders[order_id].status in {
                "paid",
                "completed",
                "rejected",
            }

    def drain(self):
        """Everything is delivered, until nothing is left to do."""
        for _ in range(50):
            for relay in self.relays.values():
                while self.run(relay.run_once()):
                    continue
            while self.aws.queue(PAYMENTS):
                self.processor.take()
            self.aws.redeliver(RESULTS)
            while self.aws.queue(RESULTS):
                self.run(self.consumer.run_once())
            if not self.books.waiting():
                return
        raise AssertionError("it never ends")

    def check_end(self, order):
        order_id = str(order.id)
        hold = self.stock.holds.get(order_id)
        path = tuple(self.books.paths[order.id])
        if order.synthetic:
            assert path in {("placed", "confirmed"), ("placed", "rejected")}
            assert self.told(order_id) == []
            assert order_id not in str(self.aws.bodies(QUEUE))
            assert order_id not in self.processor.states
            return
        assert order.status in ENDS
        assert path in PATHS
        assert self.told(order_id) == [f"order.{status}" for status in path]
        charged = self.processor.states.get(order_id)
        if order.status == "completed":
            assert (hold.status, charged) == ("committed", "captured")
        elif order.status == "cancelled":
            assert charged in {"refunded", "voided", "declined"}
        else:
            assert charged in {None, "declined"}
        if order.status != "completed":
            assert hold is None or hold.status == "released"
        tickets = [json.loads(body)["orderId"] for body in self.aws.bodies(QUEUE)]
        assert tickets.count(order_id) == (order.status == "completed")
        if order.customer_id is not None:
            [shown] = [i for i in self.aws.items(TABLE) if i["sk"]["S"].endswith(f"#{order_id}")]
            assert shown["status"]["S"] == order.status

    def check_stock(self):
        for (store, sku), opened in STOCKED.items():
            gone = sum(
                hold.lines.get(sku, 0)
                for hold in self.stock.holds.values()
                if hold.status == "committed" and not hold.synthetic
            )
            assert self.stock.available[store, sku] + gone == opened

    def told(self, order_id):
        """What the stream heard of an order; what it heard twice in a row counts once."""
        kinds = []
        for record in self.aws.records:
            event = json.loads(record["Data"])
            if event["orderId"] == order_id and kinds[-1:] != [event["type"]]:
                kinds.append(event["type"])
        return kinds


World.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestWorld = World.TestCase
