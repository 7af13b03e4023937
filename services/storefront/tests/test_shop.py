"""What guests see and buy, before the real order service and menu."""

import json
import uuid

import httpx
import pytest
from cafe_kit.errors import UnavailableError
from cafe_menu.models import MenuInput, MenuItem
from cafe_storefront.neighbours import Neighbour

from services.order.tests.conftest import SERVICE
from services.order.tests.waiting import eventually
from services.storefront.tests.conftest import ORDER, TILL


async def test_stores_are_those_that_have_a_menu_a_page_at_a_time(world):
    item = MenuItem(sku="tea", name="Tea", price_minor=100)
    for number in range(60):
        await world.cafe.menus.put(f"plaza-{number:02}", MenuInput(currency="EUR", items=[item]))
    first = (await world.http.get("/shop/stores")).json()
    second = (await world.http.get("/shop/stores", params={"cursor": first["next"]})).json()
    assert [*first["stores"], *second["stores"]] == [
        "corner",
        *(f"plaza-{number:02}" for number in range(60)),
    ]
    assert second["next"] is None


async def test_a_guest_sees_of_a_store_what_is_a_guests_business(world):
    await world.change_store(acceptingOrders=False, closedReason="opens at 06:00 Europe/Lisbon")
    assert (await world.http.get("/shop/stores/corner")).json() == {
        "id": "corner",
        "name": "Corner",
        "city": "Porto",
        "currency": "EUR",
        "acceptingOrders": False,
        "closedReason": "opens at 06:00 Europe/Lisbon",
    }


async def test_a_guest_sees_the_menu_with_prices(world):
    menu = (await world.http.get("/shop/stores/corner/menu")).json()
    assert {item["sku"]: item["priceMinor"] for item in menu["items"]} == {
        "espresso": 180,
        "cake": 420,
    }


async def test_two_clicks_with_one_key_buy_one_coffee(world):
    first, second = await world.buy(), await world.buy()
    assert first.status_code == second.status_code == 201
    assert first.json()["id"] == second.json()["id"]
    assert await world.cafe.count("orders") == 1


async def test_an_answer_that_got_lost_buys_one_coffee_too(world):
    world.order.lose_answers = 1
    assert (await world.buy()).status_code == 201
    world.order.lose_answers = 99
    lost = await world.buy("key-of-another")
    assert (lost.status_code, lost.json()["type"].rpartition("/")[2]) == (503, "order-unavailable")
    world.order.lose_answers = 0
    assert (await world.buy("key-of-another")).status_code == 201
    assert await world.cafe.count("orders") == 2


async def test_a_guests_key_is_never_a_tills(world):
    till = await world.cafe.place("receipt-00000001")
    guest = await world.buy("receipt-00000001")
    assert till.status_code == guest.status_code == 201
    assert till.json()["id"] != guest.json()["id"]


@pytest.mark.parametrize("key", [None, "short", "x" * 101, "with space"])
async def test_without_a_key_of_the_right_form_nothing_is_ordered(world, key):
    headers = {} if key is None else {"Idempotency-Key": key}
    answer = await world.http.post("/shop/orders", json=ORDER, headers=headers)
    assert answer.status_code == 400
    assert await world.cafe.count("orders") == 0


@pytest.mark.parametrize("field", [{"synthetic": True}, {"customerId": "ada"}])
async def test_a_guest_can_order_nothing_that_only_the_platform_may(world, field):
    assert (await world.buy(**field)).status_code == 422
    assert await world.cafe.count("orders") == 0


async def test_a_total_that_is_none_any_more_is_refused_with_the_prices_of_now(world):
    answer = await world.buy(expectedTotalMinor=200)
    said = answer.json()
    assert (answer.status_code, said["type"].rpartition("/")[2]) == (409, "price-changed")
    assert said["totalMinor"] == 360
    assert "remedy" not in said


async def test_a_closed_store_says_until_when(world):
    await world.change_store(acceptingOrders=False, closedReason="opens at 06:00 Europe/Lisbon")
    said = (await world.buy()).json()
    assert said["type"].endswith("/store-closed")
    assert said["detail"] == "Store corner is closed: opens at 06:00 Europe/Lisbon."


async def test_an_order_is_followed_by_its_id_to_its_end_without_its_buyers_name(world):
    placed = (await world.cafe.place("till-key-1", {**ORDER, "customerId": "ada"})).json()

    async def confirmed():
        seen = (await world.http.get(f"/shop/orders/{placed['id']}")).json()
        assert [step["status"] for step in seen["history"]] == ["placed", "confirmed"]
        return seen

    assert "ada" not in json.dumps(await eventually(confirmed))
    world.cafe.answer_payment(placed, "payment.declined", reason="The card was declined.")

    async def rejected():
        seen = (await world.http.get(f"/shop/orders/{placed['id']}")).json()
        assert seen["status"] == "rejected"
        assert seen["history"][-1]["reason"] == "The card was declined."

    await eventually(rejected)


async def test_an_order_that_is_not_there_is_not_found(world):
    answer = await world.http.get(f"/shop/orders/{uuid.uuid4()}")
    assert answer.status_code == 404


async def test_an_order_is_cancelled_until_it_is_paid(world):
    placed = (await world.buy()).json()
    for _ in range(2):
        cancelled = await world.http.post(f"/shop/orders/{placed['id']}/cancel")
        assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    paid = await world.ticket("key-of-another")
    answer = await world.http.post(f"/shop/orders/{paid['id']}/cancel")
    assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (409, "already-paid")


async def test_who_is_silent_is_named_and_the_other_goes_on(world):
    world.order.cut = True
    away = await world.http.get("/shop/stores/corner/menu")
    assert away.status_code == 200
    bought = await world.buy()
    assert bought.status_code == 503
    assert bought.json()["type"].endswith("/order-unavailable")
    assert bought.headers["retry-after"] == "1"
    world.order.cut, world.menu.cut = False, True
    answer = await world.http.get("/shop/stores/corner/menu")
    assert answer.json()["type"].endswith("/menu-unavailable")


@pytest.mark.parametrize("status", [401, 403, 429, 500, 504])
async def test_what_is_no_fault_of_the_guest_may_pass(status):
    said = httpx.MockTransport(lambda _: httpx.Response(status, json={"type": "x/forbidden"}))
    async with httpx.AsyncClient(transport=said, base_url="http://order") as client:
        with pytest.raises(UnavailableError, match=f"does not answer .it answered {status}"):
            await Neighbour("order", client).ask("GET", "/orders/1")


async def test_the_ledger_and_the_stores_of_the_platform_are_nowhere(world):
    for path in ("/ledger", "/outbox/parked", "/stores/corner", "/orders", "/shop/customers/ada"):
        assert (await world.http.get(path, headers=SERVICE)).status_code == 404, path
        assert (await world.http.get(path, headers=TILL)).status_code == 404, path
