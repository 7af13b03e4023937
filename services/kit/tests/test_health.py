"""Probes: any start order, lenient towards shared faults, strict towards our own."""

import asyncio

import httpx
import pytest
from cafe_kit.app import build_application
from cafe_kit.settings import KitSettings

TOKEN = "service-token-for-tests"


class Neighbour:
    """A dependency that tests switch."""

    def __init__(self):
        self.up = False

    async def check(self):
        if not self.up:
            raise ConnectionRefusedError("nobody there")


@pytest.fixture
def application():
    settings = KitSettings(service_token=TOKEN, isolation_grace_seconds=0)
    return build_application("test", "Test", settings, [])


@pytest.fixture
async def admin(application):
    transport = httpx.ASGITransport(application.admin)
    async with httpx.AsyncClient(transport=transport, base_url="http://admin") as opened:
        yield opened


@pytest.fixture
def neighbours(application):
    made = {"database": Neighbour(), "menu": Neighbour(), "extra": Neighbour()}
    for name, neighbour in made.items():
        application.health.depends_on(name, neighbour.check, required=name != "extra")
    return made


async def check(application):
    for dependency in application.health.dependencies:
        await application.health.check_once(dependency)


async def test_not_ready_until_every_required_dependency_has_answered(
    application, admin, neighbours
):
    assert (await admin.get("/readyz")).status_code == 503
    assert (await admin.get("/livez")).status_code == 200
    assert (await admin.get("/startupz")).status_code == 200
    neighbours["database"].up = True
    await check(application)
    refused = await admin.get("/readyz")
    assert refused.status_code == 503
    states = {d["name"]: d for d in refused.json()["dependencies"]}
    assert states["database"]["up"]
    assert "nobody there" in states["menu"]["error"]
    neighbours["menu"].up = True
    await check(application)
    assert (await admin.get("/readyz")).status_code == 200


async def test_one_lost_dependency_is_told_but_keeps_us_in_service(application, admin, neighbours):
    for neighbour in neighbours.values():
        neighbour.up = True
    await check(application)
    neighbours["database"].up = False
    await check(application)
    answer = await admin.get("/readyz")
    assert answer.status_code == 200
    assert [d["name"] for d in answer.json()["dependencies"] if not d["up"]] == ["database"]
    metrics = (await admin.get("/metrics")).text
    assert 'cafe_dependency_up{dependency="database"} 0.0' in metrics


async def test_a_replica_that_reaches_nothing_steps_aside_and_comes_back(
    application, admin, neighbours
):
    for neighbour in neighbours.values():
        neighbour.up = True
    await check(application)
    for neighbour in neighbours.values():
        neighbour.up = False
    await check(application)
    await asyncio.sleep(0.01)
    assert (await admin.get("/readyz")).status_code == 503
    neighbours["menu"].up = True
    await check(application)
    assert (await admin.get("/readyz")).status_code == 200


async def test_each_dependency_can_be_asked_for_alone(application, admin, neighbours):
    neighbours["menu"].up = True
    await check(application)
    up, down = await admin.get("/readyz/menu"), await admin.get("/readyz/database")
    assert (up.status_code, up.json()["up"]) == (200, True)
    assert (down.status_code, down.json()["up"]) == (503, False)
    assert down.json()["error"]
    unknown = await admin.get("/readyz/nowhere")
    assert unknown.status_code == 404
    assert "menu" in unknown.json()["remedy"]


async def test_a_draining_replica_is_not_ready(application, admin, neighbours):
    for neighbour in neighbours.values():
        neighbour.up = True
    await check(application)
    application.health.draining = True
    assert (await admin.get("/readyz")).status_code == 503
    assert (await admin.get("/livez")).status_code == 200


async def test_cpu_stress_needs_the_token_and_its_bounds_and_ends_by_itself(admin):
    assert (await admin.post("/admin/stress", json={"share": 1, "seconds": 1})).status_code == 401
    admin.headers["Authorization"] = f"Bearer {TOKEN}"
    for bad in ({"share": 1.5, "seconds": 1}, {"share": 0.5, "seconds": 601}):
        assert (await admin.post("/admin/stress", json=bad)).status_code == 422
    started = await admin.post("/admin/stress", json={"share": 0.1, "seconds": 1})
    assert started.json()["active"]
    for _ in range(200):
        if not (await admin.get("/admin/stress")).json()["active"]:
            break
        await asyncio.sleep(0.05)
    assert not (await admin.get("/admin/stress")).json()["active"]


async def test_cpu_stress_can_be_stopped_early(application, admin):
    admin.headers["Authorization"] = f"Bearer {TOKEN}"
    await admin.post("/admin/stress", json={"share": 0.1, "seconds": 600})
    process = application.stress._process
    assert not (await admin.delete("/admin/stress")).json()["active"]
    assert process.returncode is not None
    assert not (await admin.delete("/admin/stress")).json()["active"]
