"""The demo's barista finishes what waits, and leaves what somebody holds."""

import asyncio
from types import SimpleNamespace

import httpx
import pytest
from cafe_menu.models import MenuInput
from cafe_storefront.app import Neighbours, build
from cafe_storefront.barista import MOST_TAKES, Barista
from cafe_storefront.settings import StorefrontSettings

from services.order.tests.conftest import TOKEN
from services.order.tests.waiting import eventually


@pytest.fixture
def barista(world):
    state = world.application.public.state
    return Barista(state.shop, state.board._stores, state.board._queues, every_seconds=0.01)


async def test_all_that_waits_at_a_store_is_finished(world, barista):
    for number in range(12):
        await world.ticket(f"key-number-{number}")
    assert await barista.round(asyncio.Event()) == 12
    assert world.waiting == []


class NeverEmpty:
    """The queue of a store that sells faster than anybody makes coffee."""

    def __init__(self):
        self.takes = 0

    async def take(self, _queue, _most):
        self.takes += 1
        return [SimpleNamespace(receipt="one")]

    async def done(self, _queue, receipts):
        return len(receipts)


async def test_a_store_that_sells_all_the_time_keeps_no_other_waiting(world, barista):
    barista._queues = NeverEmpty()
    assert await asyncio.wait_for(barista.round(asyncio.Event()), 30) == MOST_TAKES


async def test_what_a_board_holds_stays_its_own(world, barista):
    order = await world.ticket()
    await world.board("take", {})
    assert await barista.round(asyncio.Event()) == 0
    assert world.waiting == [order["id"]]


async def test_a_store_that_cannot_be_served_keeps_no_other_waiting(world, barista):
    item = {"currency": "EUR", "items": [{"sku": "tea", "name": "Tea", "priceMinor": 100}]}
    await world.cafe.menus.put("aaa-without-a-store", MenuInput.model_validate(item))
    await world.ticket()
    assert await barista.round(asyncio.Event()) == 1


async def test_the_worker_outlives_a_round_in_which_all_are_away(world, barista):
    await world.ticket()
    world.menu.cut = world.order.cut = True
    stopping = asyncio.Event()
    asked = len(world.menu.requests)
    working = asyncio.create_task(barista.run(stopping))

    async def refused_twice():
        assert len([one for one in world.menu.requests[asked:] if one[1] == "/menus"]) > 1

    await eventually(refused_twice)
    world.menu.cut = world.order.cut = False

    async def finished():
        assert world.waiting == []

    await eventually(finished)
    stopping.set()
    await working


@pytest.mark.parametrize(("seconds", "works"), [(0.0, False), (60.0, True)])
async def test_it_works_only_where_the_settings_say_so(seconds, works):
    nobody = httpx.MockTransport(lambda _: httpx.Response(503))
    settings = StorefrontSettings(service_token=TOKEN, barista_seconds=seconds)
    application = build(settings, Neighbours(menu=nobody, order=nobody))
    assert ("barista" in application.workers) == works
    for closer in application.closers:
        await closer()
