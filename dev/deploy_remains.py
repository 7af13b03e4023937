"""What is not there when an environment is only half made or half gone, and what AWS leaves of it.

Called by `dev.deploy`. A destroy must go on wherever the one before broke off, and the next deploy
must find its names free.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from dev.deployment import Deployment

#: Of EKS: in any other one there is no API server to speak with, and update-kubeconfig refuses.
_ANSWERING = frozenset({"ACTIVE", "UPDATING"})
_GROUP = "aws_cloudwatch_log_group"
_OF_CLUSTERS = "/aws/eks/"


def stands(to: Deployment, outputs: Mapping[str, Any]) -> bool:
    """[AWS] Whether there is a cluster to empty.

    Not where no apply ever came to its end: outputs come last, and what fills the cluster after
    them. Not where a destroy broke off after the cluster.
    """
    if "deploy" not in outputs:
        return False
    cluster = outputs["deploy"]["value"]["cluster"]
    if not to.rehearse and cluster not in _clusters(to):
        return False
    status = to.call(
        *("aws", "eks", "describe-cluster", "--region", to.region, "--name", cluster),
        *("--query", "cluster.status", "--output", "text"),
    ).strip()
    return to.rehearse or status in _ANSWERING


def cluster_logs(plan: Mapping[str, Any], action: str) -> list[str]:
    """Return the log groups of clusters to which a plan does this, create or delete."""
    changes = [
        one["change"]
        for one in plan.get("resource_changes", [])
        if one["type"] == _GROUP and one["change"]["actions"] == [action]
    ]
    names = [change["before" if action == "delete" else "after"]["name"] for change in changes]
    return [name for name in names if name.startswith(_OF_CLUSTERS)]


def strays(to: Deployment, groups: Iterable[str]) -> list[str]:
    """[AWS] Return which of these log groups are there, though their cluster is not.

    EKS delivers a cluster's last words after its end, and makes its group anew for them:
    https://github.com/terraform-aws-modules/terraform-aws-eks/issues/2763
    """
    # a living cluster's group is another state's: Terraform must be the one to refuse
    dead = [name for name in groups if name.split("/")[3] not in _clusters(to)]
    return [name for name in dead if name in _groups(to, name)]


def remove(to: Deployment, groups: Iterable[str]) -> None:
    """[AWS] Delete log groups."""
    for name in groups:
        to.call(
            *("aws", "logs", "delete-log-group", "--region", to.region, "--log-group-name", name)
        )


def _clusters(to: Deployment) -> list[str]:
    """Return all names: who asks for one that is missing gets the same error as without rights."""
    words = ("--region", to.region, "--query", "clusters", "--output", "json")
    return list(json.loads(to.call("aws", "eks", "list-clusters", *words) or "[]"))


def _groups(to: Deployment, prefix: str) -> list[str]:
    answer = to.call(
        *("aws", "logs", "describe-log-groups", "--region", to.region),
        *("--log-group-name-prefix", prefix),
        *("--query", "logGroups[].logGroupName", "--output", "json"),
    )
    return list(json.loads(answer or "[]"))
