"""Stores' own queues of tickets, what their baristas have to make: the outbox's way to them.

The operator makes an SQS FIFO queue for each of its stores and names it when it registers the
store; other stores have none, and their orders bring no ticket. A till receives a ticket, shows it
and deletes it (`cafectl tickets`). Tickets are a destination of their own, so that a store whose
queue is missing keeps no payment waiting; each queue has its own calls, bounded in time, so that it
keeps no other store waiting either.

What a queue does not take is parked for it: `awaited.py` sends it when the queue takes messages
again. A repetition within five minutes is dropped by the queue, a later one by its id.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence

import msgspec
from botocore.exceptions import ClientError
from cafe_kit.aws import AwsCalls, error_code

from cafe_order import events
from cafe_order.destinations import (
    MALFORMED,
    SQS_BATCH,
    Outcome,
    Park,
    RefusedError,
    deliver_or_split,
    sqs_outcome,
)
from cafe_order.outbox import OutboxRow
from cafe_order.resting import Resting, patient

TOO_LONG = "BatchRequestTooLong"


class Addressed(msgspec.Struct, frozen=True):
    """A ticket as the outbox keeps it."""

    queue: str
    ticket: msgspec.Raw


Found = tuple[OutboxRow, str]
_addressed = msgspec.json.Decoder(Addressed)


class TicketsDestination:
    """The stores' queues; one message group an order, so that several tills can work at once."""

    name = events.TICKETS
    batch_size = 100
    lanes = 1
    newest_only = False

    def __init__(
        self,
        aws: AwsCalls,
        *,
        linger_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._aws = aws
        self.linger_seconds = linger_seconds
        self._resting = Resting("SQS", clock)

    async def deliver(self, rows: Sequence[OutboxRow]) -> list[Outcome]:
        """SendMessageBatch, ten at a time for each queue."""
        outcomes: dict[int, Outcome] = {}
        queues: defaultdict[str, list[Found]] = defaultdict(list)
        for row in rows:
            try:
                found = _addressed.decode(row.payload)
                queues[found.queue].append((row, bytes(found.ticket).decode()))
            except msgspec.DecodeError as error:
                outcomes[row.id] = Park(f"No ticket: {error}")
        chunks = [
            (queue, found[at : at + SQS_BATCH])
            for queue, found in queues.items()
            for at in range(0, len(found), SQS_BATCH)
        ]
        for answers in await asyncio.gather(*(self._deliver_some(*chunk) for chunk in chunks)):
            outcomes |= answers
        return [outcomes[row.id] for row in rows]

    async def _deliver_some(self, queue: str, found: Sequence[Found]) -> dict[int, Outcome]:
        rows, bodies = [row for row, _ in found], {row.id: body for row, body in found}

        async def send(some: Sequence[OutboxRow]) -> list[Outcome]:
            return await self._send(queue, [(row, bodies[row.id]) for row in some])

        answers = await deliver_or_split(rows, send)
        return {
            row.id: patient(row, answer, queue) for row, answer in zip(rows, answers, strict=True)
        }

    async def _send(self, queue: str, found: Sequence[Found]) -> list[Outcome]:
        entries = [
            {
                "Id": str(row.id),
                "MessageBody": body,
                "MessageGroupId": str(row.order_id),
                "MessageDeduplicationId": str(row.order_id),
            }
            for row, body in found
        ]
        try:
            answer = await self._resting.call(
                queue, self._aws, "sqs", "send_message_batch", QueueUrl=queue, Entries=entries
            )
        except ClientError as error:
            code = error_code(error)
            if code.endswith(TOO_LONG):
                raise RefusedError(f"{code}: {error}") from error
            if code in MALFORMED:
                raise
            # it is missing, closed to us, or its key is: that passes when somebody mends it
            return [Park(f"{code}: {error}", until=queue) for _ in found]
        failed = {entry["Id"]: entry for entry in answer.get("Failed", ())}
        return [sqs_outcome(failed.get(str(row.id))) for row, _ in found]
