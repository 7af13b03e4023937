"""Where outbox rows go: Kinesis, the payments queue, the inventory service.

Each takes a batch and says, row by row, what became of it: `Delivered`, `Retry` or `Park`.
Deliveries may repeat; every message carries an id by which its consumer knows that.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

import httpx
from botocore.exceptions import ClientError
from cafe_kit.aws import AwsCalls, error_code
from cafe_kit.context import continue_trace, current_trace
from cafe_kit.errors import UnavailableError

from cafe_order import events
from cafe_order.events import Decision
from cafe_order.outbox import OutboxRow

MALFORMED = frozenset(
    {
        "InvalidArgumentException",
        "InvalidMessageContents",
        "InvalidParameterValue",
        "ValidationException",
    }
)
SQS_BATCH = 10
STOCK_CONCURRENCY = 8


@dataclass(frozen=True, slots=True)
class Delivered:
    """It is there. `decision` is what the stock said, if the row asked it."""

    decision: Decision | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """Not now."""

    reason: str


@dataclass(frozen=True, slots=True)
class Park:
    """Never: a person has to look."""

    reason: str


Outcome = Delivered | Retry | Park


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

    async def deliver(self, rows: Sequence[OutboxRow]) -> list[Outcome]:
        """One outcome a row, in the rows' order."""
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
        if code not in MALFORMED:
            return [Retry(f"{code}: {error}") for _ in rows]
        if len(rows) == 1:
            return [Park(f"{code}: {error}")]
    middle = len(rows) // 2
    return [
        *await deliver_or_split(rows[:middle], send),
        *await deliver_or_split(rows[middle:], send),
    ]


class KinesisDestination:
    """Order events; the order's id is the partition key, so a shard keeps their order."""

    name = events.KINESIS
    batch_size = 500

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
        return [_sqs_outcome(failed.get(str(row.id))) for row in rows]


def _sqs_outcome(failure: dict[str, Any] | None) -> Outcome:
    if failure is None:
        return Delivered()
    reason = f"{failure['Code']}: {failure.get('Message', '')}"
    return Park(reason) if failure.get("SenderFault") else Retry(reason)


class StockDestination:
    """Reservations and commits at the inventory service; its word decides the order."""

    name = events.STOCK
    batch_size = 32

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._room = asyncio.Semaphore(STOCK_CONCURRENCY)

    async def deliver(self, rows: Sequence[OutboxRow]) -> list[Outcome]:
        """One call a row, a few at a time."""
        return list(await asyncio.gather(*(self._deliver_one(row) for row in rows)))

    async def check(self) -> None:
        """Raise unless the inventory service answers."""
        (await self._client.get("/livez")).raise_for_status()

    async def _deliver_one(self, row: OutboxRow) -> Outcome:
        try:
            facts = json.loads(row.payload)
            lines = [{"sku": x["sku"], "quantity": x["quantity"]} for x in facts["lines"]]
            body = {
                "storeId": facts["storeId"],
                "lines": lines,
                "synthetic": facts["synthetic"],
            }
        except (ValueError, KeyError, TypeError) as error:
            return Park(f"The payload is malformed: {type(error).__name__}: {error}")
        if row.kind not in {events.RESERVE, events.COMMIT}:
            return Park(f"Nobody handles {row.kind!r}.")
        path = f"/reservations/{row.order_id}"
        async with self._room:
            _take_up_trace(row.trace_id)
            try:
                if row.kind == events.RESERVE:
                    response = await self._client.put(path, json=body)
                else:
                    response = await self._client.post(f"{path}/commit")
            except httpx.HTTPError as error:
                return Retry(f"The inventory service: {type(error).__name__}: {error}")
        return judge_stock(row.kind, response)


def _take_up_trace(trace_id: str) -> None:
    if current_trace() is None or trace_id:
        continue_trace(f"00-{trace_id}-{'1' * 16}-01")


def judge_stock(kind: str, response: httpx.Response) -> Outcome:
    """What the inventory's answer means for the order."""
    status = response.status_code
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.UNAUTHORIZED,  # a token that is being rotated is no poison
        HTTPStatus.FORBIDDEN,
    }:
        return Retry(f"The inventory service answered {status}: {response.text[:300]}")
    if kind == events.COMMIT:
        return Delivered() if response.is_success else Park(_quote(response))
    if response.is_success:
        if _document(response).get("status") == "released":
            return Delivered(Decision("rejected", "the reservation was released"))
        return Delivered(Decision("confirmed"))
    if status == HTTPStatus.CONFLICT:
        detail = _document(response).get("detail", "out of stock")
        return Delivered(Decision("rejected", str(detail)))
    return Park(_quote(response))


def _document(response: httpx.Response) -> dict[str, Any]:
    try:
        document = response.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _quote(response: httpx.Response) -> str:
    return f"The inventory service refused with {response.status_code}: {response.text[:300]}"
