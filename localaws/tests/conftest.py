"""Clients of the session's localaws; each test starts from the seeded state."""

from __future__ import annotations

import boto3
import pytest
from botocore.config import Config

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
