"""ECS tasks are pods: seen through boto3, a real localaws and an API that knows pods."""

from __future__ import annotations

import contextlib

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

HERE = {"cluster": "cloudcafe"}
OURS = {**HERE, "serviceName": "analytics-worker"}
ONCE = Config(retries={"total_max_attempts": 1})


@pytest.fixture
def ecs(place):
    with contextlib.closing(boto3.client("ecs", config=ONCE, **place[1].client_arguments)) as ecs:
        yield ecs


def _running(ecs):
    service = ecs.describe_services(cluster="cloudcafe", services=["analytics-worker"])
    return service["services"][0]["runningCount"]


def test_the_pods_of_the_service_are_its_tasks(cluster, ecs):
    arns = ecs.list_tasks(**OURS)["taskArns"]
    assert (len(arns), _running(ecs)) == (2, 2)
    tasks = ecs.describe_tasks(cluster="cloudcafe", tasks=arns)["tasks"]
    assert [one["taskArn"] for one in tasks] == arns
    assert {(one["lastStatus"], one["group"]) for one in tasks} == {
        ("RUNNING", "service:analytics-worker")
    }


def test_stopping_a_task_deletes_its_pod_and_another_takes_its_place(cluster, ecs):
    first, second = ecs.list_tasks(**OURS)["taskArns"]
    stopped = ecs.stop_task(cluster="cloudcafe", task=first, reason="chaos")["task"]
    assert (stopped["taskArn"], stopped["desiredStatus"]) == (first, "STOPPED")
    after = ecs.list_tasks(**OURS)["taskArns"]
    assert (first in after, second in after, len(after)) == (False, True, 2)
    (failure,) = ecs.describe_tasks(cluster="cloudcafe", tasks=[first])["failures"]
    assert failure == {"arn": first, "reason": "MISSING"}
    assert any(name.startswith("loyalty") for name in cluster.pods)


def test_a_task_on_its_way_out_is_not_running_any_more(cluster, ecs):
    name = next(iter(cluster.pods))
    cluster.pods[name]["metadata"]["deletionTimestamp"] = "2026-03-01T10:00:00Z"
    assert (len(ecs.list_tasks(**OURS)["taskArns"]), _running(ecs)) == (1, 1)
    (arn,) = ecs.list_tasks(**OURS, desiredStatus="STOPPED")["taskArns"]
    (task,) = ecs.describe_tasks(cluster="cloudcafe", tasks=[arn])["tasks"]
    assert (task["lastStatus"], task["desiredStatus"]) == ("DEACTIVATING", "STOPPED")


def test_what_the_service_desires_is_what_its_deployment_wants_and_not_what_is_there(cluster, ecs):
    cluster.wanted["analytics-worker"] = 5
    services = ecs.describe_services(cluster="cloudcafe", services=["analytics-worker"])["services"]
    assert (services[0]["desiredCount"], services[0]["runningCount"]) == (5, 2)


def test_a_task_of_another_service_cannot_be_stopped(cluster, ecs):
    loyalty = next(pod for name, pod in cluster.pods.items() if name.startswith("loyalty"))
    task = loyalty["metadata"]["uid"].replace("-", "")
    with pytest.raises(ClientError, match="was not found"):
        ecs.stop_task(cluster="cloudcafe", task=task)
    assert len(cluster.pods) == 3


def test_a_refusal_of_kubernetes_is_told_and_shown(place, cluster, ecs):
    arn = ecs.list_tasks(**OURS)["taskArns"][0]
    cluster.refusing = 1
    with pytest.raises(ClientError, match="answers 403"):
        ecs.stop_task(cluster="cloudcafe", task=arn)
    assert "403" in place[1].state()["consequences"]["ecs_tasks"]["trouble"]


def test_other_clusters_stay_the_emulators(cluster, ecs):
    ecs.create_cluster(clusterName="another")
    assert ecs.list_tasks(cluster="another")["taskArns"] == []


def test_the_service_is_found_by_its_tags(place, cluster):
    tagging = boto3.client("resourcegroupstaggingapi", **place[1].client_arguments)
    with contextlib.closing(tagging):
        found = tagging.get_resources(
            ResourceTypeFilters=["ecs:service"],
            TagFilters=[{"Key": "cloudcafe.dev/chaos", "Values": ["allowed"]}],
        )["ResourceTagMappingList"]
    assert [one["ResourceARN"].rpartition(":")[2] for one in found] == [
        "service/cloudcafe/analytics-worker"
    ]
