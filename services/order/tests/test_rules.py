"""The rules of ordering on fakes: what needs no database."""

import asyncio
import hashlib
from datetime import UTC, datetime

import pytest
from cafe_kit.auth import Caller
from cafe_kit.errors import ConflictError, UnprocessableError
from cafe_order.events import Decision, decided_records, placed_records
from cafe_order.fakes import FakeOrders, FakePrices
from cafe_order.models import LineView, OrderInput, OrderPlaced, StoreInput, new_order_id
from cafe_order.service import OrderService

PLATFORM = Caller(is_service=True, key_sha256="")
NOW = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)


@pytest.fixture
def orders():
    return FakeOrders()


@pytest.fixture
def rings():
    return []


@pytest.fixture
async def service(orders, rings):
    service = OrderService(
        orders,
        FakePrices(espresso=180, cake=420),
        clock=lambda: NOW,
        wake_relay=lambda: rings.append("ring"),
        keep_key_hours=48,
    )
    store = StoreInput(name="C", city="Porto", timezone="Europe/Lisbon", currency="EUR")
    await service.put_store("corner", store)
    return service


def order_of(**quantities):
    lines = [{"sku": sku, "quantity": quantity} for sku, quantity in quantities.items()]
    return OrderInput(storeId="corner", lines=lines)


async def test_the_total_is_the_sum_of_the_price_snapshot(service, orders, rings):
    await service.place(order_of(espresso=2, cake=1), "key-00000001", PLATFORM)
    [placement] = orders.placements.values()
    assert placement.order.total_minor == 780
    assert placement.order.placed_at == NOW
    assert rings == ["ring"]


async def test_a_second_request_while_the_first_commits_is_told_to_wait(service, orders):
    orders.may_commit.clear()
    first = asyncio.create_task(service.place(order_of(cake=1), "key-00000001", PLATFORM))
    await orders.committing.wait()
    with pytest.raises(ConflictError) as refusal:
        await service.place(order_of(cake=1), "key-00000001", PLATFORM)
    assert refusal.value.slug == "request-in-flight"
    orders.may_commit.set()
    answer = await first
    again = await service.place(order_of(cake=1), "key-00000001", PLATFORM)
    assert (again.body, again.replayed) == (answer.body, True)


async def test_a_menu_in_another_currency_sells_nothing(service):
    service._prices = FakePrices("USD", espresso=180)
    with pytest.raises(ConflictError) as refusal:
        await service.place(order_of(espresso=1), "key-00000001", PLATFORM)
    assert refusal.value.slug == "menu-currency-differs"


async def test_the_order_of_lines_is_part_of_the_request(service):
    await service.place(order_of(espresso=1, cake=1), "key-00000001", PLATFORM)
    with pytest.raises(UnprocessableError):
        await service.place(order_of(cake=1, espresso=1), "key-00000001", PLATFORM)


def test_a_till_acts_only_with_its_own_key():
    mine = hashlib.sha256(b"mine").hexdigest()
    till = Caller(is_service=False, key_sha256=mine)
    assert till.may_act_for(mine)
    assert not till.may_act_for(hashlib.sha256(b"other").hexdigest())
    assert not till.may_act_for(None)
    assert PLATFORM.may_act_for(None)


def test_order_ids_are_version_7_and_grow_with_time():
    ids = [new_order_id() for _ in range(50)]
    assert {order_id.version for order_id in ids} == {7}
    assert len(set(ids)) == 50
    assert ids[0].int >> 80 <= ids[-1].int >> 80


def placed(*, synthetic):
    return OrderPlaced(
        id=new_order_id(),
        store_id="corner",
        status="placed",
        currency="EUR",
        total_minor=180,
        lines=[LineView(sku="espresso", name="Espresso", quantity=1, unit_price_minor=180)],
        placed_at=NOW,
        synthetic=synthetic,
    )


@pytest.mark.parametrize("synthetic", [True, False])
def test_only_real_orders_are_told_to_sales(synthetic):
    records = placed_records(placed(synthetic=synthetic), None, "t")
    destinations = [record.destination for record in records]
    assert destinations == (["stock"] if synthetic else ["kinesis", "stock"])


def test_a_decision_is_followed_by_what_it_entails():
    facts = {"orderId": "o", "synthetic": False}
    confirmed = decided_records(facts, Decision("confirmed"), NOW)
    assert [r.kind for r in confirmed] == ["order.confirmed", "payment.requested", "stock.commit"]
    rejected = decided_records(facts, Decision("rejected", "no cake"), NOW)
    assert [r.kind for r in rejected] == ["order.rejected"]
    assert "no cake" in rejected[0].payload
    assert decided_records({**facts, "synthetic": True}, Decision("confirmed"), NOW) == ()
