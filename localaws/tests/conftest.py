"""Clients of the session's localaws; each test starts from the seeded state."""

from __future__ import annotations

import contextlib
import shutil

import boto3
import pytest
from botocore.config import Config
from localaws.testing import LocalAws

from localaws.tests.traffic import ENDPOINTS, OUTAGE_SECONDS, proxied_echo, until
from tests.fakes.pods_api import Cluster

ONCE = Config(retries={"total_max_attempts": 1}, max_pool_connections=64)


@pytest.fixture
def aws(local_aws):
    return local_aws


@pytest.fixture
def client(aws):
    """`client("sqs")` is a boto3 client without retries: a test sees the first answer."""
    made = []

    def make(service, **changes):
        made.append(boto3.client(service, **{**aws.client_arguments, "config": ONCE, **changes}))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(scope="session")
def program():
    if shutil.which("go") is None:
        pytest.skip("Toxiproxy is compiled with Go, which is not installed")
    from dev.tools import tool  # noqa: PLC0415 - only where there is Go

    return str(tool("toxiproxy"))


@pytest.fixture(scope="session")
def whole_stage(program):
    """One Toxiproxy and one localaws for all that look at sockets: a start costs seconds."""
    with proxied_echo(program) as toxiproxy:
        environment = {
            "LOCALAWS_TOXIPROXY_URL": toxiproxy.url,
            "LOCALAWS_FAILOVER_SECONDS": str(OUTAGE_SECONDS),
            "LOCALAWS_MEMORYDB_SECONDS": str(OUTAGE_SECONDS),
        }
        with LocalAws.start(environment) as aws:
            yield toxiproxy, aws


@pytest.fixture
def stage(whole_stage):
    """Both, with everything served."""
    toxiproxy, aws = whole_stage
    aws.reset()
    until(lambda: all(map(toxiproxy.serves, ENDPOINTS)))
    return whole_stage


@pytest.fixture
def toxiproxy(stage):
    return stage[0]


@pytest.fixture
def client_of_stage(stage):
    """As `client`, of the localaws that cuts and restores."""
    with contextlib.ExitStack() as made:
        yield lambda service, **more: made.enter_context(
            contextlib.closing(boto3.client(service, **stage[1].client_arguments, **more))
        )


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """A cluster, and a localaws that knows it."""
    with Cluster() as cluster:
        environment = cluster.environment(tmp_path_factory.mktemp("identity"))
        with LocalAws.start(environment) as aws:
            yield cluster, aws


@pytest.fixture
def cluster(place):
    cluster, _ = place
    cluster.pods.clear()
    cluster.refusing = 0
    cluster.wanted.clear()
    for service in ("analytics-worker", "analytics-worker", "loyalty"):
        cluster.add(service)
    return cluster
