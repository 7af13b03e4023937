"""DynamoDB's answers to a request that exceeds the throughput, word for word. Pure.

Sources: API reference of ThrottlingReason and TransactionCanceledException (cancellation reason
codes and messages).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localaws.messages import Protocol, Reply, error_reply

if TYPE_CHECKING:
    from localaws.tables import Direction, Throughput

PROVISIONED = (
    "The level of configured provisioned throughput for the table was exceeded. Consider "
    "increasing your provisioning level with the UpdateTable API."
)
ON_DEMAND = "Throughput exceeds the maximum OnDemandThroughput configured on table or index"
ON_DEMAND_TRANSACTION = (
    "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically "
    "scaling your table or index so please try again shortly. If exceptions persist, check if "
    "you have a hot key: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/"
    "bp-partition-key-design.html."
)
NAMESPACE = "com.amazonaws.dynamodb.v20120810#"
NAMESPACE_THROTTLING = "com.amazon.coral.availability#"


def throttled(limits: Throughput, direction: Direction) -> Reply:
    """A single request, or a batch of which nothing could be served.

    botocore retries both exceptions: ProvisionedThroughputExceededException for a provisioned
    table, ThrottlingException for the maximum of an on-demand table.
    """
    if limits.provisioned:
        reason = f"Table{direction.value}ProvisionedThroughputExceeded"
        return error_reply(
            Protocol.JSON,
            f"{NAMESPACE}ProvisionedThroughputExceededException",
            PROVISIONED,
            extra={"ThrottlingReasons": [{"reason": reason, "resource": limits.arn}]},
        )
    reason = f"Table{direction.value}MaxOnDemandThroughputExceeded"
    return error_reply(
        Protocol.JSON,
        f"{NAMESPACE_THROTTLING}ThrottlingException",
        ON_DEMAND,
        extra={"throttlingReasons": [{"reason": reason, "resource": limits.arn}]},
    )


def cancelled(items: list[Throughput | None]) -> Reply:
    """A transaction, as a list of its items: the limits of a throttled table, or None.

    botocore does NOT retry TransactionCanceledException: the caller has to read the reasons.
    """
    reasons = [_reason(limits) for limits in items]
    codes = ", ".join(reason["Code"] for reason in reasons)
    return error_reply(
        Protocol.JSON,
        f"{NAMESPACE}TransactionCanceledException",
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
        extra={"CancellationReasons": reasons},
    )


def _reason(limits: Throughput | None) -> dict[str, str]:
    if limits is None:
        return {"Code": "None"}
    if limits.provisioned:
        return {"Code": "ProvisionedThroughputExceeded", "Message": PROVISIONED}
    return {"Code": "ThrottlingError", "Message": ON_DEMAND_TRANSACTION}
