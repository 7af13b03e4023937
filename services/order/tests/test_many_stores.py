"""Many stores in one answer, as the operator looks at them."""

from services.order.tests.conftest import SERVICE, STORE, TILL_KEY


async def test_many_stores_are_told_as_each_is_by_itself(cafe):
    await cafe.client.put("/stores/harbour", json={**STORE, "queueLimit": 3}, headers=SERVICE)
    ids = {"id": ["corner", "harbour", "nowhere"]}
    found = await cafe.client.get("/stores:batch", params=ids, headers=SERVICE)
    alone = {
        store: (await cafe.client.get(f"/stores/{store}", headers=SERVICE)).json()
        for store in ("corner", "harbour")
    }
    assert found.json() == {"found": alone, "unread": []}


async def test_many_stores_are_for_the_platform_alone_and_bounded(cafe):
    for ids in ([], [f"s{number}" for number in range(101)], ["corner", "Corner!"]):
        refused = await cafe.client.get("/stores:batch", params={"id": ids}, headers=SERVICE)
        assert refused.status_code == 422
    till = {"Authorization": f"Bearer {TILL_KEY}"}
    refused = await cafe.client.get("/stores:batch", params={"id": "corner"}, headers=till)
    assert refused.status_code == 403
