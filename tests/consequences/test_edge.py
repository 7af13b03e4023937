"""What guests, tills and the card provider see of faults at the doors of the cafe."""

import httpx
import pytest

from tests.consequences.guests import within

# the first of them starts the whole cafe
pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
NOBODYS = "/orders/00000000-0000-0000-0000-000000000000"


async def test_without_its_rule_orders_are_not_routed_while_menus_still_are(guest, broken):
    assert (await guest.get("customers", NOBODYS)).status_code == 404
    async with broken("01-alb-routing-failure"):
        answer = await guest.get("customers", NOBODYS)
        assert answer.status_code == 503
        assert "slug" not in answer.text
        assert (await guest.menu("customers")).status_code == 200
        assert (await guest.order()).status_code == 201
    assert (await guest.order(door="customers")).status_code == 201


async def test_tills_without_a_target_are_turned_away_and_come_back_by_themselves(guest, broken):
    async def is_turned_away():
        try:
            await guest.order(door="tills")
        except httpx.TransportError:
            return True
        return False

    assert (await guest.order(door="tills")).status_code == 201
    async with broken("17-nlb-target-loss"):
        await within(is_turned_away, "the end of what was open while the targets drained")
        assert (await guest.order()).status_code == 201
    await within(lambda: guest.order(door="tills"), "a till to be served")


async def test_a_throttled_api_turns_the_card_provider_away_while_orders_are_paid(guest, broken):
    async def calls_back():
        return (await guest.post("api", "/provider/callbacks", {})).status_code

    known = await calls_back()
    assert known != 429
    async with broken("18-api-gateway-throttle"):
        assert await calls_back() == 429
        await within(guest.is_served, "coffee, paid without a callback")
    assert await calls_back() == known
