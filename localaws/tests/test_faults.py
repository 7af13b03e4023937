"""The faults of AWS through the real client on a real localaws: what they ask for, it understands.

The fakes of the other tests take any parameter; boto3 checks each, and localaws answers as AWS.
"""

import asyncio

import pytest
from cloudcafe_operator.effects.aws import AwsApi
from cloudcafe_operator.effects.clock import SystemClock
from cloudcafe_operator.effects.once import SharedActs
from cloudcafe_operator.effects.shared_lists import SharedLists
from cloudcafe_operator.errors import Retry
from cloudcafe_operator.faults.contract import Entry, World
from cloudcafe_operator.faults.registry import faults
from cloudcafe_operator.resources.common import parse

from tests.fakes import FakeAdmin, FakeKubernetes
from tests.fakes.stores import CLUSTER

OURS = {"cloudcafe.dev/part-of": "cloudcafe"}
FAULTS = {
    "lambdaConcurrencyZero": {"names": ["cloudcafe-payment-processor"]},
    "sqsBacklog": {"names": ["cloudcafe-payments.fifo"]},
    "memorydbRestart": {"names": ["cloudcafe"]},
    "kinesisThrottle": {"names": ["cloudcafe-order-events"]},
    "ecsTaskKill": {"names": ["analytics-worker"]},
    "asgInstanceTerminate": {"names": ["cloudcafe-loyalty-spare"]},
    "elasticacheFlush": {"names": ["cloudcafe"]},
}
SECONDS = 30  # a failover takes three


@pytest.fixture
async def world(place, cluster, monkeypatch):
    for name, value in place[1].environment.items():
        monkeypatch.setenv(name, value)
    admin = FakeAdmin()
    admin.mount("menu", Cache().answer)
    aws = AwsApi(region="eu-west-1")
    kubernetes, clock = FakeKubernetes(), SystemClock()
    lists = SharedLists(kubernetes, clock)
    yield World(kubernetes, aws, admin, clock, "cafe", lists, SharedActs(), CLUSTER)
    await aws.close()


class Cache:
    """The admin port of the cache's owner."""

    flushed_by = ""

    def answer(self, method, _path, _address, body):
        if method == "POST":
            self.flushed_by = body["by"]
        return {"keys": 1, "requests": 10, "hits": 10, "flushedBy": self.flushed_by}


async def until(ask):
    """Ask until it is true; Retry is not yet."""
    async with asyncio.timeout(SECONDS):
        while True:
            try:
                if answer := await ask():
                    return answer
            except Retry:
                pass
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("name", FAULTS)
async def test_a_fault_is_injected_seen_undone_and_gone(world, name):
    fault = faults()[name]
    spec = parse(fault.spec_type, {"selector": {**FAULTS[name], "tags": OURS}})
    targets = await fault.select(spec, world)
    assert {target.opted_in for target in targets} == {True}
    captured = await fault.capture(spec, targets[0], world)
    entry = Entry(f"uid-{name}", "run", "cafe", targets[0], captured)
    assert not await fault.in_force(spec, entry, world)
    for _ in range(2):
        await fault.inject(spec, entry, world)
    assert await until(lambda: fault.in_force(spec, entry, world))
    undone = await until(lambda: fault.revert(entry, world))
    assert undone.outcome == "Reverted"
    assert await until(lambda: fault.verify(entry, world))
    assert await until(lambda: fault.healthy(entry, world))
