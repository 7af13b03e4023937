"""Cancelling through the API: by whom, until when, and what the guest is told."""

import pytest

from services.order.tests.conftest import SERVICE, TILL_KEY
from services.order.tests.waiting import eventually

TILL = {"Authorization": f"Bearer {TILL_KEY}"}


async def cancel(cafe, order, headers=TILL):
    return await cafe.client.post(f"/orders/{order['id']}/cancel", headers=headers)


async def placed(cafe, status):
    """An order that has come to `status` by itself."""
    order = (await cafe.place("key-00000001")).json()

    async def confirmed():
        assert await cafe.status(order) == "confirmed"

    await eventually(confirmed)
    if status in {"completed", "rejected"}:
        captured = status == "completed"
        cafe.answer_payment(order, "payment.captured" if captured else "payment.declined")

        async def ended():
            assert await cafe.status(order) == status

        await eventually(ended)
    return order


@pytest.mark.parametrize("headers", [TILL, SERVICE])
async def test_a_confirmed_order_is_cancelled_by_its_till_or_the_platform(cafe, headers):
    order = await placed(cafe, "confirmed")
    answer = await cancel(cafe, order, headers)
    assert answer.status_code == 200, answer.text
    view = answer.json()
    assert view["status"] == "cancelled"
    assert [entry["status"] for entry in view["history"]] == ["placed", "confirmed", "cancelled"]
    assert view["history"][-1]["reason"]
    await cafe.drained()
    assert cafe.stock.available["corner", "espresso"] == 1000
    assert cafe.payments(order["id"]) == ["payment.requested", "payment.cancel-requested"]
    assert cafe.told(order["id"])[-1] == "order.cancelled"


async def test_cancelling_again_answers_the_same_and_changes_nothing(cafe):
    order = await placed(cafe, "confirmed")
    first = await cancel(cafe, order)
    again = await cancel(cafe, order)
    assert (again.status_code, again.json()) == (200, first.json())
    await cafe.drained()
    assert cafe.told(order["id"]).count("order.cancelled") == 1


async def test_an_order_is_cancelled_before_its_stock_is_known(cafe):
    cafe.stock.throttled = True
    order = (await cafe.place("key-00000001")).json()
    assert (await cancel(cafe, order)).json()["status"] == "cancelled"
    cafe.stock.throttled = False
    await cafe.drained()
    assert await cafe.status(order) == "cancelled"
    assert cafe.stock.available["corner", "espresso"] == 1000


@pytest.mark.parametrize(
    ("status", "slug"), [("completed", "already-paid"), ("rejected", "already-rejected")]
)
async def test_what_has_ended_is_not_cancelled(cafe, status, slug):
    order = await placed(cafe, status)
    answer = await cancel(cafe, order)
    assert answer.status_code == 409
    assert answer.json()["type"].endswith(slug)
    assert answer.json()["remedy"]
    assert await cafe.status(order) == status


async def test_another_stores_till_does_not_even_see_the_order(cafe):
    order = await placed(cafe, "confirmed")
    answer = await cancel(cafe, order, {"Authorization": "Bearer another-tills-key"})
    assert answer.status_code == 404
    assert await cafe.status(order) == "confirmed"


async def test_an_order_in_stock_and_paid_is_completed(cafe):
    order = await placed(cafe, "completed")
    await cafe.drained()
    assert cafe.told(order["id"]) == [
        "order.placed",
        "order.confirmed",
        "order.paid",
        "order.completed",
    ]
    assert cafe.stock.holds[order["id"]].status == "committed"


async def test_an_order_out_of_stock_is_rejected_with_the_reason_and_not_charged(cafe):
    body = {"storeId": "corner", "lines": [{"sku": "cake", "quantity": 2}]}
    order = (await cafe.place("key-00000001", body)).json()
    await cafe.drained()
    [entry] = await cafe.rows("SELECT status, reason FROM order_history")
    assert entry["status"] == "rejected"
    assert "cake" in entry["reason"]
    assert cafe.payments(order["id"]) == []
    assert cafe.told(order["id"]) == ["order.placed", "order.rejected"]


async def test_a_synthetic_order_is_reserved_but_sales_and_payments_never_hear_of_it(cafe):
    body = {
        "storeId": "corner",
        "lines": [{"sku": "espresso", "quantity": 2}],
        "synthetic": True,
        "customerId": "ada",
    }
    order = (await cafe.place("key-00000001", body, token=SERVICE["Authorization"][7:])).json()
    await cafe.drained()
    assert await cafe.status(order) == "confirmed"
    assert (cafe.aws.records, cafe.aws.messages, cafe.aws.tables) == ([], [], {})
    assert cafe.stock.holds[order["id"]].synthetic
    assert (await cancel(cafe, order, SERVICE)).status_code == 409
