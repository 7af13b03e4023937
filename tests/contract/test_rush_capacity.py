"""The rush plan turns up the embedded AWS: the operator's own client against its answers."""

import json
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError
from cloudcafe_operator.effects.aws import AwsApi
from cloudcafe_operator.effects.capacity import JOURNAL, CapacityKeeper
from cloudcafe_operator.effects.rush import PLAN, RushKeeper
from cloudcafe_operator.planning.capacity import Policy
from cloudcafe_operator.resources.store import CafeStoreSpec

from tests.fakes import FakeClock, FakeKubernetes, RecordedEvents

NAME, FUNCTION, TABLE = "cloudcafe", "cloudcafe-payment-processor", "cloudcafe-orders"
POLICIES = {
    kind: Policy(orders_per_minute_per_unit=unit, headroom_percent=0, lead_minutes=10, most=5000)
    for kind, unit in {
        "aurora": 1000,
        "lambda": 100,
        "lambdaPoller": 100,
        "dynamodbRead": 5,
        "dynamodbWrite": 6,
    }.items()
}


@pytest.fixture
async def aws(local_aws, monkeypatch):
    for name, value in local_aws.environment.items():
        monkeypatch.setenv(name, value)
    made = AwsApi(region="eu-west-1")
    yield made
    await made.close()


@pytest.fixture
def keeper(aws):
    clock, kubernetes = FakeClock(datetime(2026, 3, 2, 7, 15, tzinfo=UTC)), FakeKubernetes()
    events = RecordedEvents()
    capacity = CapacityKeeper(kubernetes, aws, events, clock, "cloudcafe", POLICIES)
    made = RushKeeper(kubernetes, events, clock, "cloudcafe", capacity)
    rush = {"name": "morning", "start": "07:30", "end": "09:30", "ordersPerMinute": 4000}
    spec = {"city": "Lisbon", "timezone": "UTC", "currency": "EUR", "rushes": [rush]}
    made.note("lisbon.corner", CafeStoreSpec.model_validate(spec))
    return made


async def levels(aws):
    clusters = await aws.call("rds", "describe_db_clusters", DBClusterIdentifier=NAME)
    function = await aws.call("lambda", "get_function_concurrency", FunctionName=FUNCTION)
    table = await aws.call("dynamodb", "describe_table", TableName=TABLE)
    warm = table["Table"]["WarmThroughput"]
    [index] = table["Table"]["GlobalSecondaryIndexes"]
    assert index["WarmThroughput"] == warm
    return (
        clusters["DBClusters"][0]["ServerlessV2ScalingConfiguration"],
        function["ReservedConcurrentExecutions"],
        (warm["ReadUnitsPerSecond"], warm["WriteUnitsPerSecond"]),
    )


async def mapped(aws):
    """The function's queue, as on AWS: here a container polls, so there is none."""
    made = await aws.call(
        "lambda",
        "create_event_source_mapping",
        FunctionName=FUNCTION,
        EventSourceArn="arn:aws:sqs:eu-west-1:000000000000:cloudcafe-analytics-dlq",
        ScalingConfig={"MaximumConcurrency": 10},
    )

    async def most():
        found = await aws.call("lambda", "get_event_source_mapping", UUID=made["UUID"])
        return found["ScalingConfig"]["MaximumConcurrency"]

    return most


async def test_the_embedded_aws_is_turned_up_ahead_of_a_rush_and_back_after_it(aws, keeper):
    most = await mapped(aws)
    before = await levels(aws)
    assert before == ({"MinCapacity": 0.5, "MaxCapacity": 8.0}, 20, (500, 500))
    for _ in range(3):
        await keeper.round()
    assert await levels(aws) == before  # a quarter of an hour ahead is too early for a lead of ten
    keeper.clock.advance(600)
    for _ in range(3):
        await keeper.round()
    raised = ({"MinCapacity": 4.0, "MaxCapacity": 8.0}, 40, (800, 667))
    assert (await levels(aws), await most()) == (raised, 40)
    keeper.clock.advance(3 * 3600)
    for _ in range(3):
        await keeper.round()
    assert (await levels(aws), await most()) == ((before[0], 20, (800, 667)), 10)
    journal = keeper.kubernetes.find("ConfigMap", JOURNAL, "cloudcafe")
    assert json.loads(journal["data"]["journal.json"]) == {}
    refusals = [one for one in keeper.events.published if one.kind == "Warning"]
    assert refusals == []


async def test_the_plan_shows_all_that_is_tagged(keeper):
    await keeper.round()
    plan = keeper.kubernetes.find("ConfigMap", PLAN, "cloudcafe")
    tables = {f"cloudcafe-{name}" for name in ("orders", "payments", "inventory")}
    assert {one["resource"] for one in json.loads(plan["data"]["capacity.json"])} == {
        NAME,
        FUNCTION,
        *tables,
    }


def test_warm_throughput_is_never_lowered(local_aws):
    import boto3  # noqa: PLC0415 - the operator's own client turns refusals into its errors

    dynamodb = boto3.client("dynamodb", **local_aws.client_arguments)
    warm = {"ReadUnitsPerSecond": 900}
    answer = dynamodb.update_table(TableName=TABLE, WarmThroughput=warm)
    shown = answer["TableDescription"]["WarmThroughput"]
    assert (shown["ReadUnitsPerSecond"], shown["WriteUnitsPerSecond"]) == (900, 500)
    with pytest.raises(ClientError, match="cannot be decreased from 900 to 899"):
        dynamodb.update_table(TableName=TABLE, WarmThroughput={"ReadUnitsPerSecond": 899})
    dynamodb.close()
