"""What a whole fleet buys to prove that it can: never more than the pace, also while nothing sells.

The moments are simulated for thousands of stores; each buys when its proof says so.
"""

import heapq
from bisect import bisect_left
from datetime import timedelta
from itertools import pairwise

import pytest
from cloudcafe_operator.effects.turns import purchases
from cloudcafe_operator.effects.verify_store import Customer, OrderPathVerifier
from cloudcafe_operator.errors import Unavailable
from cloudcafe_operator.planning.order_path import RETRY
from cloudcafe_operator.planning.pace import ORDERS_AT_ONCE, ORDERS_PER_MINUTE

from tests.fakes import FakeClock

EVERY = timedelta(minutes=5)
HALF_HOUR = 1800.0
PER_SECOND = ORDERS_PER_MINUTE / 60.0
SAVED_UP = ORDERS_AT_ONCE + RETRY.total_seconds() * PER_SECOND  # places in line not used at once


class Shop:
    """Stands in for Cafe: sells, or is away; `asked` is when somebody wanted to buy."""

    def __init__(self, clock):
        self.clock = clock
        self.away = lambda _store_id: False
        self.asked = []
        self.sold = []

    async def order(self, store_id, _sku, *, key):
        self.asked.append((self.clock.monotonic(), store_id))
        if self.away(store_id):
            raise Unavailable("the order service is away")
        self.sold.append((self.clock.monotonic(), store_id))
        return {"id": key}, 1.0

    async def find_order(self, number):
        at = self.clock.now().isoformat()
        history = [{"status": "placed", "at": at}, {"status": "confirmed", "at": at}]
        return {"id": number, "status": "confirmed", "placedAt": at, "history": history}


class Fleet:
    """So many stores, and what each one's status says of its last coffee."""

    def __init__(self, stores):
        self.clock = FakeClock()
        self.began = self.clock.monotonic()
        self.shop = Shop(self.clock)
        self.stores = stores
        self.restart()
        self.known = dict.fromkeys(range(stores), (None, None))
        self.due = [(self.began + number / 20.0, number) for number in range(stores)]

    def restart(self):
        """Begin anew, with nothing in memory."""
        turns, stores = purchases(self.clock), self.stores
        self.verifier = OrderPathVerifier(self.shop, self.clock, EVERY, turns, lambda: stores)

    async def go(self, seconds):
        end = self.clock.monotonic() + seconds
        while self.due[0][0] <= end:
            at, number = heapq.heappop(self.due)
            self.clock.advance(max(0.0, at - self.clock.monotonic()))
            heapq.heappush(self.due, (self.clock.monotonic() + await self._look(number), number))
        self.clock.advance(end - self.clock.monotonic())

    async def _look(self, number):
        customer = Customer(f"uid-{number}", 1, f"lisbon.store-{number}", "espresso")
        proof = await self.verifier.verify(customer, *self.known[number])
        self.known[number] = (proof.path, proof.judgement)
        return max(0.001, proof.after)

    def most_in_a_minute(self, since):
        """Return the most purchases that were wanted in any minute from a moment on."""
        moments = [at for at, _ in self.shop.asked if at >= since]
        return max(bisect_left(moments, at + 60.0) - n for n, at in enumerate(moments))

    def proved(self):
        return sum(1 for _, judgement in self.known.values() if judgement[1] == "True")


@pytest.fixture
async def proved():
    """A large fleet, all of whose stores bought their first coffee long ago."""
    fleet = Fleet(stores=3000)
    await fleet.go(HALF_HOUR)
    fleet.shop.asked.clear()
    return fleet


def most_allowed():
    return ORDERS_PER_MINUTE + SAVED_UP


@pytest.mark.parametrize("share", [1, 2, 10], ids=["all", "half", "a tenth"])
async def test_proofs_and_repeated_purchases_together_keep_the_pace(proved, share):
    proved.shop.away = lambda store_id: int(store_id.rpartition("-")[2]) % share == 0
    await proved.go(HALF_HOUR)
    assert proved.most_in_a_minute(0.0) <= most_allowed()
    assert len(proved.shop.asked) <= HALF_HOUR * PER_SECOND + SAVED_UP


async def test_a_restart_while_nothing_sells_keeps_the_pace(proved):
    proved.shop.away = lambda _store_id: True
    await proved.go(HALF_HOUR)
    proved.restart()
    since = proved.clock.monotonic()
    await proved.go(300.0)
    assert proved.most_in_a_minute(since) <= most_allowed()


@pytest.mark.parametrize("stores", [1, 20, 70])
async def test_a_few_stores_try_again_every_fifteen_seconds(stores):
    fleet = Fleet(stores)
    fleet.shop.away = lambda _store_id: True
    await fleet.go(600.0)
    for number in range(stores):
        moments = [at for at, store_id in fleet.shop.asked if store_id == f"lisbon.store-{number}"]
        gaps = [later - at for at, later in pairwise(moments)]
        assert max(gaps) <= RETRY.total_seconds() + 1.0


async def test_one_store_that_cannot_sell_is_tried_soon_in_a_large_fleet_too(proved):
    proved.shop.away = lambda store_id: store_id == "lisbon.store-7"
    await proved.go(HALF_HOUR)
    moments = [at for at, store_id in proved.shop.asked if store_id == "lisbon.store-7"]
    gaps = [later - at for at, later in pairwise(moments)]
    assert max(gaps) <= 60.0


async def test_that_it_sells_again_is_noticed_at_once_and_all_are_proved_at_the_pace(proved):
    proved.shop.away = lambda _store_id: True
    await proved.go(HALF_HOUR)
    assert proved.proved() == 0
    proved.shop.away = lambda _store_id: False
    proved.shop.sold.clear()
    since = proved.clock.monotonic()
    await proved.go(proved.stores / PER_SECOND + RETRY.total_seconds())
    assert proved.shop.sold[0][0] - since < 2.0
    assert proved.proved() == proved.stores
    assert proved.most_in_a_minute(since) <= most_allowed()


async def test_a_changed_store_waits_for_nobody(proved):
    proved.shop.away = lambda _store_id: True
    await proved.go(HALF_HOUR)
    number = len(proved.shop.asked)
    changed = Customer("uid-7", 2, "lisbon.store-7", "espresso")
    await proved.verifier.verify(changed, *proved.known[7])
    assert len(proved.shop.asked) == number + 1
