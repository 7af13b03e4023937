"""A storefront before a real order service, menu and queue, all in one process."""

import hashlib
import json
from dataclasses import dataclass

import httpx
import pytest
from cafe_kit.app import Application
from cafe_storefront.app import Neighbours, build
from cafe_storefront.settings import StorefrontSettings

from services.order.tests.conftest import (
    SERVICE,
    STORE,
    TILL_KEY,
    TOKEN,
    Cafe,
    furnish,
    menu_application,
    open_cafe,
)
from services.order.tests.waiting import eventually

__all__ = ["open_cafe"]

QUEUE = "cloudcafe-default_corner-orders.fifo"
TILL = {"Authorization": f"Bearer {TILL_KEY}"}
ORDER = {
    "storeId": "corner",
    "lines": [{"sku": "espresso", "quantity": 2}],
    "expectedTotalMinor": 360,
}


class Lines(httpx.AsyncBaseTransport):
    """The way to a neighbour; `cut` and it is silent, `lose_answers` and only we hear nothing."""

    def __init__(self, application):
        self._inner = httpx.ASGITransport(application)
        self.cut = False
        self.lose_answers = 0
        self.requests = []

    async def handle_async_request(self, request):
        self.requests.append((request.method, request.url.path))
        if self.cut:
            raise httpx.ConnectError("cut", request=request)
        response = await self._inner.handle_async_request(request)
        if self.lose_answers:
            self.lose_answers -= 1
            await response.aread()
            raise httpx.ReadTimeout("lost", request=request)
        return response


@dataclass
class World:
    """A storefront and what is behind it."""

    cafe: Cafe
    application: Application
    http: httpx.AsyncClient
    menu: Lines
    order: Lines

    async def buy(self, key="key-of-a-guest", **changes):
        return await self.http.post(
            "/shop/orders", json={**ORDER, **changes}, headers={"Idempotency-Key": key}
        )

    async def ticket(self, key="key-of-a-guest"):
        """Buy, pay, and wait until the ticket is on the store's queue."""
        placed = (await self.buy(key)).json()

        async def is_(status):
            assert await self.cafe.status(placed) == status

        await eventually(lambda: is_("confirmed"))
        self.cafe.answer_payment(placed)
        await eventually(lambda: is_("completed"))
        await self.cafe.drained()
        return placed

    async def board(self, what, body, headers=None, store="corner"):
        headers = TILL if headers is None else headers
        return await self.http.post(f"/board/stores/{store}/{what}", json=body, headers=headers)

    async def change_store(self, **changes):
        store = {**STORE, "ticketsQueue": f"http://sqs/000000000000/{QUEUE}", **changes}
        (
            await self.cafe.client.put("/stores/corner", json=store, headers=SERVICE)
        ).raise_for_status()

    @property
    def waiting(self):
        return [json.loads(body)["orderId"] for body in self.cafe.aws.bodies(QUEUE)]


@pytest.fixture
async def world(open_cafe, database):
    async with open_cafe(database) as cafe:
        await furnish(cafe)
        lines = {
            "menu": Lines(menu_application(cafe.menus).public),
            "order": Lines(cafe.application.public),
        }
        application = build(
            StorefrontSettings(service_token=TOKEN, store_fresh_seconds=0.001),
            Neighbours(**lines, aws=cafe.aws),
        )
        transport = httpx.ASGITransport(application.public)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as http:
            opened = World(cafe, application, http, **lines)
            await opened.change_store()
            yield opened
        for closer in application.closers:
            await closer()


def sha256(key):
    return hashlib.sha256(key.encode()).hexdigest()
