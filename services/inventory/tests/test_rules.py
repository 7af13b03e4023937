"""Whatever happens to stock, in whatever order: the counters add up and nothing goes below zero.

One machine of rules, for the table in memory and, with fewer examples, for DynamoDB's.
"""

import itertools

import pytest
from cafe_inventory.books import DynamoBooks, Window
from cafe_inventory.dynamo import Table
from cafe_inventory.models import BatchItem, ParInput, ReservationInput, RestockInput
from cafe_inventory.repository import DynamoStock
from cafe_kit.aws import Aws
from cafe_kit.errors import CafeError
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from .conftest import Inventory

NUMBERS = itertools.count()
PAR = {"milk": 12, "cake": 6, "tea": 0}

orders = st.integers(0, 7)
wants = st.dictionaries(st.sampled_from(sorted(PAR)), st.integers(1, 5), min_size=1, max_size=3)
steps = st.tuples(
    st.sampled_from(["reserve", "reserve", "commit", "release"]), orders, wants, st.booleans()
)
END = {"commit": "committed", "release": "released"}


class Machine(RuleBasedStateMachine):
    """What the books say must follow from what was answered."""

    def __init__(self, inventory, run):
        super().__init__()
        self.inventory, self.run_it = inventory, run
        self.store = f"rules-{next(NUMBERS)}"
        self.received = dict(PAR)
        self.answered = {}
        par = [{"sku": sku, "quantity": n} for sku, n in PAR.items()]
        run(inventory.put_par(self.store, ParInput(items=par)))

    def order(self, number):
        return f"{self.store}-{number}"

    def lines(self, wanted):
        return [{"sku": sku, "quantity": n} for sku, n in wanted.items()]

    def refused_for(self, refusal, *reasons):
        assert refusal.slug in reasons

    def note(self, order, status):
        if status in {"reserved", "committed", "released"}:
            self.answered.setdefault(order, []).append(status)

    @rule(number=orders, wanted=wants, synthetic=st.booleans())
    def reserve(self, number, wanted, synthetic):
        request = ReservationInput(
            storeId=self.store, lines=self.lines(wanted), synthetic=synthetic
        )
        order = self.order(number)
        try:
            view = self.run_it(self.inventory.reserve(order, request))
        except CafeError as refusal:
            self.refused_for(refusal, "out-of-stock", "reservation-differs")
        else:
            self.note(order, view.status)

    @rule(number=orders, action=st.sampled_from(["commit", "release"]))
    def settle(self, number, action):
        order = self.order(number)
        try:
            view = self.run_it(getattr(self.inventory, action)(order))
        except CafeError as refusal:
            self.refused_for(refusal, "not-found", "reservation-settled")
        else:
            assert view.status == END[action]
            self.note(order, view.status)

    @rule(asked=st.lists(steps, min_size=1, max_size=12))
    def batch(self, asked):
        requests = [
            BatchItem(
                orderId=self.order(number),
                action=action,
                storeId=self.store,
                lines=self.lines(wanted),
                synthetic=synthetic,
            )
            for action, number, wanted, synthetic in asked
        ]
        results = self.run_it(self.inventory.service.batch(requests))
        for request, result in zip(requests, results, strict=True):
            assert result.order_id == request.order_id
            assert result.status != "unavailable"
            if request.action != "reserve":
                assert result.status not in {"reserved", "outOfStock"}
            self.note(result.order_id, result.status)

    @rule(sku=st.sampled_from(sorted(PAR)), quantity=st.integers(1, 4), times=st.integers(1, 2))
    def restock(self, sku, quantity, times):
        key = f"delivery-{next(NUMBERS)}"
        body = RestockInput(items=[{"sku": sku, "quantity": quantity}])
        for _ in range(times):
            self.run_it(self.inventory.service.restock(self.store, key, body))
        self.received[sku] += quantity

    @rule(minutes=st.sampled_from([1, 16]))
    def time_passes(self, minutes):
        self.inventory.clock.advance(minutes=minutes)

    @rule()
    def sweep(self):
        self.run_it(self.inventory.sweep())
        now = self.inventory.clock()
        found = self.run_it(self.inventory.table.reservations(self.mine()))
        assert all(
            each.status != "reserved" or each.held_until > now
            for each in found.values()
            if not each.synthetic
        )

    @invariant()
    def the_counters_add_up(self):
        books = {}
        found = self.run_it(self.inventory.table.reservations(self.mine())).values()
        for each in found:
            if each.synthetic:
                continue
            for line in each.lines:
                total = books.setdefault(line.sku, {})
                total[each.status] = total.get(each.status, 0) + line.quantity
        for level in self.run_it(self.inventory.levels(self.store)):
            total = books.get(level.sku, {})
            assert level.available >= 0
            assert level.reserved == total.get("reserved", 0)
            assert level.sold == total.get("committed", 0)
            assert level.received == self.received[level.sku]
            assert level.received == level.available + level.reserved + level.sold

    @invariant()
    def what_left_the_house_never_comes_back(self):
        found = self.run_it(self.inventory.table.reservations(self.mine()))
        for order, answers in self.answered.items():
            if "committed" in answers:
                assert found[order].status == "committed"

    def teardown(self):
        clock = self.inventory.clock
        window = Window(clock().replace(year=2020), clock().replace(year=2030), self.store)
        real = {
            order
            for order, each in self.run_it(self.inventory.table.reservations(self.mine())).items()
            if not each.synthetic
        }
        if hasattr(self.inventory.table, "kept"):
            page = self.run_it(self.inventory.ledger.page(window, None, 1000))
            assert {entry.order_id for entry in page.entries} == real

    def mine(self):
        return [self.order(number) for number in range(8)]


def test_the_rules_hold_in_memory(in_memory, run):
    run_state_machine_as_test(
        lambda: Machine(in_memory, run),
        settings=settings(max_examples=25, stateful_step_count=20, deadline=None, database=None),
    )


@pytest.fixture
def sync_on_dynamodb(aws_environment, inventory_table, clock, run):
    aws = Aws("eu-west-1", 4)
    table = Table(aws, inventory_table)
    yield Inventory(DynamoStock(table), DynamoBooks(table), clock)
    run(aws.close())


def test_the_rules_hold_on_dynamodb(sync_on_dynamodb, run):
    run_state_machine_as_test(
        lambda: Machine(sync_on_dynamodb, run),
        settings=settings(max_examples=2, stateful_step_count=10, deadline=None, database=None),
    )
