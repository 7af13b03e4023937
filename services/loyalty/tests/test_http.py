"""The loyalty service's HTTP: redemptions once per key, stable pages, a book for audits."""

import asyncio
from datetime import timedelta

import pytest

from services.loyalty.tests.orders import EIGHT, batch, order

DOUBLE = {"multiplier": 2, "from": "2026-11-22T00:00:00Z", "until": "2026-11-23T00:00:00Z"}
DAY = {"from": "2026-11-22T00:00:00Z", "until": "2026-11-23T00:00:00.000000Z"}


@pytest.fixture
def rich(replica):
    """Gives ada points: 4 an order."""

    async def earned(orders=25, **changes):
        events = [
            order(n, placed_at=EIGHT + timedelta(minutes=n), **changes) for n in range(orders)
        ]
        await replica.sink.absorb(batch(*events))

    return earned


async def redeem(client, points, key="key-0001", customer="ada", **body):
    return await client.post(
        f"/customers/{customer}/redemptions",
        json={"points": points, **body},
        headers={"Idempotency-Key": key},
    )


async def balance(client, customer="ada"):
    return (await client.get(f"/customers/{customer}")).json()["balance"]


async def test_a_customer_without_orders_has_no_points(client):
    assert (await client.get("/customers/nobody")).json() == {
        "customerId": "nobody",
        "balance": 0,
        "granted": 0,
        "redeemed": 0,
    }
    assert (await client.get("/customers/nobody/points")).json() == {"entries": [], "next": None}


@pytest.mark.parametrize("asked", ["team%2Fada", "team/ada"])
async def test_a_customer_with_a_slash_in_the_id_has_points_and_spends_them(client, rich, asked):
    await rich(orders=1, customer_id="team/ada")
    assert (await client.get(f"/customers/{asked}")).json()["customerId"] == "team/ada"
    assert (await redeem(client, 1, customer=asked)).status_code == 201
    points = (await client.get(f"/customers/{asked}/points")).json()
    assert [entry["points"] for entry in points["entries"]] == [1, 4]
    assert await balance(client, customer=asked) == 3


async def test_points_are_redeemed_once_per_key_with_the_same_answer(client, rich):
    await rich()
    first = await redeem(client, 30, note="a free cake")
    assert first.status_code == 201
    assert first.json()["balance"] == 70
    await redeem(client, 5, key="key-0002")
    again = await redeem(client, 30, note="a free cake")
    assert again.status_code == 201
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    assert (await client.get("/customers/ada")).json() == {
        "customerId": "ada",
        "balance": 65,
        "granted": 100,
        "redeemed": 35,
    }


async def test_a_key_with_another_body_is_refused(client, rich):
    await rich()
    await redeem(client, 30)
    for body in ({"points": 31}, {"points": 30, "note": "x"}):
        refused = await redeem(client, **body)
        assert refused.status_code == 422
        assert refused.json()["type"].endswith("/key-reused")
    assert await balance(client) == 70


async def test_a_key_is_one_customers_own(client, rich):
    await rich()
    await redeem(client, 30)
    assert (await redeem(client, 1, customer="bob")).status_code == 409


async def test_too_few_points_are_refused_and_the_key_stays_free(client, rich):
    refused = await redeem(client, 4)
    assert refused.status_code == 409
    assert refused.json()["balance"] == 0
    assert refused.json()["remedy"]
    await rich(orders=1)
    assert (await redeem(client, 4)).status_code == 201
    assert (await redeem(client, 1, key="key-0002")).status_code == 409
    assert await balance(client) == 0


async def test_many_at_once_never_take_more_than_there_is(client, rich, application):
    await rich()
    answers = await asyncio.gather(
        *(redeem(client, 7, key=f"key-{number % 20:05}") for number in range(60))
    )
    assert {answer.status_code for answer in answers} == {201, 409}
    assert await balance(client) == 100 - 14 * 7
    made = [a for a in answers if a.status_code == 201 and "idempotent-replayed" not in a.headers]
    assert len(made) == 14
    sample = application.metrics.registry.get_sample_value
    assert sample("cafe_loyalty_points_total", {"direction": "redeemed"}) == 98


async def test_the_history_is_paged_newest_first_and_stays_right_meanwhile(client, rich, replica):
    await rich(orders=5)
    await redeem(client, 6, note="tea")
    first = (await client.get("/customers/ada/points", params={"limit": 2})).json()
    await replica.sink.absorb(batch(order(77), before="1", after="2"))
    seen, cursor = first["entries"], first["next"]
    while cursor:
        page = await client.get("/customers/ada/points", params={"limit": 2, "cursor": cursor})
        seen += page.json()["entries"]
        cursor = page.json()["next"]
    assert [entry["balance"] for entry in seen] == [14, 20, 16, 12, 8, 4]
    assert (seen[0]["kind"], seen[0]["points"], seen[0]["note"]) == ("redeemed", 6, "tea")
    assert seen[1] == {
        "kind": "granted",
        "points": 4,
        "balance": 20,
        "at": "2026-11-22T08:01:00Z",
        "orderId": "order-4",
        "storeId": "corner",
        "multiplier": 1,
        "placedAt": "2026-11-22T08:04:00Z",
    }


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_the_book_shows_each_order_of_a_window_once_and_in_order(client, replica, limit):
    events = [
        order(n, placed_at=EIGHT + timedelta(minutes=25 * n), customer_id=f"c-{n % 3}")
        for n in range(10)
    ]
    await replica.sink.absorb(batch(*reversed(events)))
    window = {"from": "2026-11-22T08:25:00Z", "until": "2026-11-22T11:45:00.000000Z"}
    seen, cursors = [], {}
    while True:
        page = await client.get("/ledger", params={**window, "limit": limit, **cursors})
        seen += page.json()["entries"]
        assert len(page.json()["entries"]) <= limit
        if page.json()["next"] is None:
            break
        cursors = {"cursor": page.json()["next"]}
    assert [entry["orderId"] for entry in seen] == [f"order-{n}" for n in range(1, 9)]
    assert seen[0] == {
        "orderId": "order-1",
        "storeId": "corner",
        "customerId": "c-1",
        "points": 4,
        "multiplier": 1,
        "placedAt": "2026-11-22T08:25:00Z",
    }


async def test_the_book_of_one_store(client, replica):
    events = [order(n, store_id="corner" if n % 2 else "soho") for n in range(6)]
    await replica.sink.absorb(batch(*events))
    page = (await client.get("/ledger", params={**DAY, "storeId": "soho", "limit": 3})).json()
    assert [entry["orderId"] for entry in page["entries"]] == ["order-0", "order-2", "order-4"]


async def test_promotions_are_kept_listed_replaced_and_forgotten(client):
    path = "/promotions/double-points-day"
    assert (await client.get(path)).status_code == 404
    made = await client.put(path, json=DOUBLE)
    assert made.status_code == 200
    assert made.json() == {"name": "double-points-day", "storeId": None, **DOUBLE}
    assert (await client.get(path)).json() == made.json()
    await client.put(path, json={**DOUBLE, "multiplier": 3, "storeId": "soho"})
    await client.put("/promotions/another", json=DOUBLE)
    listed = (await client.get("/promotions")).json()["promotions"]
    assert [(one["name"], one["multiplier"]) for one in listed] == [
        ("another", 2),
        ("double-points-day", 3),
    ]
    for _ in range(2):
        assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).status_code == 404


async def test_a_promotion_doubles_what_an_order_earns(client, rich):
    await client.put("/promotions/double-points-day", json=DOUBLE)
    await rich(orders=1)
    assert await balance(client) == 8


async def test_there_are_only_so_many_promotions(client, replica, monkeypatch):
    monkeypatch.setattr("cafe_loyalty.promotions.MAX_PROMOTIONS", 2)
    statuses = [
        (await client.put(f"/promotions/{name}", json=DOUBLE)).status_code for name in "abcab"
    ]
    assert statuses == [200, 200, 409, 200, 200]


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/customers/ada/redemptions", {"points": 0}, "points"),
        ("POST", "/customers/ada/redemptions", {"points": -1}, "points"),
        ("POST", "/customers/ada/redemptions", {"points": 1.5}, "points"),
        ("POST", "/customers/ada/redemptions", {"points": "1"}, "points"),
        ("POST", "/customers/ada/redemptions", {"points": 1, "x": 1}, "x"),
        ("PUT", "/promotions/p", {**DOUBLE, "multiplier": 0}, "multiplier"),
        ("PUT", "/promotions/p", {**DOUBLE, "multiplier": 11}, "multiplier"),
        ("PUT", "/promotions/p", {**DOUBLE, "until": DOUBLE["from"]}, "body"),
        ("PUT", "/promotions/p", {**DOUBLE, "from": "2026-11-22T00:00:00"}, "from"),
        ("PUT", "/promotions/p", {**DOUBLE, "from": 5}, "from"),
        ("PUT", "/promotions/p", {**DOUBLE, "storeId": "Soho!"}, "storeId"),
        ("PUT", "/promotions/P_1", DOUBLE, "name"),
        ("GET", "/ledger?from=2026-11-22T00:00:00Z", None, "until"),
        ("GET", "/ledger?from=today&until=2026-11-22T00:00:00Z", None, "from"),
        ("GET", "/customers/ada/points?cursor=mine", None, "cursor"),
        ("GET", "/customers/ada/points?cursor=eyJiZWZvcmUiOiItMSJ9", None, "cursor"),
    ],
)
async def test_bad_input_is_refused_with_its_field(client, method, path, body, field):
    headers = {"Idempotency-Key": "key-0001"}
    refused = await client.request(method, path, json=body, headers=headers)
    assert refused.status_code == 422
    assert refused.json()["field"] == field
    assert refused.json()["remedy"]


async def test_a_redemption_needs_a_key(client):
    refused = await client.post("/customers/ada/redemptions", json={"points": 1})
    assert refused.status_code == 400
    assert refused.json()["field"] == "Idempotency-Key"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/customers/ada"),
        ("GET", "/customers/ada/points"),
        ("POST", "/customers/ada/redemptions"),
        ("GET", "/promotions"),
        ("PUT", "/promotions/p"),
        ("GET", "/promotions/p"),
        ("DELETE", "/promotions/p"),
        ("GET", "/ledger"),
    ],
)
async def test_everything_is_for_the_platform_only(client, method, path):
    client.headers.pop("Authorization")
    assert (await client.request(method, path)).status_code == 401
    client.headers["Authorization"] = "Bearer a-tills-key"
    assert (await client.request(method, path)).status_code == 403


async def test_a_memorydb_that_is_away_is_a_503_with_retry_after(client, redis_server):
    redis_server.kill()
    refused = await client.get("/customers/ada")
    redis_server.start()
    assert refused.status_code == 503
    assert refused.headers["retry-after"]
