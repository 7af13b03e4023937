"""What customers, auditors and people on duty read; what is refused when too much waits."""

import asyncio
import json
from datetime import datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from cafe_kit.errors import ThrottledError
from cafe_kit.wire import utc_now

from services.order.tests.conftest import ORDER, SERVICE, STORE, furnish
from services.order.tests.waiting import eventually

TABLE = "cloudcafe-orders"


async def place(cafe, number, **changes):
    response = await cafe.place(f"key-{number:08}", {**ORDER, **changes})
    assert response.status_code == 201, response.text
    return response.json()


async def get(cafe, path, **query):
    return await cafe.client.get(path, params=query, headers=SERVICE)


async def test_a_customer_sees_all_orders_as_they_are_the_newest_first(cafe):
    orders = [await place(cafe, number, customerId="ada") for number in range(5)]
    await place(cafe, 99, customerId="grace")
    await place(cafe, 100)
    await cafe.drained()
    cafe.answer_payment(orders[0], "payment.captured")
    await cafe.drained()
    pages, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await get(cafe, "/customers/ada/orders", **query)).json()
        pages.append([order["orderId"] for order in page["orders"]])
        cursor = page["next"]
        if cursor is None:
            break
    ids = [order["id"] for order in orders]
    assert pages == [[ids[4], ids[3]], [ids[2], ids[1]], [ids[0]]]
    [last] = page["orders"]
    assert last["status"] == "completed"
    assert last["lines"][0]["sku"] == "espresso"
    assert last["totalMinor"] == 360


async def test_a_customers_list_names_the_reason_of_the_end(cafe):
    await place(cafe, 1, customerId="ada", lines=[{"sku": "cake", "quantity": 2}])
    await cafe.drained()
    [order] = (await get(cafe, "/customers/ada/orders")).json()["orders"]
    assert order["status"] == "rejected"
    assert "cake" in order["reason"]
    [item] = cafe.aws.items(TABLE)
    assert item["sk"]["S"] == f"{order['placedAt'].replace('Z', '+00:00')}#{order['orderId']}"
    assert item["ledgerSk"] == item["sk"]
    assert item["ledgerPk"]["S"].startswith(order["placedAt"][:13] + "#")


@pytest.mark.parametrize("asked", ["team%2Fada", "team/ada"])
async def test_a_customer_with_a_slash_in_the_id_sees_the_orders(cafe, asked):
    order = await place(cafe, 1, customerId="team/ada")
    await cafe.drained()
    [listed] = (await get(cafe, f"/customers/{asked}/orders")).json()["orders"]
    assert listed["orderId"] == order["id"]


async def test_a_stranger_has_no_orders(cafe):
    assert (await get(cafe, "/customers/nobody/orders")).json() == {"orders": [], "next": None}


async def test_while_dynamodb_throttles_the_list_says_so_and_orders_are_taken(cafe):
    def throttle(_parameters):
        raise ThrottledError("DynamoDB", "DynamoDB throttles this service.")

    cafe.aws.rules["query"] = cafe.aws.rules["put_item"] = throttle
    order = await place(cafe, 1, customerId="ada")
    answer = await get(cafe, "/customers/ada/orders")
    assert answer.status_code == 503
    assert answer.json()["type"].endswith("dynamodb-throttling")
    assert int(answer.headers["retry-after"]) > 0
    cafe.aws.rules.clear()
    await cafe.drained()
    [listed] = (await get(cafe, "/customers/ada/orders")).json()["orders"]
    assert listed["orderId"] == order["id"]


async def test_a_missing_table_is_named(cafe):
    def missing(_parameters):
        raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "Query")

    cafe.aws.rules["query"] = missing
    answer = await get(cafe, "/customers/ada/orders")
    assert answer.status_code == 503
    assert answer.json()["type"].endswith("table-missing")
    assert "CAFE_ORDERS_TABLE" in answer.json()["remedy"]


@pytest.mark.parametrize("path", ["/customers/ada/orders", "/outbox/parked"])
async def test_a_cursor_that_is_not_ours_is_refused(cafe, path):
    for cursor in ("nonsense", "e30", "eyJpZCI6Ii0xIn0", "eyJzayI6MX0"):
        answer = await get(cafe, path, cursor=cursor)
        assert answer.status_code == 422
        assert answer.json()["type"].endswith("bad-cursor")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/customers/ada/orders"),
        ("GET", "/ledger"),
        ("GET", "/outbox/parked"),
        ("POST", "/outbox/redrive"),
    ],
)
async def test_tills_see_neither_customers_nor_books(cafe, method, path):
    answer = await cafe.client.request(
        method, path, headers={"Authorization": "Bearer till-key-of-the-corner-cafe"}
    )
    assert answer.status_code == 403


async def test_the_ledger_pages_through_exactly_its_window(cafe):
    orders = [await place(cafe, number) for number in range(7)]
    await cafe.place(
        "key-synthetic", {**ORDER, "synthetic": True}, token=SERVICE["Authorization"][7:]
    )
    start, end = orders[1]["placedAt"], orders[6]["placedAt"]
    seen, cursor = [], None
    while True:
        query = {"from": start, "until": end, "limit": 2}
        answer = await get(cafe, "/ledger", **query, **({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200, answer.text
        seen += answer.json()["entries"]
        cursor = answer.json()["next"]
        if cursor is None:
            break
    assert [entry["orderId"] for entry in seen] == [order["id"] for order in orders[1:6]]
    assert seen[0] | {"status": "", "updatedAt": ""} == {
        "orderId": orders[1]["id"],
        "storeId": "corner",
        "customerId": None,
        "status": "",
        "currency": "EUR",
        "totalMinor": 360,
        "lines": [{"sku": "espresso", "quantity": 2, "unitPriceMinor": 180}],
        "placedAt": start,
        "updatedAt": "",
    }


async def test_the_ledger_is_asked_for_one_store_and_says_when_an_order_last_changed(cafe):
    order = await place(cafe, 1)
    await cafe.drained()
    window = {"from": order["placedAt"], "until": (utc_now() + timedelta(hours=1)).isoformat()}
    [entry] = (await get(cafe, "/ledger", **window, storeId="corner")).json()["entries"]
    assert entry["status"] == "confirmed"
    updated, placed = (datetime.fromisoformat(entry[name]) for name in ("updatedAt", "placedAt"))
    assert placed < updated <= utc_now()
    other = await get(cafe, "/ledger", **window, storeId="elsewhere")
    assert other.json() == {"entries": [], "next": None}


async def test_a_window_without_zone_or_out_of_reach_is_refused(cafe):
    for start in ("2026-11-22T00:00:00", "0001-01-01T00:00:00+14:00", "soon"):
        answer = await get(cafe, "/ledger", **{"from": start, "until": utc_now().isoformat()})
        assert answer.status_code == 422, start


async def park(cafe, *orders):
    """Spoil the stock's messages of these orders, before anybody delivers them."""
    for order in orders:
        await cafe.rows(
            "UPDATE outbox SET payload = '{}' WHERE order_id = $1::text::uuid "
            "AND destination = 'stock' RETURNING id",
            order["id"],
        )


@pytest.fixture
async def stuck(cafe):
    """Three orders whose reservation cannot be read."""
    cafe.stock.throttled = True
    orders = [await place(cafe, number) for number in range(3)]
    payloads = await cafe.rows("SELECT id, payload FROM outbox WHERE destination = 'stock'")
    await park(cafe, *orders)
    cafe.stock.throttled = False

    async def parked():
        assert len((await get(cafe, "/outbox/parked")).json()["entries"]) == 3

    await eventually(parked)
    for row in payloads:
        await cafe.rows("UPDATE outbox SET payload = $2 WHERE id = $1", row["id"], row["payload"])
    return orders


async def test_what_is_parked_is_listed_with_its_reason_in_pages(cafe, stuck):
    first = (await get(cafe, "/outbox/parked", limit=2, destination="stock")).json()
    second = (await get(cafe, "/outbox/parked", limit=2, cursor=first["next"])).json()
    entries = [*first["entries"], *second["entries"]]
    assert [entry["orderId"] for entry in entries] == [order["id"] for order in stuck]
    assert second["next"] is None
    assert entries[0]["kind"] == "stock.reserve"
    assert "storeId" in entries[0]["reason"]
    assert entries[0]["parkedAt"]
    assert (await get(cafe, "/outbox/parked", destination="kinesis")).json()["entries"] == []


@pytest.mark.parametrize("body", [None, {}, {"destination": "stock"}])
async def test_what_was_parked_goes_on_its_way_once_it_is_put_back(cafe, stuck, body):
    answer = await cafe.client.post("/outbox/redrive", json=body, headers=SERVICE)
    assert answer.json() == {"redriven": 3}, answer.text
    await cafe.drained()
    assert {await cafe.status(order) for order in stuck} == {"confirmed"}


async def test_only_what_is_named_is_put_back(cafe, stuck):
    entries = (await get(cafe, "/outbox/parked")).json()["entries"]
    body = {"ids": [entries[1]["id"]]}
    answer = await cafe.client.post("/outbox/redrive", json=body, headers=SERVICE)
    assert answer.json() == {"redriven": 1}
    other = {"destination": "kinesis"}
    answer = await cafe.client.post("/outbox/redrive", json=other, headers=SERVICE)
    assert answer.json() == {"redriven": 0}

    async def confirmed():
        assert await cafe.status(stuck[1]) == "confirmed"

    await eventually(confirmed)
    assert await cafe.status(stuck[0]) == "placed"


async def test_too_long_a_queue_refuses_new_orders_until_it_is_shorter(open_cafe, database):
    async with open_cafe(database, most_waiting=3) as cafe:
        await furnish(cafe)
        cafe.stock.throttled = True
        for number in range(4):
            await place(cafe, number)

        async def only_the_stock_waits():
            rows = await cafe.rows("SELECT 1 FROM outbox WHERE destination <> 'stock'")
            assert rows == []

        await eventually(only_the_stock_waits)
        keeper = cafe.application.workers["outbox-state"].__self__
        await keeper.look()
        refused = await cafe.place("key-too-many-1")
        assert refused.status_code == 503
        assert refused.json()["type"].endswith("too-many-waiting")
        assert "stock" in refused.json()["detail"]
        assert int(refused.headers["retry-after"]) >= 1
        cafe.stock.throttled = False
        await cafe.drained()
        await keeper.look()
        assert (await cafe.place("key-too-many-1")).status_code == 201


async def test_a_closed_store_says_why(cafe):
    closed = {**STORE, "acceptingOrders": False, "closedReason": "opens at 06:00 Europe/Lisbon"}
    answer = await cafe.client.put("/stores/corner", json=closed, headers=SERVICE)
    assert answer.json()["closedReason"] == closed["closedReason"]
    refused = await cafe.place("key-00000001")
    assert refused.status_code == 409
    assert "opens at 06:00" in refused.json()["detail"]
    assert (await get(cafe, "/stores/corner")).json() == {
        "id": "corner", "queueLimit": None, "measured": False, "ordersTable": None,
        "ticketsQueue": None, **closed
    }  # fmt: skip


async def test_the_business_is_counted_once_an_event(cafe):
    orders = [await place(cafe, number, customerId="ada") for number in range(3)]
    await cafe.drained()
    for order, kind in zip(orders, ["captured", "declined"], strict=False):
        cafe.answer_payment(order, f"payment.{kind}")
    await cafe.drained()
    await cafe.client.post(f"/orders/{orders[2]['id']}/cancel", headers=SERVICE)
    await cafe.drained()
    await cafe.application.workers["outbox-state"].__self__.look()
    await cafe.application.workers["cloudwatch"].__self__.flush()
    sums = {each["MetricName"]: each["StatisticValues"]["Sum"] for each in cafe.aws.metric_data}
    counted = {name: value for name, value in sums.items() if name.startswith("Orders")}
    assert counted == {
        "OrdersPlaced": 3,
        "OrdersCompleted": 1,
        "OrdersRejected": 1,
        "OrdersCancelled": 1,
    }
    assert "RelayLagSeconds" in sums


async def test_a_burst_is_drained_in_full_batches(cafe):
    cafe.stock.throttled = True
    await asyncio.gather(*(cafe.place(f"key-burst-{number:04}") for number in range(200)))
    cafe.stock.calls.clear()
    cafe.stock.throttled = False
    await cafe.drained()
    asked = [each["orderId"] for call in cafe.stock.calls for each in call]
    assert len(set(asked)) == 200
    assert json.loads(cafe.aws.records[0]["Data"])["type"] == "order.placed"
    puts = [call for call in cafe.aws.calls if call[0] == "put_records"]
    assert len(puts) < 100
