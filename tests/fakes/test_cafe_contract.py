"""Looks at many stores through the services' own endpoints: path, ids and answer fit together."""

import asyncio
from types import SimpleNamespace

import httpx
import pytest
from cafe_inventory import endpoints as inventory
from cafe_inventory.fakes import FakeStock
from cafe_inventory.models import ParInput
from cafe_inventory.service import InventoryService
from cafe_kit.app import build_application
from cafe_kit.settings import KitSettings
from cafe_menu import endpoints as menu
from cafe_menu.fakes import FakeMenus
from cafe_menu.models import MenuInput
from cafe_menu.service import MenuService
from cafe_order import endpoints as order
from cafe_order.models import StoreView
from cafe_order.service import OrderService
from cloudcafe_operator.effects.cafe import Cafe
from cloudcafe_operator.effects.cafe_looks import CafeLooks
from cloudcafe_operator.ports import HttpAnswer

from tests.fakes import FakeClock

TOKEN = "service-token-for-tests"
NAMES = ("default.corner", "default.harbour")
STORE = {"name": "N", "city": "Porto", "timezone": "UTC", "currency": "EUR"}


async def services():
    """The three services with two stores, in memory."""
    stores = {name: StoreView(id=name, **STORE) for name in NAMES}

    async def known(ids):
        return [stores[one] for one in ids if one in stores]

    async def one(store_id):
        return stores.get(store_id)

    menus, stock = FakeMenus(), FakeStock()
    for name in NAMES:
        items = [{"sku": "espresso", "name": "Espresso", "priceMinor": 180}]
        await menus.put(name, MenuInput.model_validate({"currency": "EUR", "items": items}))
        par = {"items": [{"sku": "espresso", "quantity": 3}]}
        await stock.put_par(name, ParInput.model_validate(par).items, FakeClock().now())
    orders = SimpleNamespace(stores=known, store=one)
    rules = {
        "order": (order.router, OrderService(orders, None, wake_relay=None)),
        "menu": (menu.router, MenuService(menus)),
        "inventory": (
            inventory.router,
            InventoryService(stock, None, None, hold=None, notes=None),
        ),
    }
    found = {}
    for host, (router, service) in rules.items():
        application = build_application(host, "t", KitSettings(service_token=TOKEN), [router])
        application.public.state.service = service
        found[host] = httpx.AsyncClient(transport=httpx.ASGITransport(application.public))
    return found


class Wire:
    """Implements ports.Http over applications; keeps what was asked for."""

    def __init__(self, clients):
        self.clients = clients
        self.asked = []

    async def request(self, method, url, *, body=None, headers=None, timeout_seconds=2.0):
        self.asked.append(url)
        client = self.clients[httpx.URL(url).host]
        answer = await client.request(method, url, json=body, headers=headers)
        return HttpAnswer(answer.status_code, 1.0, answer.content)


@pytest.mark.parametrize("part", ["store", "menu", "stock"])
async def test_many_stores_are_read_from_the_real_endpoint_as_each_is_alone(part):
    wire = Wire(await services())
    cafe = Cafe(wire, "http://order", "http://menu", "http://inventory", TOKEN)
    names = (*NAMES, "default.nowhere")
    looks = CafeLooks(cafe, FakeClock())
    found = await asyncio.gather(*(looks.get(name, part) for name in names))
    assert len(wire.asked) == 1
    assert found == [await cafe.get(name, part) for name in names]
    assert [one is None for one in found] == [False, False, True]
