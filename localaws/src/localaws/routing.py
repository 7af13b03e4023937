"""Which service a request means, and which emulator answers for it. Pure.

The gateway calls `identify` for every request and `backend_of` with the result. The tables say
per signing name which emulator was found right (measured call by call; the contract test repeats
it). What stands in neither is answered 501 at once: ministack takes seconds and hundreds of
megabytes to find out that it does not know a service.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from urllib.parse import parse_qs

from localaws.settings import ACCOUNT

MOTO_SERVICES = frozenset(
    [
        "application-autoscaling",
        "autoscaling",
        "ec2",
        "elasticloadbalancing",
        "guardduty",
        "memorydb",
        "redshift",
        "redshift-data",
        "vpc-lattice",
    ]
)
"""EC2, Auto Scaling and load balancing are linked to each other only in moto; the others exist
only there."""

MINISTACK_SERVICES = frozenset(
    [
        "account",
        "acm",
        "apigateway",
        "athena",
        "backup",
        "budgets",
        "cloudcontrol",
        "cloudformation",
        "cloudfront",
        "cloudtrail",
        "cognito-identity",
        "cognito-idp",
        "dynamodb",
        "ecr",
        "ecs",
        "eks",
        "elasticache",
        "elasticfilesystem",
        "events",
        "execute-api",
        "firehose",
        "glue",
        "iam",
        "kinesis",
        "kms",
        "lambda",
        "logs",
        "monitoring",
        "organizations",
        "pipes",
        "rds",
        "rds-data",
        "resource-groups",
        "route53",
        "s3",
        "scheduler",
        "secretsmanager",
        "servicediscovery",
        "ses",
        "sns",
        "sqs",
        "ssm",
        "states",
        "sts",
        "tagging",
        "waf",
        "waf-regional",
        "wafv2",
    ]
)
"""`rds` is ministack's because its failover answers with AWS's error codes and because DocumentDB
signs as `rds` too; `tagging` starts there and is completed from both (see `tagging.py`)."""

OWN_SERVICES = frozenset(["fis"])
"""Neither emulator knows them: a consequence answers for the whole service."""

_TARGETS = {
    "DynamoDB_20120810": "dynamodb",
    "DynamoDBStreams_20120810": "dynamodb",
    "AmazonSQS": "sqs",
    "Kinesis_20131202": "kinesis",
    "secretsmanager": "secretsmanager",
    "GraniteServiceVersion20100801": "monitoring",
    "Logs_20140328": "logs",
    "ResourceGroupsTaggingAPI_20170126": "tagging",
    "AmazonMemoryDB": "memorydb",
    "AnyScaleFrontendService": "application-autoscaling",
    "RedshiftData": "redshift-data",
}
_ACTIONS = {
    "AssumeRoleWithWebIdentity": "sts",
    "AssumeRoleWithSAML": "sts",
    "GetCallerIdentity": "sts",
    "FailoverDBCluster": "rds",
    "DescribeDBClusters": "rds",
    "DescribeInstances": "ec2",
    "SendMessage": "sqs",
    "ReceiveMessage": "sqs",
}
_HOST_ALIASES = {"memory-db": "memorydb", "states": "states", "email": "ses"}

# AWS4-HMAC-SHA256 names a region in its scope, AWS4-ECDSA-P256-SHA256 does not.
_SCOPE = re.compile(r"(?:Credential=)?([^/\s]+)/\d{8}/(?:([^/]+)/)?([^/]+)/aws4_request")
_ACCOUNT = re.compile(r"\d{12}\Z")
_READS = re.compile(
    r"(Get|List|Describe|BatchGet|TransactGet|Query|Scan|ReceiveMessage|PutMetricData)"
)


class Backend(Enum):
    """Who answers."""

    MINISTACK = "ministack"
    MOTO = "moto"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a request addresses; `signed` is false where no credential scope said so."""

    service: str
    region: str
    account: str
    signed: bool


def identify(
    headers: dict[str, str], query: bytes, body: bytes, *, default_region: str
) -> Identity:
    """Read the credential scope, or fall back to X-Amz-Target, Action and Host in that order.

    An unsigned request that nothing identifies has service "" and goes to ministack, whose data
    planes (function URLs, API stages, S3 websites) take unsigned requests.
    """
    scope = _SCOPE.search(headers.get("authorization", ""))
    if scope is None and b"X-Amz-Credential" in query:
        scope = _SCOPE.search(parse_qs(query.decode("latin-1"))["X-Amz-Credential"][0])
    if scope is not None:
        key, region, service = scope.groups()
        account = key if _ACCOUNT.match(key) else ACCOUNT
        return Identity(service.lower(), region or default_region, account, signed=True)
    return Identity(_unsigned_service(headers, body), default_region, ACCOUNT, signed=False)


def backend_of(identity: Identity) -> Backend:
    """The emulator that answers for the service."""
    if identity.service in MOTO_SERVICES:
        return Backend.MOTO
    if identity.service in MINISTACK_SERVICES | OWN_SERVICES or (
        not identity.signed and not identity.service
    ):
        return Backend.MINISTACK
    return Backend.NOBODY


def action_of(headers: dict[str, str], path: str, body: bytes) -> str:
    """The name of the operation, or "" where the protocol puts it into method and path."""
    target = headers.get("x-amz-target")
    if target:
        return target.rpartition(".")[2]
    if headers.get("smithy-protocol") == "rpc-v2-cbor":
        return path.rpartition("/")[2]
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return parse_qs(body.decode("latin-1")).get("Action", [""])[0]
    return ""


def changes_state(method: str, action: str) -> bool:
    """Whether a request may change what deserves to outlive the process; in doubt it does.

    What receiving a message changes is left out: polling would count as writing, and a message
    whose receipt is forgotten comes again, as SQS may always do. So are the metrics that localaws
    itself reports each minute.
    """
    return method not in {"GET", "HEAD"} and _READS.match(action) is None


def _unsigned_service(headers: dict[str, str], body: bytes) -> str:
    target = headers.get("x-amz-target")
    if target:
        prefix = target.partition(".")[0]
        return _TARGETS.get(prefix, prefix.lower())
    action = action_of(headers, "", body)
    if action in _ACTIONS:
        return _ACTIONS[action]
    first = headers.get("host", "").partition(":")[0].partition(".")[0].lower()
    first = _HOST_ALIASES.get(first, first)
    return first if first in MOTO_SERVICES else ""
