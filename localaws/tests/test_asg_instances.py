"""Auto Scaling members are pods: seen through boto3, a real localaws and an API that knows pods."""

from __future__ import annotations

import contextlib

import boto3
import pytest
from botocore.config import Config

ONCE = Config(retries={"total_max_attempts": 1})


@pytest.fixture
def autoscaling(place):
    made = boto3.client("autoscaling", config=ONCE, **place[1].client_arguments)
    with contextlib.closing(made) as client:
        yield client


def _members(autoscaling):
    groups = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    (group,) = [one for one in groups if one["AutoScalingGroupName"] == "cloudcafe-loyalty-spare"]
    assert {"Key": "cloudcafe.dev/chaos", "Value": "allowed"}.items() <= group["Tags"][0].items()
    return [(one["InstanceId"], one["LifecycleState"]) for one in group["Instances"]]


def test_loyaltys_pods_are_the_members_of_its_auto_scaling_group(cluster, autoscaling):
    (pod,) = cluster.select("app.kubernetes.io/name=loyalty")
    uid = pod["metadata"]["uid"].replace("-", "")
    ((instance, state),) = _members(autoscaling)
    assert (instance, state) == ("i-" + uid[:17], "InService")
    cluster.add("loyalty")
    assert len(_members(autoscaling)) == 2


def test_what_the_group_desires_is_what_its_deployment_wants(cluster, autoscaling):
    cluster.wanted["loyalty"] = 4
    groups = autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    (group,) = [one for one in groups if one["AutoScalingGroupName"] == "cloudcafe-loyalty-spare"]
    assert (group["DesiredCapacity"], len(group["Instances"])) == (4, 1)


def test_terminating_a_member_deletes_its_pod_and_another_takes_its_place(cluster, autoscaling):
    ((before, _),) = _members(autoscaling)
    answer = autoscaling.terminate_instance_in_auto_scaling_group(
        InstanceId=before, ShouldDecrementDesiredCapacity=False
    )
    assert answer["Activity"]["StatusCode"] == "InProgress"
    ((after, state),) = _members(autoscaling)
    assert (after != before, state) == (True, "InService")
    assert sum(name.startswith("analytics-worker") for name in cluster.pods) == 2
