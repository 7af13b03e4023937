"""What computes, as data: the payments' function, ECS, and the spare instances of loyalty.

`seeds.seeds` puts it to the others. Names are those of terraform/modules/{serverless,compute}.
"""

from __future__ import annotations

import base64
import io
import zipfile
from typing import TYPE_CHECKING

from localaws.seed import RUSH_TAG, TAGS, Seed
from localaws.settings import ACCOUNT

if TYPE_CHECKING:
    from localaws.settings import Settings

RESERVED = 20
ECS = "AmazonEC2ContainerServiceV20141113"


def compute(settings: Settings) -> list[Seed]:
    """All calls, in the order in which they depend on each other."""
    return [
        *_function("cloudcafe-payment-processor"),
        *_service("cloudcafe", "analytics-worker"),
        *_spares("cloudcafe-loyalty-spare", settings.region),
    ]


def _function(name: str) -> list[Seed]:
    """A function that is never run here: its code serves in a container of the chart."""
    function = {
        "FunctionName": name,
        "Runtime": "python3.11",
        "Role": f"arn:aws:iam::{ACCOUNT}:role/{name}",
        "Handler": "cafe_payments.lambda_handler.handler",
        "Code": {"ZipFile": _no_code()},
        "Tags": {**TAGS, RUSH_TAG: str(RESERVED)},
    }
    reserved = {"ReservedConcurrentExecutions": RESERVED}
    path = f"/2017-10-31/functions/{name}/concurrency"
    return [
        Seed("lambda", "POST /2015-03-31/functions", function, "ResourceConflictException"),
        Seed("lambda", f"PUT {path}", reserved, completes=True),
    ]


def _no_code() -> str:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("README", "The container payment-processor is this function.")
    return base64.b64encode(packed.getvalue()).decode()


def _service(cluster: str, name: str) -> list[Seed]:
    """A service without tasks of its own: the pods of that name are its tasks."""
    service = {
        "cluster": cluster,
        "serviceName": name,
        "taskDefinition": f"{cluster}-{name}",
        "desiredCount": 0,
        "launchType": "FARGATE",
        "propagateTags": "SERVICE",
        "tags": [{"key": key, "value": value} for key, value in TAGS.items()],
    }
    return [
        Seed("ecs", f"{ECS}.CreateCluster", {"clusterName": cluster}),
        Seed("ecs", f"{ECS}.CreateService", service, "not idempotent"),
    ]


def _spares(name: str, region: str) -> list[Seed]:
    """A group without instances of its own: loyalty's pods are its members."""
    launch = {
        "LaunchConfigurationName": name,
        "ImageId": "ami-12c6146b",
        "InstanceType": "t3.small",
    }
    group = {
        "AutoScalingGroupName": name,
        "LaunchConfigurationName": name,
        "MinSize": "0",
        "MaxSize": "10",
        "DesiredCapacity": "0",
        "AvailabilityZones.member.1": f"{region}a",
    }
    for number, (key, value) in enumerate(TAGS.items(), start=1):
        tag = {
            "ResourceId": name,
            "ResourceType": "auto-scaling-group",
            "Key": key,
            "Value": value,
            "PropagateAtLaunch": "true",
        }
        group |= {f"Tags.member.{number}.{member}": text for member, text in tag.items()}
    return [
        Seed("autoscaling", "CreateLaunchConfiguration", launch, "AlreadyExists"),
        Seed("autoscaling", "CreateAutoScalingGroup", group, "AlreadyExists"),
    ]
