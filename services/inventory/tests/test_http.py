"""The inventory's HTTP: strict input, problem documents, throttling named."""

import httpx
import pytest
from cafe_inventory.endpoints import router
from cafe_kit.app import build_application
from cafe_kit.settings import KitSettings

TOKEN = "service-token-for-tests"
LINES = [{"sku": "milk", "quantity": 1}]


@pytest.fixture
async def client(in_memory):
    application = build_application("inventory", "t", KitSettings(service_token=TOKEN), [router])
    application.public.state.service = in_memory.service
    application.public.state.ledger = in_memory.ledger
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(application.public),
        base_url="http://inventory",
        headers={"Authorization": f"Bearer {TOKEN}"},
    ) as opened:
        yield opened


async def test_a_reservation_is_made_read_and_settled(client):
    par = {"items": [{"sku": "milk", "quantity": 3}]}
    stock = await client.put("/stores/corner/stock", json=par)
    milk = {"sku": "milk", "onHand": 3, "reserved": 0, "available": 3, "lowAt": 0}
    assert stock.json() == {"items": [milk], "next": None}
    made = await client.put("/reservations/o-1", json={"storeId": "corner", "lines": LINES})
    assert made.status_code == 200
    assert made.json()["status"] == "reserved"
    assert made.json() == (await client.get("/reservations/o-1")).json()
    assert (await client.post("/reservations/o-1/commit")).json()["status"] == "committed"
    assert (await client.post("/reservations/o-1/release")).status_code == 409


async def test_out_of_stock_names_the_item(client):
    refused = await client.put("/reservations/o-1", json={"storeId": "corner", "lines": LINES})
    assert refused.status_code == 409
    problem = refused.json()
    assert problem["type"] == "https://cloudcafe.dev/problems/out-of-stock"
    assert problem["sku"] == "milk"
    assert problem["remedy"]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/stores/corner/stock", {"items": [{"sku": "m", "quantity": -1}]}, "items[0].quantity"),
        ("/stores/corner/stock", {"items": [{"sku": "m", "quantity": 10**9}]}, "items[0].quantity"),
        ("/stores/corner/stock", {"items": [{"sku": "", "quantity": 1}]}, "items[0].sku"),
        ("/stores/Corner!/stock", {"items": []}, "store_id"),
        ("/reservations/o-1", {"storeId": "corner", "lines": []}, "lines"),
        ("/reservations/o-1", {"storeId": "corner", "lines": LINES, "x": 1}, "x"),
    ],
)
async def test_bad_input_is_refused_with_its_field(client, path, body, field):
    refused = await client.put(path, json=body)
    assert refused.status_code == 422
    assert refused.json()["field"] == field
    assert refused.json()["remedy"]


async def test_nothing_is_open_to_strangers(client):
    client.headers.pop("Authorization")
    assert (await client.get("/stores/corner/stock")).status_code == 401
    client.headers["Authorization"] = "Bearer a-tills-key"
    assert (await client.get("/stores/corner/stock")).status_code == 403


async def test_throttling_is_a_503_that_names_dynamodb(client, in_memory):
    in_memory.table.throttled = True
    refused = await client.put("/reservations/o-1", json={"storeId": "corner", "lines": LINES})
    assert refused.status_code == 503
    assert refused.headers["retry-after"]
    assert refused.json()["title"] == "DynamoDB throttling"
    assert refused.json()["service"] == "DynamoDB"
