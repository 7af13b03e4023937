"""A cafe for the storm: stores of its own, so that nothing else is in its books."""

import pytest
from localaws.testing import LocalAws

from services.kit.tests.support.postgres import running_postgres
from services.kit.tests.support.redis import running_redis
from tests.crash.orders.cafe import running_cafe


@pytest.fixture
async def cafe(tmp_path):
    with running_postgres() as postgres, running_redis() as redis, LocalAws.start() as aws:
        await postgres.prepare()
        async with running_cafe(postgres, redis.url, aws, tmp_path, seed=1) as running:
            yield running
