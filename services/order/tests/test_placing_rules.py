"""The rules of placing on fakes: what needs no database."""

import asyncio
import hashlib
from datetime import UTC, datetime

import pytest
from cafe_kit.auth import Caller
from cafe_kit.errors import ConflictError, ForbiddenError, UnavailableError, UnprocessableError
from cafe_order.fakes import FakeOrders, FakePrices
from cafe_order.intake import AskedLine, AskedOrder
from cafe_order.models import StoreInput, StoreView, new_order_id
from cafe_order.placing import Placing
from cafe_order.shedding import Backlog

PLATFORM = Caller(is_service=True, key_sha256="")
TILL = Caller(is_service=False, key_sha256=hashlib.sha256(b"mine").hexdigest())
NOW = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)
STORE = StoreInput(
    name="C",
    city="Porto",
    timezone="Europe/Lisbon",
    currency="EUR",
    till_key_sha256=TILL.key_sha256,
)
KEY = "key-00000001"


@pytest.fixture
async def orders():
    orders = FakeOrders()
    await orders.put_store("corner", STORE)
    return orders


@pytest.fixture
def backlog():
    return Backlog(most=10)


@pytest.fixture
def prices():
    return FakePrices(espresso=180, cake=420)


@pytest.fixture
def placing(orders, prices, backlog):
    return Placing(orders, orders, prices, backlog=backlog, clock=lambda: NOW)


def order_of(expected=None, *, synthetic=False, **quantities):
    lines = [AskedLine(sku, quantity) for sku, quantity in quantities.items()]
    return AskedOrder("corner", lines, synthetic=synthetic, expected_total_minor=expected)


async def test_the_total_is_the_sum_of_the_price_snapshot(placing, orders):
    await placing.place(order_of(espresso=2, cake=1), KEY, PLATFORM)
    [placement] = orders.placements.values()
    assert placement.order.total_minor == 780
    assert placement.order.placed_at == NOW


async def test_a_second_request_while_the_first_commits_is_told_to_wait(placing, orders):
    orders.may_commit.clear()
    first = asyncio.create_task(placing.place(order_of(cake=1), KEY, PLATFORM))
    await orders.committing.wait()
    with pytest.raises(ConflictError) as refusal:
        await placing.place(order_of(cake=1), KEY, PLATFORM)
    assert refusal.value.slug == "request-in-flight"
    orders.may_commit.set()
    answer = await first
    again = await placing.place(order_of(cake=1), KEY, PLATFORM)
    assert (again.body, again.replayed) == (answer.body, True)


async def test_a_menu_in_another_currency_sells_nothing(placing):
    placing._prices = FakePrices("USD", espresso=180)
    with pytest.raises(ConflictError) as refusal:
        await placing.place(order_of(espresso=1), KEY, PLATFORM)
    assert refusal.value.slug == "menu-currency-differs"


async def test_the_order_of_lines_is_part_of_the_request(placing):
    await placing.place(order_of(espresso=1, cake=1), KEY, PLATFORM)
    with pytest.raises(UnprocessableError):
        await placing.place(order_of(cake=1, espresso=1), KEY, PLATFORM)


async def test_the_total_that_was_shown_is_what_is_paid(placing):
    answer = await placing.place(order_of(expected=600, espresso=1, cake=1), KEY, PLATFORM)
    assert answer.status == 201


async def test_a_price_that_has_changed_is_refused_with_the_current_prices(placing, orders):
    with pytest.raises(ConflictError) as refusal:
        await placing.place(order_of(expected=590, espresso=1, cake=1), KEY, PLATFORM)
    assert refusal.value.slug == "price-changed"
    assert refusal.value.field == "expectedTotalMinor"
    assert refusal.value.extra == {
        "currency": "EUR",
        "totalMinor": 600,
        "prices": [
            {"sku": "espresso", "name": "Espresso", "unitPriceMinor": 180},
            {"sku": "cake", "name": "Cake", "unitPriceMinor": 420},
        ],
    }
    assert orders.placements == {}


async def test_no_price_is_called_changed_by_what_we_merely_remember(orders, backlog):
    class RisingPrices:
        async def of(self, store_id, max_age_seconds=None):
            price = 180 if max_age_seconds is None else 200
            return await FakePrices(espresso=price).of(store_id)

    placing = Placing(orders, orders, RisingPrices(), backlog=backlog, clock=lambda: NOW)
    answer = await placing.place(order_of(expected=200, espresso=1), KEY, PLATFORM)
    assert answer.status == 201


async def test_an_old_answer_is_given_again_whatever_has_changed_since(placing, orders):
    first = await placing.place(order_of(expected=180, espresso=1), KEY, TILL)
    placing._prices = FakePrices(cake=420)
    orders.stores["corner"] = StoreView(
        id="corner", **{**STORE.model_dump(), "accepting_orders": False}
    )
    again = await placing.place(order_of(expected=180, espresso=1), KEY, TILL)
    assert (again.body, again.replayed) == (first.body, True)


async def test_a_menu_that_is_away_is_asked_once_and_old_answers_are_still_given(placing):
    class AwayPrices:
        asked = 0

        async def of(self, store_id, max_age_seconds=None):
            self.asked += 1
            raise UnavailableError("away", slug="menu-unavailable")

    first = await placing.place(order_of(cake=1), KEY, TILL)
    placing._prices = AwayPrices()
    assert (await placing.place(order_of(cake=1), KEY, TILL)).body == first.body
    with pytest.raises(UnavailableError) as refusal:
        await placing.place(order_of(cake=1), "key-00000002", TILL)
    assert refusal.value.slug == "menu-unavailable"
    assert placing._prices.asked == 2


async def test_a_closed_store_says_when_it_opens(placing, orders):
    closed = {**STORE.model_dump(), "accepting_orders": False, "closed_reason": "opens at 06:00"}
    orders.stores["corner"] = StoreView(id="corner", **closed)
    with pytest.raises(ConflictError) as refusal:
        await placing.place(order_of(cake=1), KEY, TILL)
    assert refusal.value.detail == "Store corner is closed: opens at 06:00."


async def test_a_new_till_key_is_known_at_once(placing, orders):
    await placing.place(order_of(cake=1), KEY, TILL)
    rotated = Caller(is_service=False, key_sha256=hashlib.sha256(b"new").hexdigest())
    orders.stores["corner"] = StoreView(
        id="corner", **{**STORE.model_dump(), "till_key_sha256": rotated.key_sha256}
    )
    answer = await placing.place(order_of(cake=1), "key-00000002", rotated)
    assert answer.status == 201


async def test_only_the_platform_places_synthetic_orders(placing):
    with pytest.raises(ForbiddenError):
        await placing.place(order_of(cake=1, synthetic=True), KEY, TILL)


async def test_no_order_is_taken_while_too_much_waits(placing, backlog, orders):
    backlog.note("kinesis", 11)
    with pytest.raises(UnavailableError) as refusal:
        await placing.place(order_of(cake=1), KEY, TILL)
    assert refusal.value.slug == "too-many-waiting"
    assert orders.placements == {}


def test_a_till_acts_only_with_its_own_key():
    assert TILL.may_act_for(hashlib.sha256(b"mine").hexdigest())
    assert not TILL.may_act_for(hashlib.sha256(b"other").hexdigest())
    assert not TILL.may_act_for(None)
    assert PLATFORM.may_act_for(None)


def test_order_ids_are_version_7_and_grow_with_time():
    ids = [new_order_id() for _ in range(50)]
    assert {order_id.version for order_id in ids} == {7}
    assert len(set(ids)) == 50
    assert ids[0].int >> 80 <= ids[-1].int >> 80
