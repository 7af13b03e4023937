"""A store goes when its orders have ended: what is paid for is made."""

import pytest
from cafe_kit.events import StoreTicket, parse_event

from services.order.tests.conftest import ORDER, SERVICE
from services.order.tests.test_ticket_queues import CORNER, url
from services.order.tests.test_tickets import register
from services.order.tests.waiting import eventually


async def end(cafe):
    """Delete the store as the operator does."""
    return await cafe.client.delete("/stores/corner", headers=SERVICE)


async def comes_to(cafe, order, status):
    async def came():
        assert await cafe.status(order) == status

    await eventually(came)


async def test_a_store_with_orders_under_way_stays_until_they_are_paid_and_ticketed(cafe):
    await register(cafe, ticketsQueue=url(CORNER))
    order = (await cafe.place("key-00000001", ORDER)).json()
    await comes_to(cafe, order, "confirmed")
    await register(cafe, ticketsQueue=url(CORNER), acceptingOrders=False)
    refused = await end(cafe)
    assert (refused.status_code, refused.json()["underWay"]) == (409, 1)
    assert "1 order is under way at store 'corner'" in refused.json()["detail"]
    cafe.answer_payment(order)
    await comes_to(cafe, order, "completed")
    assert (await end(cafe)).status_code == 204
    await cafe.drained()
    [message] = cafe.aws.queue(CORNER)
    assert isinstance(parse_event(message.body), StoreTicket)


@pytest.mark.parametrize("status", ["placed", "confirmed", "paid"])
async def test_an_order_of_each_state_before_its_end_holds_its_store(cafe, status):
    order = (await cafe.place("key-00000001", ORDER)).json()
    await comes_to(cafe, order, "confirmed")
    await cafe.rows("UPDATE orders SET status = $1 RETURNING id", status)
    assert (await end(cafe)).status_code == 409
    assert (await cafe.client.get("/stores/corner", headers=SERVICE)).status_code == 200


@pytest.mark.parametrize(
    "freed",
    [
        "status = 'cancelled'",
        "synthetic = true",
        "store_id = 'another'",
        "placed_at = now() - interval '25 hours'",
    ],
)
async def test_ended_synthetic_other_and_stuck_orders_hold_no_store(cafe, freed):
    order = (await cafe.place("key-00000001", ORDER)).json()
    await comes_to(cafe, order, "confirmed")
    assert (await end(cafe)).status_code == 409
    await cafe.rows(f"UPDATE orders SET {freed} RETURNING id")
    for _ in range(2):
        assert (await end(cafe)).status_code == 204
