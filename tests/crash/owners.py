"""Whose write a request is: of which fault's run, or of the store. For the proxies' bookkeeping."""

import json
import re
from urllib.parse import parse_qs, urlsplit

from cloudcafe_operator.faults.registry import faults

STORE = "cafeStore"
FAULTS = tuple(sorted(faults()))
OWNERS = (*FAULTS, STORE)
PREFIX = "try-"
UNCOUNTED = re.compile(r"/(leases|events|subjectaccessreviews|selfsubjectaccessreviews)\b")
AWS_READS = ("Describe", "Get", "List", "Batch", "Query", "Scan", "Receive")
OURS = re.compile(rf"/chaos(?:runs|experiments)/{PREFIX}([a-z]+)-")
BY_LOWER = {name.lower(): name for name in OWNERS}
BY_PATH = (
    ("/eviction", "eksNodeDrain"),
    ("/nodes/", "eksNodeDrain"),
    ("networkpolicies", "podPartition"),
)
BY_ACTION = {
    "FailoverDBCluster": "auroraFailover",
    "UpdateTable": "dynamodbThrottle",
    "ModifyRule": "albRoutingFailure",
    "ModifyListener": "albRoutingFailure",
    "RegisterTargets": "nlbTargetLoss",
    "DeregisterTargets": "nlbTargetLoss",
    "StopTask": "ecsTaskKill",
    "FailoverShard": "memorydbRestart",
    "TerminateInstanceInAutoScalingGroup": "asgInstanceTerminate",
    "CreateNetworkAcl": "azNetworkPartition",
    "DeleteNetworkAcl": "azNetworkPartition",
    "ReplaceNetworkAclAssociation": "azNetworkPartition",
    "CreateTags": "securityGroupLockdown",
    "DeleteTags": "securityGroupLockdown",
}
BY_CONTENT = (  # of the path or the body, for actions that more than one owner asks for
    ("/functions/", "lambdaConcurrencyZero"),
    ("/v2/apis", "apiGatewayThrottle"),
    ("/experiment", "kinesisThrottle"),  # FIS: experiments and their templates
    ("targetgroup", "nlbTargetLoss"),
    ("listener-rule", "albRoutingFailure"),
    ("cloudcafe-payments.fifo", "sqsBacklog"),
)


def kubernetes_write(method, path, headers, body):
    """Return owner and name of a write to the API server; None for all else."""
    if method == "GET" or UNCOUNTED.search(path):
        return None
    route = urlsplit(path).path
    what = f"{method} {re.sub(r'^/apis?/', '', route)}"
    if method == "POST" and route.endswith("chaosruns"):
        route += f"/{json.loads(body)['metadata']['name']}"
    if found := OURS.search(route):
        return BY_LOWER[found[1]], re.sub(rf"{PREFIX}[a-z]+-\d+", "it", what)
    for part, owner in BY_PATH:
        if part in route:
            return owner, re.sub(r"/pods/[^/]+", "/pods/it", what)
    if "/pods/" in route:
        owner = "podKill" if method == "DELETE" else "podPartition"
        return owner, re.sub(r"/pods/[^/]+", "/pods/it", what)
    return STORE, what


def aws_write(method, path, headers, body):
    """Return owner and name of a write to AWS; None for all else."""
    text = body.decode(errors="replace")
    target = headers.get("X-Amz-Target", "").rpartition(".")[2]
    action = target or parse_qs(text).get("Action", [""])[0]
    if (action or "Get").startswith(AWS_READS) and (action or method == "GET"):
        return None
    what = action or f"{method} {re.sub(r'/[0-9a-zA-Z_-]{12,}', '/it', path)}"
    if action in BY_ACTION:
        return BY_ACTION[action], what
    if "SecurityGroup" in action:
        return "securityGroupLockdown", what
    where = f"{path} {text}".lower().replace("%2f", "/").replace("%3a", ":")
    return next((owner for part, owner in BY_CONTENT if part.lower() in where), STORE), what
