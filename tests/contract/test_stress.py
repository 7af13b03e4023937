"""The fault cpuStress and the services' admin port understand each other, token and all."""

import json
from dataclasses import replace

import httpx
import pytest
from cafe_kit.app import build_application
from cafe_kit.settings import KitSettings
from cloudcafe_operator.effects.admin import ServiceAdmin
from cloudcafe_operator.faults.cpu_stress import CpuStress
from cloudcafe_operator.ports import HttpAnswer

from tests.crash.bench import Bench
from tests.crash.worlds import NAMESPACE
from tests.fakes import FakeClock

TOKEN = "service-token-for-tests"
PORTS = [{"name": "admin", "containerPort": 9090}]


class OverAsgi:
    """Implements ports.Http in front of one application."""

    def __init__(self, application):
        self._transport = httpx.ASGITransport(application)

    async def request(self, method, url, *, body=None, headers=None, timeout_seconds=2.0):
        async with httpx.AsyncClient(transport=self._transport) as client:
            answer = await client.request(method, url, json=body, headers=headers)
        return HttpAnswer(answer.status_code, 1.0, json.dumps(answer.json()).encode())


@pytest.fixture
async def service():
    settings = KitSettings(service_token=TOKEN, isolation_grace_seconds=0)
    application = build_application("order", "Test", settings, [])
    yield application
    await application.stress.stop()


@pytest.fixture
def bench(service):
    bench = Bench(CpuStress(), percent=1)
    kubernetes = bench.world.kubernetes
    for item in list(kubernetes.objects.values()):
        if item["kind"] == "Pod":
            item["spec"]["containers"] = [{"ports": PORTS}]
            item["metadata"]["labels"]["app.kubernetes.io/part-of"] = "cloudcafe"
    admin = ServiceAdmin(kubernetes, OverAsgi(service.admin), NAMESPACE, TOKEN)
    bench.reach = replace(bench.reach, admin=admin, clock=FakeClock())
    return bench


async def test_what_the_fault_starts_burns_in_the_service_until_it_is_undone(bench, service):
    entry = await bench.entry()
    assert not await bench.in_force(entry)
    await bench.inject(entry)
    assert await bench.in_force(entry)
    assert (service.stress.view().share, service.stress.view().owner) == (0.01, "run-uid")
    assert (await bench.revert(entry)).outcome == "Reverted"
    assert await bench.verify(entry)
    assert not service.stress.view().active


async def test_the_service_keeps_what_somebody_else_started(bench, service):
    entry = await bench.entry()
    await bench.inject(entry)
    await service.stress.stop_of("somebody")
    assert await bench.in_force(entry)
