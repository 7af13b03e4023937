"""What an order tells the world, as outbox records. Pure; called by the rules and the relay.

Destinations: `kinesis` (facts for analytics and loyalty), `payments` (SQS FIFO), `stock`
(inventory). Every message carries `type` and `version`; its `id` is the same in every delivery, so
consumers can tell a repetition.

A synthetic order exercises the reservation and nothing else: sales never hear of it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from cafe_order.models import OrderPlaced, OutboxRecord

KINESIS = "kinesis"
PAYMENTS = "payments"
STOCK = "stock"
VERSION = 1

RESERVE = "stock.reserve"
COMMIT = "stock.commit"


@dataclass(frozen=True, slots=True)
class Decision:
    """What the stock said about an order."""

    status: Literal["confirmed", "rejected"]
    reason: str | None = None


def placed_records(
    order: OrderPlaced, customer_id: str | None, trace_id: str
) -> tuple[OutboxRecord, ...]:
    """The records of a new order."""
    facts = _facts(order, customer_id, trace_id)
    reserve = _record(STOCK, RESERVE, facts, order.placed_at)
    if order.synthetic:
        return (reserve,)
    return (_record(KINESIS, "order.placed", facts, order.placed_at), reserve)


def decided_records(
    facts: Mapping[str, Any], decision: Decision, at: datetime
) -> tuple[OutboxRecord, ...]:
    """The records that follow the stock's word; `facts` is the reservation's own payload.

    A confirmed order takes its stock for good and is charged; so nothing is charged that we do
    not have.
    """
    if facts["synthetic"]:
        return ()
    told = {**facts, "reason": decision.reason} if decision.reason else facts
    event = _record(KINESIS, f"order.{decision.status}", told, at)
    if decision.status == "rejected":
        return (event,)
    return (
        event,
        _record(PAYMENTS, "payment.requested", facts, at),
        _record(STOCK, COMMIT, facts, at),
    )


def _facts(order: OrderPlaced, customer_id: str | None, trace_id: str) -> dict[str, Any]:
    return {
        "orderId": str(order.id),
        "storeId": order.store_id,
        "customerId": customer_id,
        "currency": order.currency,
        "totalMinor": order.total_minor,
        "lines": [line.model_dump(by_alias=True) for line in order.lines],
        "synthetic": order.synthetic,
        "traceId": trace_id,
    }


def _record(destination: str, kind: str, facts: Mapping[str, Any], at: datetime) -> OutboxRecord:
    message = {
        **facts,
        "id": f"{facts['orderId']}:{kind}",
        "type": kind,
        "version": VERSION,
        "at": at.isoformat(),
    }
    return OutboxRecord(destination, kind, json.dumps(message, separators=(",", ":")))
