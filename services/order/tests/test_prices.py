"""Prices: fresh for seconds, older while the menu is away, never for ever, fetched once."""

import asyncio

import httpx
import pytest
from cafe_kit.errors import ConflictError, UnavailableError
from cafe_order.prices import MenuPrices

MENU = {"currency": "EUR", "items": [{"sku": "tea", "name": "Tea", "priceMinor": 200}]}


class MenuServer:
    """A menu service that tests steer."""

    def __init__(self):
        self.calls = 0
        self.status = 200
        self.menu = MENU
        self.away = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, request):
        self.calls += 1
        await self.gate.wait()
        if self.away:
            raise httpx.ConnectError("refused")
        return httpx.Response(self.status, json=self.menu)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def server():
    return MenuServer()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def prices(server, clock):
    transport = httpx.MockTransport(server)
    async with httpx.AsyncClient(transport=transport, base_url="http://menu") as client:
        yield MenuPrices(client, fresh_seconds=3, stale_seconds=60, clock=clock)


async def test_a_fresh_list_is_not_fetched_again(prices, server, clock):
    first = await prices.of("corner")
    clock.now = 2.9
    assert await prices.of("corner") is first
    assert server.calls == 1


async def test_a_new_price_is_seen_within_seconds(prices, server, clock):
    await prices.of("corner")
    server.menu = {**MENU, "items": [{"sku": "tea", "name": "Tea", "priceMinor": 250}]}
    clock.now = 3.1
    assert (await prices.of("corner")).items["tea"].price_minor == 250


async def test_an_older_list_serves_while_the_menu_is_away_but_not_for_ever(prices, server, clock):
    first = await prices.of("corner")
    server.away = True
    clock.now = 59
    assert await prices.of("corner") is first
    clock.now = 61
    with pytest.raises(UnavailableError):
        await prices.of("corner")


async def test_an_absent_menu_is_not_asked_for_every_order(prices, server, clock):
    await prices.of("corner")
    server.away = True
    clock.now = 10
    for _ in range(20):
        await prices.of("corner")
    assert server.calls == 2


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_a_failing_menu_is_unavailable(prices, server, status):
    server.status = status
    with pytest.raises(UnavailableError):
        await prices.of("corner")


async def test_an_answer_that_is_no_menu_is_unavailable(prices, server):
    server.menu = {"items": "none"}
    with pytest.raises(UnavailableError):
        await prices.of("corner")


async def test_a_store_without_a_menu_says_what_to_do(prices, server):
    server.status = 404
    with pytest.raises(ConflictError) as refusal:
        await prices.of("corner")
    assert "PUT /stores/corner/menu" in refusal.value.remedy


async def test_many_orders_at_once_fetch_once_and_survive_one_of_them_leaving(prices, server):
    server.gate.clear()
    waiting = [asyncio.create_task(prices.of("corner")) for _ in range(10)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting[0].cancel()
    server.gate.set()
    lists = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(lists[0], asyncio.CancelledError)
    assert len({id(prices) for prices in lists[1:]}) == 1
    assert server.calls == 1


async def test_a_menu_that_hangs_does_not_hold_up_orders_that_have_a_list(prices, server, clock):
    first = await prices.of("corner")
    server.gate.clear()
    clock.now = 10
    assert await asyncio.wait_for(prices.of("corner"), 1) is first
    server.gate.set()
