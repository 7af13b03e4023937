"""Clients of the session's localaws; each test starts from the seeded state."""

from __future__ import annotations

import shutil

import boto3
import pytest
from botocore.config import Config
from localaws.testing import LocalAws

from localaws.tests.traffic import proxied_echo
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


@pytest.fixture
def toxiproxy(program):
    with proxied_echo(program) as proxy:
        yield proxy


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
    for service in ("analytics-worker", "analytics-worker", "loyalty"):
        cluster.add(service)
    return cluster
