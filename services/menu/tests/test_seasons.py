"""Seasonal items, what a client may keep, and the list of all menus, over HTTP."""

import pytest

from services.menu.tests.conftest import SERVICE

PATH = "/stores/corner/menu"
ESPRESSO = {"sku": "espresso", "name": "Espresso", "priceMinor": 180}
PUMPKIN = {"sku": "pumpkin", "name": "Pumpkin Latte", "priceMinor": 450}
SEASON = {"availableFrom": "2026-12-01T08:00:00Z", "availableUntil": "2026-12-01T10:00:00Z"}


async def put(client, *items, store="corner"):
    body = {"currency": "EUR", "items": list(items)}
    return await client.put(f"/stores/{store}/menu", json=body, headers=SERVICE)


async def skus(client, **options):
    menu = (await client.get(PATH, **options)).json()
    return [item["sku"] for item in menu["items"]]


async def test_a_seasonal_item_is_on_sale_from_its_first_instant_to_its_last(client, clock):
    await put(client, ESPRESSO, {**PUMPKIN, **SEASON})
    on_sale = []
    for minutes in (0, 59, 1, 119, 1):  # 07:00, 07:59, 08:00, 09:59, 10:00
        clock.advance(minutes=minutes)
        on_sale.append("pumpkin" in await skus(client))
    assert on_sale == [False, False, True, True, False]


@pytest.mark.parametrize(
    ("season", "seen"),
    [
        ({}, True),
        ({"availableFrom": "2026-12-01T08:00:00+01:00"}, True),
        ({"availableFrom": "2026-12-01T08:00:00+00:00"}, False),
        ({"availableUntil": "2026-12-01T07:00:00Z"}, False),
        ({"availableUntil": "2026-12-01T07:00:00.000001Z"}, True),
    ],
)
async def test_a_season_may_be_open_on_either_side(client, season, seen):
    await put(client, {**PUMPKIN, **season})
    assert await skus(client) == (["pumpkin"] if seen else [])


async def test_the_platform_sees_everything_and_others_do_not(client):
    await put(client, {**PUMPKIN, **SEASON})
    assert await skus(client, params={"all": "true"}, headers=SERVICE) == ["pumpkin"]
    assert (await client.get(PATH, params={"all": "true"})).status_code == 401
    till = {"Authorization": "Bearer a-tills-key"}
    assert (await client.get(PATH, params={"all": "true"}, headers=till)).status_code == 403
    assert (await client.get(PATH, headers=till)).status_code == 200


async def test_what_was_written_comes_back_in_utc_and_ordinary_items_as_they_were(client):
    season = {"availableFrom": "2026-12-01T08:00:00+01:00"}
    assert (await put(client, ESPRESSO, {**PUMPKIN, **season})).status_code == 200
    whole = await client.get(PATH, params={"all": "true"}, headers=SERVICE)
    assert whole.json()["items"] == [
        {**ESPRESSO, "category": None},
        {**PUMPKIN, "category": None, "availableFrom": "2026-12-01T07:00:00Z"},
    ]


async def test_the_same_season_in_another_zone_is_the_same_menu(client):
    await put(client, {**PUMPKIN, "availableFrom": "2026-12-01T08:00:00+01:00"})
    again = await put(client, {**PUMPKIN, "availableFrom": "2026-12-01T07:00:00Z"})
    assert again.json()["version"] == 1


@pytest.mark.parametrize(
    ("season", "field"),
    [
        ({"availableFrom": "2026-12-01T08:00:00"}, "items[0].availableFrom"),
        ({"availableFrom": 1796112000}, "items[0].availableFrom"),
        ({"availableFrom": "soon"}, "items[0].availableFrom"),
        ({"availableFrom": "0001-01-01T00:00:00+05:00"}, "items[0].availableFrom"),
        ({"availableUntil": "2026-02-30T08:00:00Z"}, "items[0].availableUntil"),
        ({**SEASON, "availableUntil": SEASON["availableFrom"]}, "items[0]"),
    ],
)
async def test_a_season_that_cannot_be_is_refused(client, season, field):
    refused = await put(client, {**PUMPKIN, **season})
    assert refused.status_code == 422
    assert refused.json()["field"] == field
    assert (await client.get(PATH)).status_code == 404


async def test_who_has_the_menu_gets_a_304_until_it_changes(client):
    await put(client, ESPRESSO)
    first = await client.get(PATH)
    tag = first.headers["etag"]
    for known in (tag, f'"another", W/{tag}', "*"):
        same = await client.get(PATH, headers={"If-None-Match": known})
        assert same.status_code == 304
        assert same.content == b""
        assert same.headers["etag"] == tag
    await put(client, {**ESPRESSO, "priceMinor": 190})
    changed = await client.get(PATH, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


async def test_the_beginning_of_a_season_is_news_though_nobody_wrote(client, clock):
    await put(client, ESPRESSO, {**PUMPKIN, **SEASON})
    tag = (await client.get(PATH)).headers["etag"]
    clock.advance(hours=1)
    begun = await client.get(PATH, headers={"If-None-Match": tag})
    assert begun.status_code == 200
    assert begun.json()["version"] == 1


async def test_a_menu_forgotten_and_written_anew_is_another_version(client):
    await put(client, ESPRESSO)
    tag = (await client.get(PATH)).headers["etag"]
    await client.delete(PATH, headers=SERVICE)
    assert (await client.get(PATH, headers={"If-None-Match": tag})).status_code == 404
    await put(client, ESPRESSO)
    assert (await client.get(PATH, headers={"If-None-Match": tag})).status_code == 200


async def test_all_menus_are_listed_in_pages(client):
    for number in range(5):
        await put(client, ESPRESSO, PUMPKIN, store=f"store-{number}")
    await client.delete("/stores/store-3/menu", headers=SERVICE)
    pages, cursor = [], {}
    while cursor is not None:
        answer = await client.get("/menus", params={"limit": 2, **cursor}, headers=SERVICE)
        pages.append([menu["storeId"] for menu in answer.json()["menus"]])
        cursor = answer.json()["next"] and {"cursor": answer.json()["next"]}
    assert pages == [["store-0", "store-1"], ["store-2", "store-4"]]
    one = (await client.get("/menus", params={"limit": 1}, headers=SERVICE)).json()["menus"]
    assert one == [{"storeId": "store-0", "currency": "EUR", "version": 1, "itemCount": 2}]


async def test_the_list_is_the_platforms_and_takes_only_its_own_cursors(client):
    assert (await client.get("/menus")).status_code == 401
    refused = await client.get("/menus", params={"cursor": "mine"}, headers=SERVICE)
    assert refused.status_code == 422
    assert refused.json()["field"] == "cursor"
