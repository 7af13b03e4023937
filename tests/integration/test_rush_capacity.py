"""A rush as it really is: an operator's process, a real API server, and the embedded AWS."""

import json
from datetime import UTC, datetime

import boto3
import pytest
from cloudcafe_operator.resources.store import example

from tests.integration.cluster import eventually

pytestmark = pytest.mark.integration
AURORA = {"ordersPerMinutePerUnit": 1000, "headroomPercent": 0, "leadMinutes": 10, "most": 8}
FUNCTION = {"ordersPerMinutePerUnit": 50, "headroomPercent": 0, "leadMinutes": 5, "most": 100}
ASKED = {
    "CAFE_CAPACITY": json.dumps({"aurora": AURORA, "lambda": FUNCTION}),
    "CAFE_RUSH_SECONDS": "0.5",
}


def busy_now(namespace):
    """A store whose rush is on, whatever the time is: one until noon and one from then."""
    rushes = [
        {"name": name, "start": start, "end": end, "ordersPerMinute": 3000}
        for name, start, end in (("morning", "00:00", "12:00"), ("later", "12:00", "24:00"))
    ]
    manifest = example()
    manifest["metadata"] = {"name": "busy", "namespace": namespace}
    manifest["spec"] |= {"timezone": "UTC", "rushes": rushes}
    return manifest


@pytest.fixture
def capacity(local_aws):
    """Aurora's floor and the function's reservation, as AWS says them."""
    rds = boto3.client("rds", **local_aws.client_arguments)
    functions = boto3.client("lambda", **local_aws.client_arguments)

    def read():
        [cluster] = rds.describe_db_clusters(DBClusterIdentifier="cloudcafe")["DBClusters"]
        reserved = functions.get_function_concurrency(FunctionName="cloudcafe-payment-processor")
        floor = cluster["ServerlessV2ScalingConfiguration"]["MinCapacity"]
        return floor, reserved["ReservedConcurrentExecutions"]

    yield read
    rds.close()
    functions.close()


def journal(cluster, home):
    found = cluster.get("configmap", "cloudcafe-rush-capacity", home)
    return json.loads(found["data"]["journal.json"]) if found else {}


def test_a_killed_operator_leaves_a_rush_that_its_successor_ends(
    cluster, namespace, home, operator, capacity
):
    assert capacity() == (0.5, 20)
    cluster.apply(busy_now(namespace))
    operator.start(**ASKED)
    eventually(lambda: capacity() == (3.0, 60))
    held = journal(cluster, home)
    assert {entry["was"] for entry in held.values()} == {0.5, 20}
    operator.kill()
    operator.start(**ASKED)
    plan = cluster.get("configmap", "cloudcafe-rush-plan", home)
    assert datetime.fromisoformat(json.loads(plan["data"]["plan.json"])[0]["at"]) <= datetime.now(
        UTC
    )
    cluster.kubectl("delete", "store", "busy", "-n", namespace, "--timeout=60s")
    eventually(lambda: capacity() == (0.5, 20))
    eventually(lambda: journal(cluster, home) == {})
    reasons = [event["reason"] for event in cluster.list("events", home)]
    assert {"RushAhead", "RushOver"} <= set(reasons)
    assert "RushCapacityRefused" not in reasons
