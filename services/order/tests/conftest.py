"""A whole order service on a real PostgreSQL, with its neighbours in the same process."""

import hashlib
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import httpx
import pytest
from cafe_kit.app import Application, build_application
from cafe_kit.events import PaymentResult
from cafe_kit.settings import KitSettings
from cafe_kit.wire import utc_now
from cafe_menu.endpoints import router as menu_router
from cafe_menu.fakes import FakeMenus
from cafe_menu.models import MenuInput, MenuItem
from cafe_menu.service import MenuService
from cafe_order.app import Neighbours, build
from cafe_order.fake_neighbours import CafeAws, FakeInventory
from cafe_order.settings import OrderSettings

from services.order.tests.waiting import eventually

RESULTS = "cloudcafe-payment-results.fifo"
TOKEN = "service-token-for-tests"
SERVICE = {"Authorization": f"Bearer {TOKEN}"}
TILL_KEY = "till-key-of-the-corner-cafe"
STORE = {
    "name": "Corner",
    "city": "Porto",
    "timezone": "Europe/Lisbon",
    "currency": "EUR",
    "tier": "standard",
    "acceptingOrders": True,
    "tillKeySha256": hashlib.sha256(TILL_KEY.encode()).hexdigest(),
}
ORDER = {"storeId": "corner", "lines": [{"sku": "espresso", "quantity": 2}]}


def payment_result(order, kind, **changes):
    """What the payment processor says about an order (as the API shows it)."""
    facts = {
        "id": f"{order['id']}:{kind}",
        "type": kind,
        "at": utc_now(),
        "order_id": order["id"],
        "store_id": order["storeId"],
        "currency": order["currency"],
        "total_minor": order["totalMinor"],
        "placed_at": datetime.fromisoformat(order["placedAt"]),
    }
    return PaymentResult(**(facts | changes))


@dataclass
class Cafe:
    """An order service and what it talks to."""

    application: Application
    client: httpx.AsyncClient
    dsn: str
    menus: FakeMenus
    stock: FakeInventory
    aws: CafeAws

    async def place(self, key, body=ORDER, token=TILL_KEY, **headers):
        return await self.client.post(
            "/orders",
            content=json.dumps(body),
            headers={
                "Content-Type": "application/json",
                "Idempotency-Key": key,
                "Authorization": f"Bearer {token}",
                **headers,
            },
        )

    def answer_payment(self, order, kind="payment.captured", **changes):
        """The payment processor's word about an order, put on its queue."""
        result = payment_result(order, kind, **changes)
        return self.aws.put_message(RESULTS, result.encode(), order["id"])

    async def status(self, order):
        rows = await self.rows("SELECT status FROM orders WHERE id = $1::text::uuid", order["id"])
        return rows[0]["status"]

    async def drained(self):
        """Nothing waits: not in the outbox, not on the queue of results."""

        async def empty():
            assert self.aws.queue(RESULTS) == []
            assert await self.count("outbox") == 0

        await eventually(empty)

    def told(self, order_id):
        """The types of what the stream heard of an order."""
        events = [json.loads(record["Data"]) for record in self.aws.records]
        return [event["type"] for event in events if event["orderId"] == order_id]

    def payments(self, order_id):
        """The types of what the payment processor heard of an order."""
        commands = [json.loads(entry["MessageBody"]) for entry in self.aws.messages]
        return [command["type"] for command in commands if command["orderId"] == order_id]

    async def rows(self, sql, *arguments):
        connection = await asyncpg.connect(self.dsn)
        try:
            return [dict(row) for row in await connection.fetch(sql, *arguments)]
        finally:
            await connection.close()

    async def count(self, table):
        return (await self.rows(f"SELECT count(*) AS n FROM {table}"))[0]["n"]


def menu_application(menus):
    application = build_application("menu", "menu", KitSettings(service_token=TOKEN), [menu_router])
    application.public.state.service = MenuService(menus)
    return application


@pytest.fixture
def open_cafe(postgres):
    """A context manager that opens a cafe on a database, by any port (a proxy's, say)."""

    @asynccontextmanager
    async def opened(database, *, port=None, menus=None, stock=None, aws=None, **settings):
        menus, stock, aws = menus or FakeMenus(), stock or FakeInventory(), aws or CafeAws()
        transports = Neighbours(
            menu=httpx.ASGITransport(menu_application(menus).public),
            inventory=stock.transport,
            aws=aws,
        )
        application = build(
            OrderSettings(
                service_token=TOKEN,
                database_url=postgres.dsn(database, port),
                relay_idle_seconds=0.05,
                history_linger_seconds=0.01,
                tickets_linger_seconds=0.01,
                drain_timeout_seconds=3,
                **settings,
            ),
            transports,
        )
        transport = httpx.ASGITransport(application.public)
        async with (
            application.running(),
            httpx.AsyncClient(transport=transport, base_url="http://order") as client,
        ):
            yield Cafe(application, client, postgres.dsn(database), menus, stock, aws)

    return opened


@pytest.fixture
async def cafe(open_cafe, database):
    """One open cafe named `corner` that sells espresso and cake."""
    async with open_cafe(database) as opened:
        await furnish(opened)
        yield opened


async def furnish(cafe):
    """The store, its menu and its stock."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    response = await cafe.client.put("/stores/corner", json=STORE, headers=headers)
    assert response.status_code == 200, response.text
    menu = MenuInput(
        currency="EUR",
        items=[
            MenuItem(sku="espresso", name="Espresso", price_minor=180),
            MenuItem(sku="cake", name="Cake", price_minor=420),
        ],
    )
    await cafe.menus.put("corner", menu)
    cafe.stock.available.update({("corner", "espresso"): 1000, ("corner", "cake"): 1})


@pytest.fixture
def cafe_aws():
    """An AWS in memory."""
    return CafeAws()
