"""The menu service over HTTP with menus in memory."""

import pytest

from services.menu.tests.conftest import SERVICE

ITEM = {"sku": "espresso", "name": "Espresso", "priceMinor": 180}
MENU = {"currency": "EUR", "items": [ITEM]}


async def put(client, menu=MENU):
    return await client.put("/stores/corner/menu", json=menu, headers=SERVICE)


async def test_everybody_reads_a_menu_that_the_platform_wrote(client):
    assert (await put(client)).status_code == 200
    menu = (await client.get("/stores/corner/menu")).json()
    assert menu == {
        "storeId": "corner",
        "currency": "EUR",
        "version": 1,
        "items": [{**ITEM, "category": None}],
    }


async def test_the_version_grows_only_when_something_differs(client):
    assert (await put(client)).json()["version"] == 1
    assert (await put(client)).json()["version"] == 1
    dearer = {**MENU, "items": [{**ITEM, "priceMinor": 190}]}
    assert (await put(client, dearer)).json()["version"] == 2


async def test_a_forgotten_menu_is_not_found_and_forgetting_it_again_is_fine(client):
    await put(client)
    for _ in range(2):
        gone = await client.delete("/stores/corner/menu", headers=SERVICE)
        assert gone.status_code == 204
    missing = await client.get("/stores/corner/menu")
    assert missing.status_code == 404
    assert missing.json()["remedy"]


async def test_only_the_platform_writes(client):
    assert (await client.put("/stores/corner/menu", json=MENU)).status_code == 401
    assert (await client.delete("/stores/corner/menu")).status_code == 401


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"items": [{**ITEM, "priceMinor": -180}]}, "items[0].priceMinor"),
        ({"items": [{**ITEM, "priceMinor": 0}]}, "items[0].priceMinor"),
        ({"items": [{**ITEM, "priceMinor": 1.8}]}, "items[0].priceMinor"),
        ({"items": [{**ITEM, "priceMinor": 10**12}]}, "items[0].priceMinor"),
        ({"items": [ITEM, {**ITEM, "price": 1}]}, "items[1].price"),
        ({"items": [{**ITEM, "name": ""}]}, "items[0].name"),
        ({"items": []}, "items"),
        ({"items": [ITEM, ITEM]}, "items[1].sku"),
        ({"currency": "euro"}, "currency"),
    ],
)
async def test_a_bad_menu_is_refused_with_its_field_and_the_remedy(client, change, field):
    refused = await put(client, {**MENU, **change})
    assert refused.status_code == 422
    assert refused.json()["field"] == field
    assert refused.json()["remedy"]
    assert (await client.get("/stores/corner/menu")).status_code == 404


async def test_a_database_that_is_away_is_a_503_with_retry_after(client, menus):
    menus.away = True
    refused = await client.get("/stores/corner/menu")
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"


async def batch(client, *ids, headers=SERVICE):
    return await client.get("/menus:batch", params={"id": list(ids)}, headers=headers)


async def test_menus_of_many_stores_are_as_each_is_by_itself(client):
    for store in ("corner", "harbour"):
        await client.put(f"/stores/{store}/menu", json=MENU, headers=SERVICE)
    found = (await batch(client, "corner", "harbour", "nowhere")).json()
    alone = {
        store: (await client.get(f"/stores/{store}/menu")).json() for store in ("corner", "harbour")
    }
    assert found == {"found": alone, "unread": []}


async def test_many_menus_are_for_the_platform_alone_and_bounded(client):
    assert (await batch(client, "corner", headers={})).status_code == 401
    for ids in ((), [f"s{number}" for number in range(101)], ("corner", "Corner!")):
        assert (await batch(client, *ids)).status_code == 422


async def test_of_many_menus_those_with_a_copy_are_told_while_the_database_is_away(
    open_client, replica, menus
):
    async with open_client(replica.menus) as client:
        await put(client)
        menus.away = True
        found = (await batch(client, "corner", "harbour")).json()
        assert (list(found["found"]), found["unread"]) == (["corner"], ["harbour"])
        refused = await batch(client, "harbour", "mill")
        assert refused.status_code == 503
        assert refused.json() | {"instance": ""} == (
            await client.get("/stores/harbour/menu")
        ).json() | {"instance": ""}
