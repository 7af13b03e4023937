"""The operator's IAM policy, from the calls that the code makes. Called by `generate.py`.

The calls for stores and of probes are found in the source (`aws.call("sqs", "create_queue"`) and
limited to the names that stores use; so are those of the rush plan, whose changes need the owner's
tag. Faults declare theirs, limited to the cafe's names, and those that change anything also to
resources that opted in by tag.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cloudcafe_operator.effects.aws_errors import Refusal
from cloudcafe_operator.faults.registry import faults
from cloudcafe_operator.generate_iam_ec2 import beside
from cloudcafe_operator.planning.capacity import RUSH_TAG
from cloudcafe_operator.planning.store_world import CHAOS_TAG

EFFECTS = Path(__file__).parent / "effects"
METHODS = ("call", "pages")
STORE_RESOURCES: dict[str, str | list[str]] = {
    "sqs": "arn:aws:sqs:*:*:cloudcafe-*",
    "secretsmanager": "arn:aws:secretsmanager:*:*:secret:cloudcafe/*",
    "tag": "*",
    "cloudwatch": [
        "arn:aws:cloudwatch:*:*:alarm:cloudcafe/*",
        "arn:aws:cloudwatch::*:dashboard/cloudcafe-*",
    ],
    "dynamodb": "arn:aws:dynamodb:*:*:table/cloudcafe-store-*",
}
#: AWS knows no resource for these, or leaves some out of the list.
STORES_EVERYWHERE = (
    "cloudwatch:DescribeAlarms", "cloudwatch:ListDashboards", "dynamodb:ListBackups"
)  # fmt: skip
SIDS = {
    "sqs": "StoreQueues",
    "secretsmanager": "StoreSecrets",
    "tag": "StoreTags",
    "cloudwatch": "StoreAlarmsAndDashboards",
    "dynamodb": "StoreTables",
}
#: Calls of stores that AWS knows no resource for.
UNNAMED = {"secretsmanager:ListSecrets": "StoreSecretsListing"}
#: What a fault's actions may touch, by the service that they are of.
FAULT_RESOURCES = {
    "apigateway": ["apigateway:*::/apis", "apigateway:*::/apis/*"],
    "autoscaling": ["autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/cloudcafe*"],
    "cloudfront": ["cloudfront::*:distribution/*"],  # it has no name
    "dynamodb": ["dynamodb:*:*:table/cloudcafe-*"],
    # these have ids; the tag says which are the cafe's
    "ec2": [
        f"ec2:*:*:{kind}/*"
        for kind in ("instance", "network-acl", "security-group", "security-group-rule", "subnet")
    ],
    "ecs": [
        f"ecs:*:*:{kind}/cloudcafe*"
        for kind in ("cluster", "container-instance", "service", "task")
    ],
    "eks": ["eks:*:*:cluster/cloudcafe*", "eks:*:*:nodegroup/cloudcafe*"],
    "elasticache": [
        "elasticache:*:*:cluster:cloudcafe*",
        "elasticache:*:*:replicationgroup:cloudcafe*",
    ],
    "elasticloadbalancing": [
        f"elasticloadbalancing:*:*:{kind}/cloudcafe*"
        for kind in ("listener-rule/app", "listener/app", "listener/net", "targetgroup")
    ],
    "kinesis": ["kinesis:*:*:stream/cloudcafe-*"],
    "lambda": ["lambda:*:*:function:cloudcafe-*"],
    "memorydb": ["memorydb:*:*:cluster/cloudcafe*"],
    "rds": ["rds:*:*:cluster:cloudcafe*", "rds:*:*:db:cloudcafe*"],
    "redshift": ["redshift:*:*:cluster:cloudcafe*"],
    "secretsmanager": ["secretsmanager:*:*:secret:cloudcafe*"],
    "sqs": ["sqs:*:*:cloudcafe-*"],
    "ssm": ["ssm:*:*:parameter/cloudcafe/*"],
}
#: Who asks without a name asks for all of a kind, and looks at each one's tags.
LISTS = {
    "memorydb:DescribeClusters": "arn:aws:memorydb:*:*:cluster/*",
    "memorydb:ListTags": "arn:aws:memorydb:*:*:cluster/*",
    "rds:DescribeDBClusters": "arn:aws:rds:*:*:cluster:*",
}
#: AWS knows no resource for these: whoever may, may for all.
EVERYWHERE = (
    "autoscaling:Describe",
    "ec2:Describe",
    "elasticloadbalancing:Describe",
    "fis:List",
    "kinesis:List",
    "lambda:List",
    "memorydb:DescribeEvents",
    "rds:DescribeEvents",
    "tag:Get",
)
READS = ("Describe", "Get", "GET", "List")
# FIS acts with the role it is handed, and only on what opted in: that role's policy says so
FIS_RESOURCES = [
    "arn:aws:fis:*:*:action/aws:kinesis:*",
    "arn:aws:fis:*:*:experiment-template/*",
    "arn:aws:fis:*:*:experiment/*",
]
FIS_ROLE = "arn:aws:iam::*:role/cloudcafe-fis"


def policy() -> dict[str, Any]:
    """Return the policy document."""
    statements = []
    by_prefix: dict[str, list[str]] = {}
    found = {*actions_of("*_store.py"), *actions_of("system_probes.py")}
    everywhere = sorted(found & {*STORES_EVERYWHERE})
    for action in sorted(found - {*everywhere}):
        by_prefix.setdefault(action.partition(":")[0], []).append(action)
    for prefix, actions in sorted(by_prefix.items()):
        for action in [one for one in actions if one in UNNAMED]:
            actions.remove(action)
            statements.append(_allow(UNNAMED[action], [action], "*"))
        resource = STORE_RESOURCES[prefix]
        statements.append(_allow(SIDS[prefix], actions, resource))
    statements.append(_allow("StoresLookEverywhere", everywhere, "*"))
    rush = _rush_statements()
    return {"Version": "2012-10-17", "Statement": [*statements, *rush, *_fault_statements()]}


def _rush_statements() -> Iterator[dict[str, Any]]:
    """What turns capacity ahead of rushes: only what its owner has tagged for it."""
    found = sorted({*actions_of("dials.py")} - {"tag:GetResources"})  # stores may that already
    # of these AWS knows no resource, or only one without the owner's tag
    lists, mapping = "lambda:ListEventSourceMappings", "lambda:UpdateEventSourceMapping"
    found = [one for one in found if one not in (lists, mapping)]
    looks = [one for one in found if one.partition(":")[2].startswith(READS)]
    changes = [one for one in found if one not in looks]
    kinds = {"dynamodb": "table/cloudcafe-*", "lambda": "function:cloudcafe-*"}
    kinds["rds"] = "cluster:cloudcafe*"
    resources = [f"arn:aws:{service}:*:*:{kind}" for service, kind in sorted(kinds.items())]
    yield _allow("RushLookEverywhere", [lists], "*")
    yield _allow("RushLook", looks, resources)
    tagged = {"Null": {f"aws:ResourceTag/{RUSH_TAG}": "false"}}
    yield _allow("RushChange", changes, resources) | {"Condition": tagged}
    ours = {"ArnLike": {"lambda:FunctionArn": "arn:aws:lambda:*:*:function:cloudcafe-*"}}
    mappings = "arn:aws:lambda:*:*:event-source-mapping:*"
    yield _allow("RushChangeQueue", [mapping], mappings) | {"Condition": ours}


def _fault_statements() -> Iterator[dict[str, Any]]:
    every = sorted({action for fault in faults().values() for action in fault.iam_actions})
    everywhere = [one for one in every if one.startswith(EVERYWHERE)]
    looks = [one for one in every if one.partition(":")[2].startswith(READS)]
    lists = [one for one in looks if one in LISTS]
    looks = [one for one in looks if one not in (*everywhere, *lists)]
    through_fis = [one for one in every if one.startswith("fis:") and one not in everywhere]
    passes = [one for one in every if one == "iam:PassRole"]
    changes = [
        one for one in every if one not in (*everywhere, *lists, *looks, *through_fis, *passes)
    ]
    consent = {"StringEquals": {f"aws:ResourceTag/{CHAOS_TAG}": "allowed"}}
    yield _allow("FaultsLookEverywhere", everywhere, "*")
    yield _allow("FaultsList", lists, sorted({LISTS[one] for one in lists}))
    yield _allow("FaultsLook", looks, _resources(looks))
    yield _allow("FaultsChange", changes, _resources(changes)) | {"Condition": consent}
    yield from beside(changes)
    if through_fis:
        yield _allow("FaultsThroughFis", through_fis, FIS_RESOURCES)
    if passes:
        to_fis = {"StringEquals": {"iam:PassedToService": "fis.amazonaws.com"}}
        yield _allow("FaultsPassRole", passes, FIS_ROLE) | {"Condition": to_fis}


def actions_of(files: str) -> Iterator[str]:
    """Return the IAM action of each call in some of the effects."""
    for path in sorted(EFFECTS.glob(files)):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            words = [one.value for one in node.args[:2] if isinstance(one, ast.Constant)]
            if node.func.attr in METHODS and len(words) == len(node.args[:2]) == 2:  # noqa: PLR2004 - service and operation
                service, operation = (str(word) for word in words)
                yield Refusal(service, operation, "", "", 0).action


def _resources(actions: list[str]) -> list[str]:
    services = sorted({action.partition(":")[0] for action in actions})
    return [f"arn:aws:{arn}" for service in services for arn in FAULT_RESOURCES[service]]


def _allow(sid: str, actions: list[str], resource: str | list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource}
