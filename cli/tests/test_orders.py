"""A careful till: one key per order, retried until the outcome is known."""

import asyncio
import json

import httpx
import pytest
from cafectl.orders import Attempted, Till, account_for, buy, first_item, trickle

TILL = Till(url="http://order", store="cloudcafe.soho", key="till-key", give_up_s=0.5)


def client(handler):
    return httpx.AsyncClient(transport=httpx.MockTransport(handler))


def accepted(request):
    order = {"id": request.headers["idempotency-key"][:8], "status": "placed"}
    return httpx.Response(201, json=order)


async def test_an_order_carries_the_key_of_the_till_and_one_idempotency_key():
    seen = []

    def handler(request):
        seen.append(request)
        return accepted(request)

    async with client(handler) as http:
        bought = await buy(http, TILL, "espresso")
    assert bought.order is not None
    assert seen[0].headers["authorization"] == "Bearer till-key"
    sent = json.loads(seen[0].content)
    assert sent.pop("customerId").startswith("guest-")
    assert sent == {
        "storeId": "cloudcafe.soho",
        "lines": [{"sku": "espresso", "quantity": 1}],
    }


async def test_the_same_key_is_sent_again_while_the_outcome_is_open():
    keys = []

    def handler(request):
        keys.append(request.headers["idempotency-key"])
        if len(keys) == 1:
            raise httpx.ReadTimeout("no answer", request=request)
        if len(keys) == 2:
            return httpx.Response(503, json={"title": "Database away"})
        return accepted(request)

    async with client(handler) as http:
        bought = await buy(http, TILL, "espresso")
    assert bought.order is not None
    assert len(set(keys)) == 1
    assert bought.tries == 3
    assert bought.refusals == ["ReadTimeout: no answer", "503 Database away"]


async def test_a_refusal_for_good_is_not_tried_again():
    def handler(_request):
        return httpx.Response(422, json={"title": "Unknown item", "remedy": "read the menu"})

    async with client(handler) as http:
        bought = await buy(http, TILL, "tea")
    assert bought.order is None
    assert bought.refusals == ["422 Unknown item: read the menu"]


async def test_an_order_is_given_up_after_the_time_that_the_till_allows():
    async with client(lambda _request: httpx.Response(503)) as http:
        bought = await buy(http, TILL, "espresso")
    assert bought.order is None
    assert bought.waited_s >= 0.5


async def test_a_trickle_stops_when_told_and_finishes_what_it_began():
    stop = asyncio.Event()

    def tell(finished):
        if len(finished) == 3:
            stop.set()

    async with client(accepted) as http:
        done = await trickle(
            lambda: buy(http, TILL, "espresso"), per_second=200, stop=stop, tell=tell
        )
    assert len(done) >= 3
    assert all(one.order for one in done)


async def test_an_acknowledged_order_that_the_service_does_not_have_is_lost():
    def handler(request):
        missing = request.url.path.endswith("/gone")
        return httpx.Response(404 if missing else 200, json={})

    attempted = [
        Attempted("k1", 0.0, 0.2, order={"id": "kept"}),
        Attempted("k2", 0.0, 3.0, order={"id": "gone"}, refusals=["503"]),
        Attempted("k3", 0.0, 60.0, refusals=["503", "503"]),
    ]
    async with client(handler) as http:
        account = await account_for(http, TILL, attempted)
    assert account.lost == 1
    assert account.acknowledged == 2
    assert account.delayed == 1
    assert account.unknown == 1
    assert account.refused_tries == 3
    assert account.longest_wait_s == 60.0


async def test_two_orders_with_one_id_are_counted_as_doubled():
    attempted = [Attempted(key, 0, 1, order={"id": "one"}) for key in ("k", "l")]
    async with client(lambda _request: httpx.Response(200, json={})) as http:
        assert (await account_for(http, TILL, attempted)).twice == 1


async def test_the_cheapest_item_is_bought():
    menu = {"items": [{"sku": "cake", "priceMinor": 400}, {"sku": "espresso", "priceMinor": 250}]}
    async with client(lambda _request: httpx.Response(200, json=menu)) as http:
        assert await first_item(http, "http://menu", "cloudcafe.soho") == "espresso"


async def test_a_store_without_a_menu_is_an_http_error():
    async with client(lambda _request: httpx.Response(404)) as http:
        with pytest.raises(httpx.HTTPStatusError):
            await first_item(http, "http://menu", "cloudcafe.soho")
