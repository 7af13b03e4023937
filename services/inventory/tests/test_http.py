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


async def test_stock_that_is_held_stays_and_the_refusal_says_how_much(client):
    await client.put("/stores/corner/stock", json={"items": [{"sku": "milk", "quantity": 3}]})
    await client.put("/reservations/o-1", json={"storeId": "corner", "lines": LINES})
    refused = await client.delete("/stores/corner/stock")
    assert refused.status_code == 409
    assert refused.json()["type"] == "https://cloudcafe.dev/problems/stock-held"
    assert (refused.json()["sku"], refused.json()["reserved"]) == ("milk", 1)
    await client.post("/reservations/o-1/commit")
    assert (await client.delete("/stores/corner/stock")).status_code == 204


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


async def test_a_batch_answers_each_request_in_its_place(client):
    await client.put("/stores/corner/stock", json={"items": [{"sku": "milk", "quantity": 3}]})
    ask = {"storeId": "corner", "lines": LINES, "placedAt": "2026-11-22T08:30:00+01:00"}
    steps = [
        {"orderId": "a", "action": "reserve", **ask},
        {"orderId": "b", "action": "commit", **ask},
    ]
    answer = await client.post("/reservations:batch", json={"requests": steps})
    assert answer.status_code == 200
    first, second = answer.json()["results"]
    assert first == {"orderId": "a", "status": "reserved", "detail": None}
    assert (second["orderId"], second["status"]) == ("b", "notFound")
    window = {"from": "2026-11-22T07:00:00Z", "until": "2026-11-22T08:00:00Z"}
    entry = {
        "orderId": "a",
        "storeId": "corner",
        "status": "reserved",
        "lines": LINES,
        "placedAt": "2026-11-22T07:30:00Z",
    }
    books = await client.get("/ledger", params={**window, "storeId": "corner"})
    page = books.json()
    assert (page["entries"], page["next"]) == ([entry], None)
    assert page["keptFrom"].startswith("2026-10-18T07:")


async def test_a_batch_is_bounded(client):
    step = {"orderId": "a", "action": "reserve", "storeId": "corner", "lines": LINES}
    refused = await client.post("/reservations:batch", json={"requests": [step] * 51})
    assert (refused.status_code, refused.json()["field"]) == (422, "requests")


async def test_a_delivery_wants_its_key_and_the_levels_show_it(client, clock):
    milk = {"items": [{"sku": "milk", "quantity": 3}]}
    await client.put("/stores/corner/stock", json=milk)
    assert (await client.post("/stores/corner/stock/restock", json=milk)).status_code == 400
    for _ in range(2):
        booked = await client.post(
            "/stores/corner/stock/restock", json=milk, headers={"Idempotency-Key": "delivery-1"}
        )
        assert (booked.status_code, booked.json()["items"]) == (200, milk["items"])
    level = {"storeId": "corner", "sku": "milk", "received": 6}
    levels = await client.get("/ledger/levels")
    expected = {**level, "available": 6, "reserved": 0, "sold": 0, "moves": 0}
    expected["countedFrom"] = clock().isoformat().replace("+00:00", "Z")
    assert levels.json() == {"entries": [expected], "next": None}


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "2026-11-22T07:00:00", 5, "soon"])
async def test_a_moment_that_is_none_of_ours_is_refused(client, moment):
    body = {"storeId": "corner", "lines": LINES, "placedAt": moment}
    refused = await client.put("/reservations/o-1", json=body)
    assert (refused.status_code, refused.json()["field"]) == (422, "placedAt")


async def test_throttling_of_a_batch_is_told_order_by_order(client, in_memory):
    in_memory.table.throttled = True
    step = {"orderId": "a", "action": "reserve", "storeId": "corner", "lines": LINES}
    answer = await client.post("/reservations:batch", json={"requests": [step]})
    assert answer.status_code == 200
    assert answer.json()["results"][0]["status"] == "unavailable"


async def test_stock_of_many_stores_is_as_each_is_by_itself(client):
    for store in ("corner", "harbour"):
        await client.put(f"/stores/{store}/stock", json={"items": [{"sku": "m", "quantity": 3}]})
    ids = {"id": ["corner", "harbour", "nowhere"]}
    found = await client.get("/stocks:batch", params=ids)
    alone = {
        store: (await client.get(f"/stores/{store}/stock")).json()
        for store in ("corner", "harbour")
    }
    assert found.json() == {"found": alone, "unread": []}


async def test_stock_of_many_stores_is_for_the_platform_alone_and_bounded(client, in_memory):
    for ids in ([], [f"s{number}" for number in range(101)], ["corner", "Corner!"]):
        refused = await client.get("/stocks:batch", params={"id": ids})
        assert refused.status_code == 422
    in_memory.table.throttled = True
    throttled = await client.get("/stocks:batch", params={"id": ["corner", "harbour"]})
    assert (throttled.status_code, throttled.json()["service"]) == (503, "DynamoDB")
    client.headers["Authorization"] = "Bearer a-tills-key"
    assert (await client.get("/stocks:batch", params={"id": "corner"})).status_code == 403
