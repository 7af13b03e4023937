"""What the order service hears of a payment. Used by `handler.py`.

A result is made of the entry alone, so a repeated message gets the same result with the same id.
"""

from collections.abc import Sequence
from typing import Any

from cafe_kit.aws import AwsCalls
from cafe_kit.events import PaymentResult
from cafe_kit.sqs import Outcome, QueueUrl, send_batch

from cafe_payments.models import Entry

LONGEST_REASON = 500


def result_of(entry: Entry, trace_id: str) -> PaymentResult:
    """The result of a settled entry."""
    # the entry's states that are ends are the results' types
    kind: Any = f"payment.{entry.state}"
    return PaymentResult(
        id=f"{entry.order_id}:{kind}",
        type=kind,
        at=entry.updated_at,
        trace_id=trace_id,
        order_id=entry.order_id,
        store_id=entry.store_id,
        currency=entry.currency,
        total_minor=entry.amount_minor,
        placed_at=entry.placed_at,
        charge_id=entry.charge_id,
        reason=entry.reason[:LONGEST_REASON] if entry.reason else None,
    )


class SqsResults:
    """The queue of results, a group an order."""

    def __init__(self, aws: AwsCalls, queue: str) -> None:
        self._aws = aws
        self._queue = QueueUrl(aws, queue)

    async def check(self) -> None:
        """Raise unless the queue is there."""
        await self._queue.get(fresh=True)

    async def send(self, results: Sequence[PaymentResult]) -> list[Outcome]:
        """One outcome each. Raises `UnavailableError` when there is no such queue."""
        entries = [
            {
                "MessageBody": result.encode(),
                "MessageGroupId": result.order_id,
                "MessageDeduplicationId": result.id,
            }
            for result in results
        ]
        return await send_batch(self._aws, await self._queue.get(), entries)
