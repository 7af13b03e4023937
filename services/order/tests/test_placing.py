"""Placing orders against a real PostgreSQL: exactly once, priced, refused with a reason."""

import asyncio

import asyncpg
import pytest
from cafe_menu.models import MenuInput, MenuItem

from services.order.tests.conftest import ORDER, STORE, TOKEN, furnish
from services.order.tests.waiting import eventually

SERVICE = {"Authorization": f"Bearer {TOKEN}"}


async def test_an_order_is_priced_and_answered_with_its_lines(cafe):
    response = await cafe.place("key-00000001")
    assert response.status_code == 201, response.text
    order = response.json()
    assert order["totalMinor"] == 360
    assert order["status"] == "placed"
    assert order["lines"] == [
        {"sku": "espresso", "name": "Espresso", "quantity": 2, "unitPriceMinor": 180}
    ]


async def test_the_same_key_and_body_get_the_same_bytes_and_one_order(cafe):
    first = await cafe.place("key-00000001")
    again = await cafe.place("key-00000001")
    assert again.status_code == 201
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert await cafe.count("orders") == 1


async def test_many_requests_with_one_key_at_once_make_exactly_one_order(cafe):
    responses = await asyncio.gather(*(cafe.place("key-00000001") for _ in range(24)))
    statuses = {response.status_code for response in responses}
    assert statuses <= {201, 409}
    assert len({r.content for r in responses if r.status_code == 201}) == 1
    assert await cafe.count("orders") == 1
    assert await cafe.count("order_lines") == 1
    assert await cafe.count("idempotency_keys") == 1


async def test_the_same_key_with_another_body_is_refused(cafe):
    await cafe.place("key-00000001")
    other = {**ORDER, "lines": [{"sku": "espresso", "quantity": 3}]}
    response = await cafe.place("key-00000001", other)
    assert response.status_code == 422
    assert response.json()["field"] == "Idempotency-Key"
    assert await cafe.count("orders") == 1


async def open_another(cafe, name):
    opened = await cafe.client.put(f"/stores/{name}", json=STORE, headers=SERVICE)
    assert opened.status_code == 200, opened.text
    espresso = MenuItem(sku="espresso", name="Espresso", price_minor=180)
    await cafe.menus.put(name, MenuInput(currency="EUR", items=[espresso]))


async def test_tills_of_two_stores_may_use_the_same_keys(cafe):
    await open_another(cafe, "plaza")
    elsewhere = {**ORDER, "storeId": "plaza"}
    at_once = await asyncio.gather(
        *(cafe.place("order-00000017", body) for body in (ORDER, elsewhere) * 3)
    )
    assert {answer.status_code for answer in at_once} <= {201, 409}
    for store, body in (("corner", ORDER), ("plaza", elsewhere)):
        again = await cafe.place("order-00000017", body)
        assert again.status_code == 201, again.text
        assert again.json()["storeId"] == store
        assert again.headers["idempotent-replayed"] == "true"
    assert await cafe.count("orders") == 2


async def test_a_key_of_a_release_that_kept_no_store_with_it_still_buys_once(cafe):
    await open_another(cafe, "plaza")
    first = await cafe.place("order-00000017")
    await cafe.rows("UPDATE idempotency_keys SET key = 'order-00000017' RETURNING key")
    again = await cafe.place("order-00000017")
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    other = {**ORDER, "lines": [{"sku": "espresso", "quantity": 3}]}
    assert (await cafe.place("order-00000017", other)).status_code == 422
    elsewhere = await cafe.place("order-00000017", {**ORDER, "storeId": "plaza"})
    assert elsewhere.status_code == 201
    assert "idempotent-replayed" not in elsewhere.headers
    assert await cafe.count("orders") == 2


async def test_the_longest_key_fits_beside_the_longest_store_id(cafe):
    name = "s" * 128
    await open_another(cafe, name)
    answer = await cafe.place("k" * 128, {**ORDER, "storeId": name})
    assert answer.status_code == 201, answer.text


async def test_spelling_a_body_differently_is_still_the_same_request(cafe):
    first = await cafe.place("key-00000001")
    spelled = {"lines": ORDER["lines"], "storeId": "corner", "customerId": None}
    assert (await cafe.place("key-00000001", spelled)).content == first.content


async def test_a_key_whose_first_request_is_uncommitted_is_in_flight(cafe):
    holder = await asyncpg.connect(cafe.dsn)
    async with holder.transaction():
        await holder.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "corner:key-00000001"
        )
        response = await cafe.place("key-00000001")
        assert response.status_code == 409
        assert response.json()["type"].endswith("request-in-flight")
    await holder.close()
    assert (await cafe.place("key-00000001")).status_code == 201


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"storeId": "nowhere"}, 404, "storeId"),
        ({"lines": [{"sku": "tea", "quantity": 1}]}, 422, "lines[0].sku"),
        ({"lines": [{"sku": "espresso", "quantity": 0}]}, 422, "lines[0].quantity"),
        ({"lines": [{"sku": "espresso", "quantity": -1}]}, 422, "lines[0].quantity"),
        ({"lines": [{"sku": "espresso", "quantity": 51}]}, 422, "lines[0].quantity"),
        ({"lines": [{"sku": "espresso", "quantity": 10**30}]}, 422, "lines[0].quantity"),
        ({"lines": [{"sku": "espresso", "quantity": "2"}]}, 422, "lines[0].quantity"),
        ({"lines": [{"sku": "espresso", "quantity": 1.5}]}, 422, "lines[0].quantity"),
        ({"lines": [{"sku": "espresso", "quantity": True}]}, 422, "lines[0].quantity"),
        ({"lines": []}, 422, "lines"),
        ({"lines": [{"sku": "espresso", "quantity": 1}] * 2}, 422, "lines[1].sku"),
        ({"currency": "USD"}, 422, "currency"),
        ({"tip": 5}, 422, "tip"),
        ({"storeId": "a\x00b"}, 422, "storeId"),
        ({"customerId": "a\x00b"}, 422, "customerId"),
        ({"customerId": "a\ud800b"}, 422, "customerId"),
    ],
)
async def test_a_bad_order_is_refused_with_field_and_remedy(cafe, change, status, field):
    response = await cafe.place("key-00000001", {**ORDER, **change}, token=TOKEN)
    problem = response.json()
    assert response.status_code == status, problem
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["field"] == field
    assert problem["remedy"]
    assert await cafe.count("orders") == 0


@pytest.mark.parametrize("key", [None, "short", "x" * 129, "with space in it"])
async def test_an_order_without_a_proper_key_is_refused(cafe, key):
    headers = {"Authorization": f"Bearer {TOKEN}"}
    if key is not None:
        headers["Idempotency-Key"] = key
    response = await cafe.client.post("/orders", json=ORDER, headers=headers)
    assert response.status_code == 400
    assert response.json()["field"] == "Idempotency-Key"
    assert "Idempotency-Key" in response.json()["remedy"]


async def test_a_closed_store_takes_no_orders_but_still_answers_old_keys(cafe):
    first = await cafe.place("key-00000001")
    await cafe.client.put(
        "/stores/corner", json={**STORE, "acceptingOrders": False}, headers=SERVICE
    )
    refused = await cafe.place("key-00000002")
    assert refused.status_code == 409
    assert refused.json()["type"].endswith("store-closed")
    assert (await cafe.place("key-00000001")).content == first.content


async def test_the_way_of_an_order_is_proved_while_the_store_is_closed(cafe):
    await cafe.client.put(
        "/stores/corner", json={**STORE, "acceptingOrders": False}, headers=SERVICE
    )
    synthetic = {**ORDER, "synthetic": True}
    taken = await cafe.place("key-00000001", synthetic, token=SERVICE["Authorization"][7:])
    assert taken.status_code == 201


async def test_a_store_that_closes_between_look_and_write_takes_no_order(cafe, monkeypatch):
    placing = cafe.application.public.state.placing._placing
    prices = placing._prices

    class ClosingPrices:
        async def of(self, store_id, max_age_seconds=None):
            await cafe.rows("UPDATE stores SET accepting_orders = false RETURNING id")
            return await prices.of(store_id, max_age_seconds)

    monkeypatch.setattr(placing, "_prices", ClosingPrices())
    response = await cafe.place("key-00000001")
    assert response.status_code == 409
    assert response.json()["type"].endswith("store-closed")
    assert await cafe.count("idempotency_keys") == 0


async def test_a_till_orders_only_at_its_own_store(cafe):
    assert (await cafe.place("key-00000001", token="another-tills-key")).status_code == 403
    response = await cafe.client.post(
        "/orders", json=ORDER, headers={"Idempotency-Key": "key-00000001"}
    )
    assert response.status_code == 401
    assert await cafe.count("orders") == 0


async def test_only_the_platform_places_synthetic_orders(cafe):
    synthetic = {**ORDER, "synthetic": True}
    assert (await cafe.place("key-00000001", synthetic)).status_code == 403
    assert (await cafe.place("key-00000001", synthetic, token=TOKEN)).json()["synthetic"] is True


async def test_an_order_can_be_read_by_its_till_and_by_nobody_elses(cafe):
    placed = (await cafe.place("key-00000001")).json()
    path = f"/orders/{placed['id']}"
    mine = await cafe.client.get(path, headers=SERVICE)
    assert mine.status_code == 200
    assert mine.json()["history"][0]["status"] == "placed"
    theirs = await cafe.client.get(path, headers={"Authorization": "Bearer not-the-key"})
    assert theirs.status_code == 404


UNSAID = {"closedReason": None, "queueLimit": None, "measured": False, "ordersTable": None,
          "ticketsQueue": None}  # fmt: skip


async def test_a_store_is_changed_read_and_forgotten_but_its_orders_stay(cafe):
    placed = (await cafe.place("key-00000001")).json()
    store = (await cafe.client.get("/stores/corner", headers=SERVICE)).json()
    assert store == {"id": "corner", **STORE, **UNSAID}
    await cafe.client.post(f"/orders/{placed['id']}/cancel", headers=SERVICE)
    for _ in range(2):
        gone = await cafe.client.delete("/stores/corner", headers=SERVICE)
        assert gone.status_code == 204
    assert (await cafe.client.get("/stores/corner", headers=SERVICE)).status_code == 404
    assert (await cafe.client.get(f"/orders/{placed['id']}", headers=SERVICE)).status_code == 200


async def test_a_store_with_an_unknown_time_zone_is_refused(cafe):
    response = await cafe.client.put(
        "/stores/x", json={**STORE, "timezone": "Mars/Olympus"}, headers=SERVICE
    )
    assert response.status_code == 422
    assert response.json()["field"] == "timezone"


async def test_old_keys_are_deleted_and_young_ones_kept(cafe):
    await cafe.place("key-00000001")
    await cafe.place("key-00000002")
    await cafe.rows(
        "UPDATE idempotency_keys SET expires_at = now() - interval '1s' "
        "WHERE key = 'corner:key-00000001' RETURNING key"
    )
    orders = cafe.application.public.state.service._orders
    assert await orders.expire_keys(10) == 1
    assert [row["key"] for row in await cafe.rows("SELECT key FROM idempotency_keys")] == [
        "corner:key-00000002"
    ]


async def test_two_replicas_share_the_work_and_make_one_order_a_key(open_cafe, database):
    async with open_cafe(database) as first:
        await furnish(first)
        async with open_cafe(
            database, menus=first.menus, stock=first.stock, aws=first.aws
        ) as second:
            keys = [f"key-replica-{number:02}" for number in range(20)]
            answers = await asyncio.gather(
                *(replica.place(key) for key in keys for replica in (first, second))
            )
            assert {answer.status_code for answer in answers} <= {201, 409}
            repeated = [await second.place(key) for key in keys]
            assert {answer.status_code for answer in repeated} == {201}
            assert await first.count("orders") == len(keys)

            async def drained():
                assert await first.count("outbox") == 0

            await eventually(drained)
            payments = [entry["MessageGroupId"] for entry in first.aws.messages]
            assert sorted(payments) == sorted(answer.json()["id"] for answer in repeated)
