"""What guests see of faults before tables, streams and queues: all is taken, some of it later."""

import asyncio
import uuid

import pytest

from tests.consequences.guests import says_try_again, within

# the first of them starts the whole cafe
pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


async def test_a_throttled_table_refuses_stock_while_orders_are_taken_and_confirmed_later(
    guest, broken
):
    async def refused():
        return says_try_again(await guest.reserve())

    async with broken("04-dynamodb-throttle"):
        await within(refused, "a reservation to be throttled")
        order = await guest.ordered()
    await within(lambda: guest.is_("completed", order), "the order of the outage")
    assert (await guest.reserve()).is_success


async def test_behind_a_throttled_stream_points_and_sales_are_late_and_counted_once(guest, broken):
    customer = f"guest-{uuid.uuid4()}"
    sold = await settled(guest)
    async with broken("12-kinesis-throttle"):
        order = await guest.ordered(customer)
        await within(lambda: guest.is_("completed", order), "the order, paid all the same")
        await asyncio.sleep(1.0)  # ten times what an event takes
        assert (await guest.points(customer), await guest.sold()) == (0, sold)
    points = await within(lambda: guest.points(customer), "the points")
    await within(lambda: has_sold(guest, sold + 1), "the sale")
    assert await guest.points(customer) == points


async def settled(guest):
    """Return how many sales the report counts once those of earlier tests have come in."""
    customer = f"guest-{uuid.uuid4()}"
    before = await within(guest.sold, "a report")
    await guest.ordered(customer)
    await within(lambda: guest.points(customer), "the points of the last order")
    await within(lambda: has_sold(guest, before + 1), "the last sale")
    return await guest.sold()


async def has_sold(guest, orders):
    return (await guest.sold() or 0) >= orders


@pytest.mark.parametrize("stem", ["09-lambda-concurrency-zero", "11-sqs-backlog"])
async def test_while_nobody_takes_payments_orders_wait_for_theirs_and_are_paid_after(
    guest, broken, stem
):
    async with broken(stem):
        order = await within(guest.unpaid, "an order that nobody charges")
        assert (await guest.get("payment-processor", f"/payments/{order}")).status_code == 404
    await within(lambda: guest.is_("completed", order), "its payment")
    payment = (await guest.get("payment-processor", f"/payments/{order}")).json()
    assert payment["orderId"] == order
