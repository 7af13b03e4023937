"""How boto3's clients are made: what may be asked again without looking, and what may not."""

import pytest
from cloudcafe_operator.effects.aws import AwsApi
from cloudcafe_operator.effects.lean_aws import only_reads


@pytest.fixture
async def aws(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    found = AwsApi(region="eu-west-1", threads=1)
    yield found
    await found.close()


@pytest.mark.parametrize(
    ("operation", "attempts"), [("describe_db_clusters", 2), ("failover_db_cluster", 1)]
)
async def test_only_reads_are_sent_again_by_the_client_itself(aws, operation, attempts):
    client = aws._client("rds", reads=only_reads(operation))
    assert client.meta.config.retries["total_max_attempts"] == attempts
