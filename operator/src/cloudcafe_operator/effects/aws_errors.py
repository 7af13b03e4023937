"""What AWS's refusals mean: from error codes to errors.py. Pure.

AWS has one name per service for the same thing; the table is read by suffixes and exact names, the
HTTP status decides for the rest. AccessDenied names the IAM action, so that it can be granted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cloudcafe_operator.errors import (
    AccessDenied,
    AlreadyExists,
    Conflict,
    NotFound,
    OperatorError,
    QuotaExceeded,
    Retry,
    ThrottledByAws,
    Unavailable,
    UserError,
)

IAM_PREFIXES = {  # where boto3's name of a service is not IAM's
    "resourcegroupstaggingapi": "tag",
    "elbv2": "elasticloadbalancing",
    "docdb": "rds",
    "logs": "logs",
}
API_METHODS = {"create": "POST", "delete": "DELETE", "get": "GET", "update": "PATCH"}
SIGNED = ("SignatureDoesNotMatch", "InvalidSignatureException")
CLOCK = ("RequestExpired", "RequestTimeTooSkewed")
CLOCK_SAID = ("signature expired", "signature not yet current")
DENIED = (
    "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError",
    "AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException", "ExpiredToken",
    "ExpiredTokenException", *SIGNED, *CLOCK, "OptInRequired", "KMSAccessDeniedException",
)  # fmt: skip
THROTTLED = (
    "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled",
    "RequestThrottledException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown",
    "ProvisionedThroughputExceededException", "PriorRequestNotComplete",
    "BandwidthLimitExceeded", "TransactionInProgressException",
)  # fmt: skip
QUOTA = (
    "ServiceQuotaExceededException", "LimitExceeded", "LimitExceededFault",
    "LimitExceededException", "ResourceLimitExceeded",
)  # fmt: skip
# these say LimitExceededException also where too many changes go on at the same time
BUSY_LIMITS = ("dynamodb", "kinesis")
QUOTA_CODES = {  # where the name at Service Quotas is not boto3's
    "cloudwatch": "monitoring",
    "elbv2": "elasticloadbalancing",
    "resourcegroupstaggingapi": "tagging",
}
BUSY = (
    "BackupInUseException", "TableInUseException", "ConcurrentModificationException",
    "ResourceConflictException", "OperationAbortedException",
    "ScalingActivityInProgress", "ScalingActivityInProgressFault",
    "ResourceContention", "ResourceContentionFault", "UpdateInProgressException",
    "ContinuousBackupsUnavailableException",  # of a new table, for which they are being enabled
)  # fmt: skip
BROKEN = (  # AWS's own trouble, whatever status it comes with
    "InternalFailure", "InternalError", "InternalServerError", "InternalServiceError",
    "ServiceUnavailable", "ServiceUnavailableException",
)  # fmt: skip
MISSING = (
    "ResourceNotFoundException", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist",
    "NoSuchEntity", "NoSuchBucket", "NoSuchKey", "NotFoundException",
)  # fmt: skip
EXISTING = (
    "ResourceExistsException", "QueueAlreadyExists", "QueueNameExists",
    "EntityAlreadyExists", "BucketAlreadyOwnedByYou",
    "ResourceAlreadyExistsException", "InvalidPermission.Duplicate",
)  # fmt: skip
# to a create they say that it is there, to all else that somebody changes it at the same time
EITHER = ("ResourceInUseException", "ConflictException")
CONFLICTS = ("ConditionalCheckFailedException", "TransactionCanceledException")
NAME_STILL_TAKEN = ("QueueDeletedRecently", "AWS.SimpleQueueService.QueueDeletedRecently")
SECONDS_UNTIL_A_QUEUE_NAME_IS_FREE = 60.0
# of Secrets Manager, of a name that a deletion has not let go of yet
STILL_DELETED = ("scheduled for deletion", "marked for deletion", "marked deleted")
SECONDS_UNTIL_A_SECRET_NAME_IS_FREE = 15.0
SERVER_ERROR = 500
NOT_IMPLEMENTED = 501


@dataclass(frozen=True, slots=True)
class Refusal:
    """One error answer."""

    service: str
    operation: str
    code: str
    message: str
    status: int

    @classmethod
    def of(cls, response: Mapping[str, Any], service: str, operation: str) -> Refusal:
        """Read botocore's response."""
        error = response.get("Error", {})
        return cls(
            service=service,
            operation=operation,
            code=str(error.get("Code", "")),
            message=str(error.get("Message", "")),
            status=int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)),
        )

    @property
    def action(self) -> str:
        """The IAM action, for example rds:FailoverDBCluster."""
        if self.service == "apigatewayv2":  # IAM knows its calls by their HTTP methods only
            return f"apigateway:{API_METHODS[self.operation.partition('_')[0]]}"
        prefix = IAM_PREFIXES.get(self.service, self.service)
        return f"{prefix}:{camel(self.operation)}"


def error_for(refusal: Refusal) -> OperatorError:
    """Return the error that a refusal means."""
    said = f"{refusal.action}: {refusal.message or refusal.code} ({refusal.code})"
    if refusal.code in DENIED:
        return _denied(refusal, said)
    if _has_no_room(refusal):
        return QuotaExceeded(f"{said}; {_more(refusal)}")
    if seconds := _seconds_until_free(refusal):
        return Unavailable(said, after=seconds)
    if _is_too_fast(refusal):
        return ThrottledByAws(f"{said}; it is tried again, more and more slowly")
    for judge, kind in CHECKS:
        if judge(refusal):
            return kind(said)
    return UserError(said)


def _seconds_until_free(refusal: Refusal) -> float:
    """Return for how long a name that was just deleted may be taken yet; 0: it is not that."""
    if refusal.code in NAME_STILL_TAKEN:
        return SECONDS_UNTIL_A_QUEUE_NAME_IS_FREE
    words, deleted = refusal.message.lower(), refusal.code == "InvalidRequestException"
    still = deleted and any(one in words for one in STILL_DELETED)
    return SECONDS_UNTIL_A_SECRET_NAME_IS_FREE if still else 0.0


def _denied(refusal: Refusal, said: str) -> OperatorError:
    """What is signed by a clock that is more than five minutes off, AWS refuses whoever signs."""
    words = refusal.message.lower()
    signed = refusal.code in SIGNED and any(some in words for some in CLOCK_SAID)
    if signed or refusal.code in CLOCK:
        return Unavailable(f"{said}; the node's clock is wrong: have it set by NTP")
    return AccessDenied(f"{said}; grant {refusal.action} to the operator's IAM role")


def _has_no_room(refusal: Refusal) -> bool:
    """The account's quota is used up, which is no matter of pace."""
    if refusal.code == "LimitExceededException" and refusal.service in BUSY_LIMITS:
        return _creates(refusal)
    return refusal.code in QUOTA or "QuotaExceeded" in refusal.code


def _more(refusal: Refusal) -> str:
    code = QUOTA_CODES.get(refusal.service, refusal.service)
    return (
        "remove what is not needed (`cafectl orphans` finds what vanished stores left), or ask "
        f"for more: aws service-quotas list-service-quotas --service-code {code}"
    )


def _is_too_fast(refusal: Refusal) -> bool:
    return refusal.code in THROTTLED or refusal.code == "LimitExceededException"


def _is_busy(refusal: Refusal) -> bool:
    """The resource is in the middle of another change: not an error, not yet."""
    in_use = refusal.code in EITHER and not _creates(refusal)
    return in_use or refusal.code in BUSY or refusal.code.endswith(("StateFault", "InvalidState"))


def _exists(refusal: Refusal) -> bool:
    in_use = refusal.code in EITHER and _creates(refusal)
    return in_use or refusal.code in EXISTING or "AlreadyExists" in refusal.code


def _creates(refusal: Refusal) -> bool:
    return refusal.operation.startswith("create_")


def _has_no_answer(refusal: Refusal) -> bool:
    failed = refusal.status >= SERVER_ERROR and refusal.status != NOT_IMPLEMENTED
    return failed or refusal.code in BROKEN


CHECKS: tuple[tuple[Callable[[Refusal], bool], type[OperatorError]], ...] = (
    (_is_busy, Retry),
    (lambda refusal: refusal.code in MISSING or "NotFound" in refusal.code, NotFound),
    (_exists, AlreadyExists),
    (lambda refusal: refusal.code in CONFLICTS, Conflict),
    (_has_no_answer, Unavailable),
)


def camel(operation: str) -> str:
    """Return boto3's describe_db_clusters as DescribeDBClusters."""
    words = operation.split("_")
    return "".join("DB" if word == "db" else word.capitalize() for word in words)
