"""A service as a process: any start order, two ports, and a stop that finishes what it began."""

import asyncio
import os
import signal
import subprocess
import sys
import time

import httpx
import pytest

from services.kit.tests.support.ports import free_port, wait_for_port

TOKEN = "service-token-for-tests"

SLOW = """
import asyncio
from fastapi import APIRouter
from cafe_kit.app import build_application
from cafe_kit.server import run
from cafe_kit.settings import KitSettings, load

router = APIRouter()

@router.get("/slow")
async def slow() -> dict[str, bool]:
    await asyncio.sleep(2.5)
    return {"done": True}

@router.get("/loop")
async def loop() -> dict[str, str]:
    return {"loop": type(asyncio.get_running_loop()).__module__}

run(build_application("slow", "Slow", load(KitSettings), [router], story="Morning Rush"))
"""


@pytest.fixture
def start(tmp_path):
    """Start a service; returns its process and the clients of its two ports."""
    begun = []

    def started(*arguments, **environment):
        public, admin, log = free_port(), free_port(), tmp_path / "log"
        settings = {
            "CAFE_SERVICE_TOKEN": TOKEN,
            "CAFE_PUBLIC_PORT": str(public),
            "CAFE_ADMIN_PORT": str(admin),
            "CAFE_BIND_HOST": "127.0.0.1",
            "CAFE_DRAIN_DELAY_SECONDS": "0.3",
            **environment,
        }
        with log.open("wb") as sink:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                env={**os.environ, **settings},
                stdout=sink,
                stderr=sink,
            )
        begun.append(process)
        for port in (public, admin):
            wait_for_port(port, process, log)
        clients = [httpx.AsyncClient(base_url=f"http://127.0.0.1:{p}") for p in (public, admin)]
        begun.extend(clients)
        return process, *clients

    yield started
    for thing in begun:
        if isinstance(thing, subprocess.Popen) and thing.poll() is None:
            thing.kill()
            thing.wait(5)


async def test_a_request_in_flight_is_finished_after_sigterm(start):
    process, public, admin = start("-c", SLOW, CAFE_DRAIN_DELAY_SECONDS="1.5")
    async with public, admin:
        slow = asyncio.create_task(public.get("/slow"))
        async with asyncio.timeout(2):
            while "cafe_http_in_flight 1.0" not in (await admin.get("/metrics")).text:
                continue
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(1.5):
            while (await admin.get("/readyz")).status_code != 503:
                continue
        assert (await public.get("/livez")).status_code == 200, "drains before it closes"
        assert (await slow).json() == {"done": True}
    began = time.monotonic()
    assert await asyncio.to_thread(process.wait, 10) == 0
    assert time.monotonic() - began < 5


async def test_the_fast_loop_serves_without_a_warning_and_burns_under_its_story(start):
    process, public, admin = start("-W", "error", "-c", SLOW)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with public, admin:
        assert (await public.get("/loop")).json() == {"loop": "uvloop"}
        refused = await admin.post("/admin/stress", json={"share": 0.1, "seconds": 5})
        assert refused.status_code == 401
        assert (await admin.get("/admin/stress", headers=headers)).json() == {
            "story": "Morning Rush",
            "active": False,
            "share": 0.0,
            "owner": "",
            "until": None,
        }
        for share, seconds in [(1.5, 5), (0.5, 601), (0, 5)]:
            body = {"share": share, "seconds": seconds}
            refused = await admin.post("/admin/stress", json=body, headers=headers)
            assert refused.status_code == 422
        body = {"share": 0.1, "seconds": 1}
        burning = (await admin.post("/admin/stress", json=body, headers=headers)).json()
        assert burning["active"]
        assert burning["story"] == "Morning Rush"
        async with asyncio.timeout(10):
            while (await admin.get("/admin/stress", headers=headers)).json()["active"]:
                continue
    process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(process.wait, 10) == 0


@pytest.mark.parametrize("service", ["cafe_order", "cafe_menu", "cafe_inventory"])
async def test_a_service_starts_and_waits_when_nothing_it_needs_is_there(start, service):
    nowhere = f"127.0.0.1:{free_port()}"
    process, public, admin = start(
        "-m",
        service,
        CAFE_DATABASE_URL=f"postgresql://x@{nowhere}/x",
        CAFE_DOCUMENTDB_URL=f"mongodb://{nowhere}",
        CAFE_MENU_URL=f"http://{nowhere}",
        CAFE_INVENTORY_URL=f"http://{nowhere}",
        AWS_ENDPOINT_URL=f"http://{nowhere}",
        AWS_ACCESS_KEY_ID="x",
        AWS_SECRET_ACCESS_KEY="x",
    )
    async with public, admin:
        assert (await admin.get("/startupz")).status_code == 200
        assert (await admin.get("/livez")).status_code == 200
        refused = await admin.get("/readyz")
        assert refused.status_code == 503
        assert refused.json()["dependencies"]
        assert (await public.get("/openapi.json")).status_code == 200
        token = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": "key-00000001"}
        body = {"storeId": "corner", "lines": [{"sku": "tea", "quantity": 1}]}
        answers = {
            "cafe_order": lambda: public.post("/orders", json=body, headers=token),
            "cafe_menu": lambda: public.get("/stores/corner/menu"),
            "cafe_inventory": lambda: public.get("/stores/corner/stock", headers=token),
        }
        away = await asyncio.wait_for(answers[service](), 8)
        assert away.status_code == 503, away.text
        assert int(away.headers["retry-after"]) >= 1
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(process.wait, 15) == 0
