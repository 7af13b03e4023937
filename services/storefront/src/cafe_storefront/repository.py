"""Tickets on their stores' queues (SQS FIFO, made by the operator). Used by board and barista.

A ticket stays on its queue until its coffee is made. Whoever takes it holds it for a while, and
longer as often as they say so; when they fall silent it comes again, to whoever asks next. For SQS
each receipt is a try, and the fifth parks a ticket among the dead letters.
"""

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError
from cafe_kit.aws import AwsCalls, error_code
from cafe_kit.errors import UnavailableError
from cafe_kit.events import MalformedEventError, StoreTicket, parse_event

from cafe_storefront.models import Ticket, TicketLine

HOLD_SECONDS = 120
"""Four times what lies between two words of a board: a browser in the background speaks rarely."""
WAIT_SECONDS = 1
BATCH = 10


class TicketQueues:
    """The queues by their URL. Every method is bounded in time and raises UnavailableError."""

    def __init__(self, aws: AwsCalls) -> None:
        self._aws = aws

    async def take(self, queue: str, most: int) -> list[Ticket]:
        """Up to `most` tickets, held from now on; what is none is left to the dead letters."""
        answer = await self._call(
            "receive_message",
            queue,
            MaxNumberOfMessages=most,
            WaitTimeSeconds=WAIT_SECONDS,
            VisibilityTimeout=HOLD_SECONDS,
        )
        found = [_ticket(message) for message in answer.get("Messages", ())]
        return [ticket for ticket in found if ticket is not None]

    async def hold(self, queue: str, receipts: Sequence[str]) -> int:
        """Hold tickets for longer; returns how many. The others came to somebody else, or will."""
        extended = 0
        for entries in _entries(receipts):
            longer = [{**entry, "VisibilityTimeout": HOLD_SECONDS} for entry in entries]
            answer = await self._call("change_message_visibility_batch", queue, Entries=longer)
            extended += len(entries) - len(answer.get("Failed", ()))
        return extended

    async def done(self, queue: str, receipts: Sequence[str]) -> int:
        """Take tickets off for good; returns how many. What was held too briefly comes again."""
        gone = 0
        for entries in _entries(receipts):
            answer = await self._call("delete_message_batch", queue, Entries=entries)
            gone += len(entries) - len(answer.get("Failed", ()))
        return gone

    async def _call(self, operation: str, queue: str, **parameters: object) -> dict[str, Any]:
        try:
            return await self._aws.call("sqs", operation, QueueUrl=queue, **parameters)
        except ClientError as error:
            # missing, or closed to us: that passes when somebody mends it
            raise UnavailableError(
                f"The queue {queue.rpartition('/')[2]} refuses ({error_code(error)}).",
                slug="tickets-unavailable",
            ) from error


def _entries(receipts: Sequence[str]) -> list[list[dict[str, Any]]]:
    entries = [
        {"Id": str(n), "ReceiptHandle": one} for n, one in enumerate(dict.fromkeys(receipts))
    ]
    return [entries[at : at + BATCH] for at in range(0, len(entries), BATCH)]


def _ticket(message: Any) -> Ticket | None:
    try:
        event = parse_event(message["Body"])
    except MalformedEventError:
        return None
    if not isinstance(event, StoreTicket):
        return None
    return Ticket(
        id=event.id,
        order_id=event.order_id,
        placed_at=event.placed_at,
        lines=[TicketLine(name=line.name, quantity=line.quantity) for line in event.lines],
        receipt=message["ReceiptHandle"],
    )
