"""Where outbox rows go: Kinesis and the payments queue (more in `stock.py`, `tickets.py` …).

Each takes a batch and says, row by row, what became of it: `Delivered`, `Retry` or `Park`.
Deliveries may repeat; every message carries an id by which its consumer knows that.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import ClientError
from cafe_kit.aws import AwsCalls, error_code
from cafe_kit.errors import UnavailableError

from cafe_order import events
from cafe_order.outbox import OutboxRow
from cafe_order.saga import StockAnswer

MALFORMED = frozenset(
    {
        "InvalidArgumentException",
        "InvalidMessageContents",
        "InvalidParameterValue",
        "ValidationException",
    }
)
SQS_BATCH = 10
LINGER_SECONDS = 0.02
"""A call costs a millisecond of CPU however much it carries: let a little gather."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """It is there. `said` is what the stock answered, if the row asked it."""

    said: StockAnswer | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Not now."""

    reason: str


@dataclass(frozen=True, slots=True)
class Park:
    """Never: a person has to look. `until`: or not before this queue or table takes it again."""

    reason: str
    until: str | None = None


Outcome = Delivered | Retry | Park


class RefusedError(Exception):
    """A batch was refused for what is in it; one of its rows alone may be to blame."""


class Destination(Protocol):
    """Delivers batches; bounded in time; never raises for a single row's fault."""

    @property
    def name(self) -> str:
        """As in the outbox."""
        ...

    @property
    def batch_size(self) -> int:
        """How many rows at most at a time."""
        ...

    @property
    def lanes(self) -> int:
        """How many batches may be under way at a time."""
        ...

    @property
    def linger_seconds(self) -> float:
        """How long to let rows gather after a batch that was not full."""
        ...

    @property
    def newest_only(self) -> bool:
        """Whether an order's newest row makes its older ones unnecessary."""
        ...

    async def deliver(self, rows: Sequence[OutboxRow]) -> list[Outcome]:
        """One outcome a row, in the rows' order; never two rows of one order."""
        ...


Send = Callable[[Sequence[OutboxRow]], Awaitable[list[Outcome]]]


async def deliver_or_split(rows: Sequence[OutboxRow], send: Send) -> list[Outcome]:
    """Send a batch; if it is refused as malformed, halve it until the culprit stands alone."""
    try:
        return await send(rows)
    except UnavailableError as error:
        return [Retry(error.detail) for _ in rows]
    except ClientError as error:
        code = error_code(error)
        reason = f"{code}: {error}"
        if code not in MALFORMED:
            return [Retry(reason) for _ in rows]
    except RefusedError as error:
        reason = str(error)
    if len(rows) == 1:
        return [Park(reason)]
    middle = len(rows) // 2
    return [
        *await deliver_or_split(rows[:middle], send),
        *await deliver_or_split(rows[middle:], send),
    ]


class KinesisDestination:
    """Order events; the order's id is the partition key, so a shard keeps their order."""

    name = events.KINESIS
    batch_size = 500
    lanes = 2
    linger_seconds = LINGER_SECONDS
    newest_only = False

    def __init__(self, aws: AwsCalls, stream: str) -> None:
        self._aws = aws
        self._stream = stream

    async def deliver(self, rows: Sequence[OutboxRow]) -> list[Outcome]:
        """PutRecords; records that failed alone are retried alone."""
        return await deliver_or_split(rows, self._send)

    async def check(self) -> None:
        """Raise unless the stream answers."""
        await self._aws.call("kinesis", "describe_stream_summary", StreamName=self._stream)

    async def _send(self, rows: Sequence[OutboxRow]) -> list[Outcome]:
        answer = await self._aws.call(
            "kinesis",
            "put_records",
            StreamName=self._stream,
            Records=[
                {"Data": row.payload.encode(), "PartitionKey": str(row.order_id)} for row in rows
            ],
        )
        return [
            Retry(f"{record['ErrorCode']}: {record.get('ErrorMessage', '')}")
            if record.get("ErrorCode")
            else Delivered()
            for record in answer["Records"]
        ]


class PaymentsDestination:
    """Payment requests on the FIFO queue, one message group per order."""

    name = events.PAYMENTS
    batch_size = 100
    lanes = 2
    linger_seconds = LINGER_SECONDS
    newest_only = False

    def __init__(self, aws: AwsCalls, queue: str) -> None:
        self._aws = aws
        self._queue = queue
        self._url = ""

    async def deliver(self, rows: Sequence[OutboxRow]) -> list[Outcome]:
        """SendMessageBatch, ten at a time."""
        chunks = [rows[at : at + SQS_BATCH] for at in range(0, len(rows), SQS_BATCH)]
        outcomes = await asyncio.gather(*(deliver_or_split(chunk, self._send) for chunk in chunks))
        return [outcome for chunk in outcomes for outcome in chunk]

    async def check(self) -> None:
        """Raise unless the queue is there."""
        await self._queue_url(fresh=True)

    async def _queue_url(self, *, fresh: bool = False) -> str:
        if fresh or not self._url:
            answer = await self._aws.call("sqs", "get_queue_url", QueueName=self._queue)
            self._url = answer["QueueUrl"]
        return self._url

    async def _send(self, rows: Sequence[OutboxRow]) -> list[Outcome]:
        answer = await self._aws.call(
            "sqs",
            "send_message_batch",
            QueueUrl=await self._queue_url(),
            Entries=[
                {
                    "Id": str(row.id),
                    "MessageBody": row.payload,
                    "MessageGroupId": str(row.order_id),
                    "MessageDeduplicationId": str(row.id),
                }
                for row in rows
            ],
        )
        failed = {entry["Id"]: entry for entry in answer.get("Failed", ())}
        return [sqs_outcome(failed.get(str(row.id))) for row in rows]


def sqs_outcome(failure: dict[str, Any] | None) -> Outcome:
    """What became of an entry of SendMessageBatch, by its failure if it has one."""
    if failure is None:
        return Delivered()
    reason = f"{failure['Code']}: {failure.get('Message', '')}"
    return Park(reason) if failure.get("SenderFault") else Retry(reason)
