"""A store that is full sheds orders for a moment: never an accepted one, never one too few."""

import asyncio
import hashlib

import pytest
from cafe_kit.auth import Caller
from cafe_kit.errors import ForbiddenError, UnavailableError
from cafe_order.fakes import FakeOrders, FakePrices
from cafe_order.intake import AskedLine, AskedOrder
from cafe_order.models import StoreInput
from cafe_order.placing import Placing
from cafe_order.shedding import Backlog
from cafe_order.store_memory import FRESH_SECONDS, StoreMemory
from hypothesis import given, settings
from hypothesis import strategies as st

from services.order.tests.conftest import SERVICE, STORE
from services.order.tests.test_placing_rules import NOW, PLATFORM, TILL
from services.order.tests.waiting import eventually


class Till:
    """Orders at a store of a limited queue; time is the test's."""

    def __init__(self, limit):
        self.now = 0.0
        self.orders = FakeOrders()
        self.limit = limit
        self.count = 0
        self.placing = self.replica()

    def replica(self):
        made = Placing(
            self.orders,
            self.orders,
            FakePrices(espresso=180),
            backlog=Backlog(most=10),
            clock=lambda: NOW,
        )
        made.stores = StoreMemory(self.orders.known_store, clock=lambda: self.now)
        return made

    async def open(self):
        store = STORE | {"tillKeySha256": TILL.key_sha256, "queueLimit": self.limit}
        await self.orders.put_store("corner", StoreInput.model_validate(store))
        return self

    async def order(self, key=None, *, caller=TILL, synthetic=False, placing=None):
        self.count += 1
        asked = AskedOrder("corner", [AskedLine("espresso", 1)], synthetic=synthetic)
        return await (placing or self.placing).place(asked, key or f"key-{self.count:08}", caller)

    async def is_shed(self, **changes):
        try:
            await self.order(**changes)
        except UnavailableError as refusal:
            return (refusal.slug, refusal.retry_after_seconds) == ("store-queue-full", 5)
        return False

    def under_way(self):
        return self.orders.under_way("corner")

    def end(self, number):
        open_ = [one.order.id for one in self.orders.placements.values()]
        self.orders.ended |= set([one for one in open_ if one not in self.orders.ended][:number])


async def test_orders_beyond_the_limit_are_refused_for_a_moment():
    till = await Till(3).open()
    assert [await till.is_shed() for _ in range(5)] == [False, False, False, True, True]
    till.end(2)
    assert await till.is_shed()  # what was counted a moment ago still stands
    till.now += FRESH_SECONDS
    assert [await till.is_shed() for _ in range(3)] == [False, False, True]


async def test_being_asked_again_and_again_does_not_keep_the_store_full():
    till = await Till(1).open()
    await till.order()
    till.end(1)
    shed = []
    for _ in range(4):
        till.now += FRESH_SECONDS / 4
        shed.append(await till.is_shed())
    assert shed == [True, True, True, False]


async def test_an_accepted_order_gets_its_answer_while_the_store_is_full():
    till = await Till(1).open()
    first = await till.order("key-of-the-first")
    again = await till.order("key-of-the-first")
    assert (again.body, again.replayed) == (first.body, True)


async def test_a_store_without_a_limit_takes_all():
    till = await Till(None).open()
    assert not any([await till.is_shed() for _ in range(50)])


async def test_the_platforms_own_coffee_waits_in_no_queue():
    till = await Till(1).open()
    for _ in range(5):
        await till.order(caller=PLATFORM, synthetic=True)
    assert not await till.is_shed()
    await till.order(caller=PLATFORM, synthetic=True)


async def test_who_may_not_order_takes_no_place():
    till = await Till(1).open()
    stranger = Caller(is_service=False, key_sha256=hashlib.sha256(b"other").hexdigest())
    for _ in range(3):
        with pytest.raises(ForbiddenError):
            await till.order(caller=stranger)
    assert not await till.is_shed()


async def test_orders_that_come_together_do_not_pass_the_limit_together():
    till = await Till(10).open()
    shed = await asyncio.gather(*(till.is_shed() for _ in range(50)))
    assert (shed.count(False), till.under_way()) == (10, 10)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("order"), st.integers(0, 1)),
        st.tuples(st.just("end"), st.integers(1, 5)),
        st.tuples(st.just("wait"), st.sampled_from([0.3, 1.0])),
    ),
    max_size=60,
)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 6), steps)
def test_the_queue_never_passes_the_limit_by_more_than_a_replicas_second(limit, steps):
    """Each replica counts on its own: two of them let in at most twice the limit."""

    async def story():
        till = await Till(limit).open()
        replicas = [till.placing, till.replica()]
        for what, number in steps:
            if what == "end":
                till.end(number)
            elif what == "wait":
                till.now += number
            else:
                room = till.under_way() < limit
                counted = replicas[number].stores.recent("corner") is None  # this very moment
                shed = await till.is_shed(placing=replicas[number])
                assert not counted or shed != room
            assert till.under_way() <= len(replicas) * limit
        till.end(1000)
        till.now += 2 * FRESH_SECONDS
        assert not await till.is_shed()

    asyncio.run(story())


async def test_on_a_real_database_the_queue_is_counted_and_empties(cafe):
    limited = STORE | {"queueLimit": 3}
    answer = await cafe.client.put("/stores/corner", json=limited, headers=SERVICE)
    assert answer.json()["queueLimit"] == 3
    assert (await cafe.client.get("/stores/corner", headers=SERVICE)).json()["queueLimit"] == 3
    placed = []

    async def full():
        answer = await cafe.place(f"key-{len(placed):08}-first")
        if answer.status_code == 201:
            placed.append(answer.json())
        assert answer.status_code == 503

    await eventually(full)
    assert len(placed) == 3
    answer = await cafe.place("key-of-one-more")
    assert answer.json()["type"].endswith("store-queue-full")
    assert answer.headers["retry-after"] == "5"
    for order in placed:
        cafe.answer_payment(order)
    await cafe.drained()

    async def room():
        assert (await cafe.place("key-of-one-more")).status_code == 201

    await eventually(room)
