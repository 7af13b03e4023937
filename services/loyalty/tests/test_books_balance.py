"""Any sequence of orders, redeliveries, crashes and redemptions: the books balance.

A model of what must hold runs beside the real sink and the real scripts on a real Redis.
"""

import asyncio

import hypothesis.strategies as st
from cafe_kit.kinesis import PositionMovedError
from cafe_kit.redis import RedisStore
from cafe_loyalty.ledger import Window
from cafe_loyalty.models import Redeemed, RedemptionInput, RedemptionView
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.loyalty.tests.conftest import Replica
from services.loyalty.tests.orders import EIGHT, SHARD, batch, order
from services.loyalty.tests.test_grants import CrashError, Crashing

CUSTOMERS = ("ada", "bob")
STEPS = (("book", "index"), ("points", "grant"), ("positions", "advance"))
HOUR = EIGHT.replace(hour=9)


class Books(RuleBasedStateMachine):
    """Two replicas read one shard, each from where it thinks that it is."""

    url = ""

    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.store = RedisStore(self.url, name="memorydb")
        self.do(self.store.client.flushall())
        self.replicas = [Replica(self.store), Replica(self.store)]
        self.stream = []
        self.at = [0, 0]
        self.spent = {}  # customer and key → points
        self.answers = {}

    def do(self, call):
        async def called():
            return await call

        return self.runner.run(called())

    def teardown(self):
        self.do(self.store.close())
        self.runner.close()

    @rule(customer=st.sampled_from([*CUSTOMERS, None]), total=st.integers(0, 2000))
    def an_order_completes(self, customer, total):
        number = len(self.stream)
        self.stream.append(order(number, customer_id=customer, total_minor=total))

    @precondition(lambda self: self.stream)
    @rule(number=st.integers(0, 100))
    def the_same_fact_is_told_again(self, number):
        self.stream.append(self.stream[number % len(self.stream)])

    @rule(
        which=st.integers(0, 1),
        size=st.integers(1, 5),
        crash=st.none() | st.tuples(st.sampled_from(STEPS), st.booleans(), st.integers(0, 3)),
    )
    def a_replica_reads(self, which, size, crash):
        begin = self.at[which]
        end = min(begin + size, len(self.stream))
        if begin == end:
            return
        replica = self.replicas[which]
        sink = replica.sink
        if crash is not None:
            (part, method), after, first = crash
            how = {"after": after, "first": first if part != "positions" and first else None}
            sink = replica.sink_with(**{part: Crashing(getattr(replica, part), method, **how)})
        before = str(begin) if begin else None
        events = self.stream[begin:end]
        try:
            self.do(sink.absorb(batch(*events, before=before, after=str(end))))
            self.at[which] = end
        except (CrashError, PositionMovedError):
            self.at[which] = int(self.do(replica.sink.positions()).get(SHARD, 0))

    @rule(
        customer=st.sampled_from(CUSTOMERS),
        key=st.sampled_from(["key-0001", "key-0002", "key-0003", "key-0004"]),
        points=st.integers(1, 20),
    )
    def a_customer_redeems(self, customer, key, points):
        asked = RedemptionInput(points=points)
        wanted = RedemptionView(
            redemption_id=f"{len(self.answers)}",
            customer_id=customer,
            points=points,
            balance=0,
            at=EIGHT,
            note=None,
        )
        balance = self.do(self.replicas[0].balance(customer))
        outcome = self.do(self.replicas[0].points.redeem(wanted, key, asked.digest))
        known = self.answers.get((customer, key))
        if known is not None:
            assert outcome == Redeemed(known.view, known.digest, replayed=True)
        elif isinstance(outcome, Redeemed):
            assert points <= balance
            assert outcome.view.balance == balance - points
            self.spent[customer, key] = points
            self.answers[customer, key] = outcome
        else:
            assert balance == outcome.balance < points

    @invariant()
    def each_customer_has_what_the_books_say(self):
        self.do(self.judge())

    async def judge(self):
        replica = self.replicas[0]
        book = (await replica.ledger.page(Window(EIGHT, HOUR, None), None, 1000)).entries
        assert len({entry.order_id for entry in book}) == len(book)
        totals = {event.order_id: event.total_minor for event in self.stream}
        assert all(entry.points == totals[entry.order_id] // 100 for entry in book)
        position = int((await replica.sink.positions()).get(SHARD, 0))
        due = {event.order_id for event in self.stream[:position] if event.customer_id}
        assert due <= {entry.order_id for entry in book}
        for customer in CUSTOMERS:
            view = await replica.points.balance(customer)
            granted = sum(entry.points for entry in book if entry.customer_id == customer)
            spent = sum(points for (who, _), points in self.spent.items() if who == customer)
            assert (view.granted, view.redeemed) == (granted, spent)
            assert view.balance == granted - spent >= 0
            history, _ = await replica.points.history(customer, None, 1000)
            assert (history[0].balance if history else 0) == view.balance


def test_the_books_balance_whatever_happens(redis_server, monkeypatch):
    monkeypatch.setattr(Books, "url", redis_server.url)
    case = Books.TestCase
    case.settings = settings(
        max_examples=15,
        stateful_step_count=12,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    case("runTest").runTest()
