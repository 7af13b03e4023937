"""A flagship's own list of orders, and what a measured store's orders come to."""

import json

import pytest
from botocore.exceptions import ClientError
from cafe_kit.errors import ThrottledError

from services.order.tests.conftest import ORDER, SERVICE, STORE, TILL_KEY, TOKEN, furnish
from services.order.tests.waiting import eventually

TABLE = "cloudcafe-store-default.corner"
TILL = {"Authorization": f"Bearer {TILL_KEY}"}


async def register(cafe, **changes):
    answer = await cafe.client.put("/stores/corner", json=STORE | changes, headers=SERVICE)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def place(cafe, number, **changes):
    answer = await cafe.place(f"key-{number:08}", {**ORDER, **changes})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def listed(cafe, headers=TILL, **query):
    return await cafe.client.get("/stores/corner/orders", params=query, headers=headers)


async def test_a_flagships_till_sees_its_orders_as_they_are_the_newest_first(cafe):
    assert (await register(cafe, ordersTable=TABLE))["ordersTable"] == TABLE
    orders = [await place(cafe, number) for number in range(3)]
    await cafe.drained()
    cafe.answer_payment(orders[0], "payment.captured")
    await cafe.drained()
    first = (await listed(cafe, limit=2)).json()
    rest = (await listed(cafe, limit=2, cursor=first["next"])).json()
    found = [*first["orders"], *rest["orders"]]
    assert [one["orderId"] for one in found] == [one["id"] for one in reversed(orders)]
    assert [one["status"] for one in found] == ["confirmed", "confirmed", "completed"]
    assert rest["next"] is None


async def test_customers_and_stores_have_each_their_own_list(cafe):
    await register(cafe, ordersTable=TABLE)
    order = await place(cafe, 1, customerId="ada")
    await cafe.drained()
    [customers] = cafe.aws.items("cloudcafe-orders")
    [stores] = cafe.aws.items(TABLE)
    assert customers["pk"]["S"] == "CUSTOMER#ada"
    assert stores["pk"]["S"] == "STORE#corner"
    assert json.loads(stores["order"]["S"]) == json.loads(customers["order"]["S"])
    assert json.loads(stores["order"]["S"])["orderId"] == order["id"]


async def test_a_store_without_a_table_writes_no_list_and_says_so(cafe):
    await place(cafe, 1)
    await cafe.drained()
    assert cafe.aws.tables == {}
    answer = await listed(cafe)
    assert answer.status_code == 404
    assert answer.json()["type"].endswith("no-list")


async def test_when_the_tier_falls_the_list_stays_as_it_is(cafe):
    await register(cafe, ordersTable=TABLE)
    order = await place(cafe, 1)
    await cafe.drained()
    await register(cafe, ordersTable=None)
    cafe.answer_payment(order, "payment.captured")
    await place(cafe, 2)
    await cafe.drained()
    [item] = cafe.aws.items(TABLE)
    assert item["status"]["S"] == "confirmed"


async def test_a_list_is_for_its_own_till_and_the_platform(cafe):
    await register(cafe, ordersTable=TABLE)
    assert (await listed(cafe, SERVICE)).status_code == 200
    other = {"Authorization": "Bearer somebody-elses-till-key"}
    assert (await listed(cafe, other)).status_code == 404


async def test_a_synthetic_order_is_in_no_list(cafe):
    await register(cafe, ordersTable=TABLE)
    answer = await cafe.place("key-synthetic", {**ORDER, "synthetic": True}, TOKEN)
    assert answer.status_code == 201
    await cafe.drained()
    assert cafe.aws.tables == {}


async def test_a_table_that_went_with_its_store_holds_nothing_up(cafe):
    def gone(parameters):
        if parameters["TableName"] == TABLE:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "PutItem")

    await register(cafe, ordersTable=TABLE)
    cafe.aws.rules["put_item"] = gone
    await place(cafe, 1, customerId="ada")
    await cafe.drained()


async def test_a_throttled_table_of_a_store_keeps_no_customer_waiting(cafe, monkeypatch):
    monkeypatch.setattr("cafe_order.resting.REST_SECONDS", 0.1)

    def throttle(parameters):
        if parameters["TableName"] == TABLE:
            raise ThrottledError("DynamoDB", "DynamoDB throttles this service.")

    await register(cafe, ordersTable=TABLE)
    cafe.aws.rules["put_item"] = throttle
    await place(cafe, 1, customerId="ada")

    async def written():
        assert len(cafe.aws.items("cloudcafe-orders")) == 1

    await eventually(written)
    assert cafe.aws.items(TABLE) == []
    cafe.aws.rules.clear()

    async def caught_up():
        await cafe.application.workers["store-history-again"].__self__.run_once()
        assert await cafe.rows("SELECT id FROM outbox") == []

    await eventually(caught_up)
    assert len(cafe.aws.items(TABLE)) == 1


@pytest.mark.parametrize("name", ["cloudcafe-orders", "cloudcafe-store-", "x/y"])
async def test_no_other_table_can_be_named(cafe, name):
    answer = await cafe.client.put(
        "/stores/corner", json=STORE | {"ordersTable": name}, headers=SERVICE
    )
    assert answer.status_code == 422


def failures(cafe):
    return [
        (datum["Dimensions"], dict(zip(datum["Values"], datum["Counts"], strict=True)))
        for datum in cafe.aws.metric_data
        if datum["MetricName"] == "OrderFailures"
    ]


async def test_a_measured_store_tells_which_share_of_its_orders_failed(open_cafe, database):
    async with open_cafe(database) as cafe:
        await furnished(cafe, measured=True)
        await place(cafe, 1)
        refused = await cafe.place("key-refused", {**ORDER, "lines": [{"sku": "x", "quantity": 1}]})
        assert refused.status_code == 422
        cafe.application.public.state.placing._placing._backlog.note("stock", 10**9)
        assert (await cafe.place("key-shed-00", ORDER)).status_code == 503
    assert failures(cafe) == [([{"Name": "Store", "Value": "corner"}], {0.0: 2, 1.0: 1})]


async def test_a_store_that_is_not_measured_costs_no_metric(open_cafe, database):
    async with open_cafe(database) as cafe:
        await furnished(cafe)
        await place(cafe, 1)
    assert failures(cafe) == []


async def furnished(cafe, **changes):
    await furnish(cafe)
    await register(cafe, **changes)
