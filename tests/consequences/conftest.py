"""One stage for all tests, whole again before each; guests, and the faults as they are shipped."""

from __future__ import annotations

import pytest
from cloudcafe_operator.effects.aws import AwsApi
from cloudcafe_operator.effects.clock import SystemClock
from cloudcafe_operator.effects.once import SharedActs
from cloudcafe_operator.effects.shared_lists import SharedLists
from cloudcafe_operator.faults.contract import World

from tests.consequences.breaking import NAMESPACE, AdminPorts, Broken
from tests.consequences.guests import Guest, within
from tests.consequences.stage import running_stage
from tests.fakes import FakeKubernetes
from tests.fakes.stores import CLUSTER


@pytest.fixture(scope="session")
def whole_stage(tmp_path_factory):
    with running_stage(tmp_path_factory.mktemp("stage")) as stage:
        yield stage


@pytest.fixture
async def stage(whole_stage):
    """The stage in which a coffee can be bought and is paid: what broke before is over."""
    guest = Guest(whole_stage)
    await within(guest.is_served, "a coffee, before anything is broken")
    yield whole_stage
    await guest.close()


@pytest.fixture
async def guest(stage):
    found = Guest(stage)
    yield found
    await found.close()


@pytest.fixture
async def world(stage, monkeypatch):
    """What a fault may use: the real AWS API, the services' admin ports, a few pods in memory."""
    for name, value in stage.aws.environment.items():
        monkeypatch.setenv(name, value)
    kubernetes = FakeKubernetes()
    kubernetes.seed(namespace(), pod("order"), pod("menu"))
    aws = AwsApi(region="eu-west-1")
    clock = SystemClock()
    lists = SharedLists(kubernetes, clock)
    yield World(kubernetes, aws, AdminPorts(stage), clock, NAMESPACE, lists, SharedActs(), CLUSTER)
    await aws.close()


@pytest.fixture
def broken(world):
    """`async with broken("03-aurora-failover")`: in force inside, undone and verified after."""
    return lambda stem, **spec: Broken(stem, spec, world)


def namespace():
    labels = {"cloudcafe.dev/chaos": "allowed"}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": labels},
    }


def pod(service):
    labels = {"app.kubernetes.io/name": service, "app.kubernetes.io/part-of": "cloudcafe"}
    owner = {"kind": "ReplicaSet", "name": f"{service}-abc", "uid": "rs", "controller": True}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{service}-abc-1",
            "namespace": NAMESPACE,
            "labels": labels,
            "ownerReferences": [owner],
        },
        "status": {
            "phase": "Running",
            "podIP": "10.0.0.1",
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }
