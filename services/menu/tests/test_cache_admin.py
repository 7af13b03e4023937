"""Emptying the cache through the admin port, on a real Redis, seen by guests as slower menus."""

import re
from pathlib import Path

import httpx
import pytest
from cafe_kit.app import build_application
from cafe_kit.redis import RedisStore
from cafe_kit.settings import KitSettings
from cafe_menu.cache_admin import CacheKeeper, cache_router
from cafe_menu.cache_metrics import Recent
from redis.asyncio import Redis

from services.menu.tests.conftest import SERVICE, TOKEN, menu

STORE = "cloudcafe.soho"
RUN = {"by": "run-1"}


@pytest.fixture
async def admin(store, replica):
    """The admin port of a replica."""
    application = build_application("menu", "t", KitSettings(service_token=TOKEN), [])
    keeper = CacheKeeper(store, replica.metrics.recent)
    application.admin_routers.append(cache_router(keeper))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(application.admin), base_url="http://menu", headers=SERVICE
    ) as client:
        yield client


async def test_after_a_flush_menus_come_from_the_database_once_and_then_from_the_cache(
    admin, replica, menus
):
    await replica.menus.put(STORE, menu())
    await replica.menus.menu(STORE)
    assert (await admin.get("/cache")).json()["keys"] == 1
    assert (await admin.post("/cache/flush", json=RUN)).json() == {"flushed": True}
    view = (await admin.get("/cache")).json()
    assert (view["keys"], view["requests"], view["flushedBy"]) == (0, 0, "run-1")
    assert view["host"]
    assert ":" not in view["host"]
    before = menus.reads
    for _ in range(3):
        assert (await replica.menus.menu(STORE)).menu is not None
    assert menus.reads == before + 1
    assert (replica.count("miss"), replica.count("hit")) == (1, 3)


async def test_a_flush_in_the_same_name_happens_once(admin, replica):
    await replica.menus.put(STORE, menu())
    assert (await admin.post("/cache/flush", json=RUN)).json() == {"flushed": True}
    await replica.menus.menu(STORE)
    assert (await admin.post("/cache/flush", json=RUN)).json() == {"flushed": False}
    assert (await admin.get("/cache")).json()["keys"] == 1
    assert (await admin.post("/cache/flush", json={"by": "run-2"})).json() == {"flushed": True}


@pytest.mark.parametrize(("method", "path"), [("GET", "/cache"), ("POST", "/cache/flush")])
async def test_both_are_refused_without_the_services_token(admin, method, path):
    for headers in ({"Authorization": ""}, {"Authorization": "Bearer another"}):
        answer = await admin.request(method, path, json=RUN, headers=headers)
        assert answer.status_code in (401, 403)
    assert (await admin.get("/cache")).json()["flushedBy"] == ""


async def test_a_name_that_is_none_is_refused(admin):
    for by in ("", "x" * 129, "a b"):
        assert (await admin.post("/cache/flush", json={"by": by})).status_code == 422


def test_the_last_ten_seconds_count_and_of_those_only_what_began_after_an_instant():
    now = [100.5]
    recent = Recent(lambda: now[0])
    recent.count(hit=True)
    now[0] = 105.2
    recent.count(hit=False)
    recent.count(hit=True)
    assert recent.since(0) == (3, 2)
    assert recent.since(100.9) == (2, 1)
    assert recent.since(105.1) == (0, 0)
    now[0] = 110.1
    assert recent.since(0) == (2, 1)
    now[0] = 130
    assert recent.since(0) == (0, 0)


def access_of_elasticaches_user():
    """Return the words of its access string, as Terraform gives them."""
    text = (Path(__file__).parents[3] / "terraform/modules/caching/main.tf").read_text()
    said = dict(re.findall(r'^  (access|cache_access) += "(.*)"$', text, re.MULTILINE))
    return said["cache_access"].replace("${local.access}", said["access"]).split()


async def test_the_user_of_elasticache_may_empty_it_and_tell_of_it(redis_server, redis_url):
    async with Redis.from_url(redis_url) as owner:
        await owner.execute_command("ACL", "SETUSER", "menu", *access_of_elasticaches_user(), ">p")
        url = f"redis://menu:p@127.0.0.1:{redis_server.port}/0"
        store = RedisStore(url, name="elasticache", connections=1)
        try:
            keeper = CacheKeeper(store, Recent())
            assert await keeper.flush("run-1")
            assert (await keeper.view()).flushed_by == "run-1"
        finally:
            await store.close()
            await owner.execute_command("ACL", "DELUSER", "menu")
