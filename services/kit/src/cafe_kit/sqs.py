"""The consumer of an SQS queue: receives, lets a handler judge, and does what it said.

A service makes one `SqsConsumer` for a queue and adds its `run` to the application's workers.
Messages may come twice: the handler knows them by their id. A crash at any step leaves a message
on the queue, or parked and on the queue; never nowhere.
"""

import asyncio
import math
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import structlog
from botocore.exceptions import ClientError

from cafe_kit.aws import AwsCalls
from cafe_kit.context import Trace, following
from cafe_kit.dead_letters import DeadLetters, Parked, dead_letters_of
from cafe_kit.errors import UnavailableError
from cafe_kit.metrics import Metrics
from cafe_kit.sending import Failed, Outcome, QueueUrl, Sent, send_batch
from cafe_kit.workers import wait_or_stop

__all__ = [
    "Again",
    "DeadLetters",
    "Done",
    "Failed",
    "Message",
    "Outcome",
    "Parked",
    "Poison",
    "QueueUrl",
    "Sent",
    "SqsConsumer",
    "Verdict",
    "dead_letters_of",
    "in_group_order",
    "message_of_lambda",
    "send_batch",
]

log = structlog.get_logger()

RECEIVE = 10
LONG_POLL_SECONDS = 1
HANDLE_SECONDS = 45.0
VISIBILITY_SECONDS = 60
"""Longer than a batch may take, so that nobody else gets it meanwhile."""
LONGEST_AGAIN_SECONDS = 60.0
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 5.0

_TRACE_ID = re.compile(r'"traceId":\s*"([0-9a-f]{32})"')


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery of a message. `group` is empty on a queue without groups."""

    id: str
    body: str
    group: str
    receives: int
    receipt: str

    @property
    def trace_id(self) -> str:
        """The trace that its sender was in, or nothing."""
        match = _TRACE_ID.search(self.body)
        return match.group(1) if match else ""

    def traced(self) -> AbstractContextManager[Trace]:
        """Take up its trace: a handler of many does this around each."""
        return following(self.trace_id)


@dataclass(frozen=True, slots=True)
class Done:
    """Handled, now or before: delete it."""


@dataclass(frozen=True, slots=True)
class Again:
    """Not now. It comes back after this long, later each time."""

    reason: str
    after_seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Poison:
    """Never: park it."""

    reason: str


Verdict = Done | Again | Poison
Handler = Callable[[Sequence[Message]], Awaitable[Sequence[Verdict]]]


def in_group_order(messages: Sequence[Message], verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts, where after an `Again` all later ones of its group are `Again` too.

    Else the queue would deliver the first after those that followed it.
    """
    waiting: dict[str, Again] = {}
    ordered: list[Verdict] = []
    for message, verdict in zip(messages, verdicts, strict=True):
        earlier = waiting.get(message.group) if message.group else None
        if earlier is not None:
            behind = Again("An earlier message of its group waits.", earlier.after_seconds)
            ordered.append(behind)
            continue
        if isinstance(verdict, Again):
            waiting[message.group] = verdict
        ordered.append(verdict)
    return ordered


def message_of_lambda(record: Mapping[str, Any]) -> Message:
    """A record of the event that Lambda hands to a function for a queue."""
    attributes = record["attributes"]
    return Message(
        id=record["messageId"],
        body=record["body"],
        group=attributes.get("MessageGroupId", ""),
        receives=int(attributes.get("ApproximateReceiveCount", 1)),
        receipt=record["receiptHandle"],
    )


class SqsConsumer:
    """The worker of one queue; `concurrency` batches are handled at a time."""

    def __init__(  # noqa: PLR0913 - all of them are wiring, by name
        self,
        aws: AwsCalls,
        queue: str,
        handle: Handler,
        *,
        service: str,
        metrics: Metrics,
        concurrency: int = 1,
    ) -> None:
        self._aws = aws
        self._name = queue
        self._queue = QueueUrl(aws, queue)
        self._handle = handle
        self._source = f"sqs:{queue}"
        self._concurrency = concurrency
        self._metrics = metrics
        self._dead_letters = DeadLetters(
            aws, dead_letters_of(queue), consumer=service, source=self._source
        )

    async def check(self) -> None:
        """Raise unless the queue is there."""
        await self._queue.get(fresh=True)

    async def run(self, stopping: asyncio.Event) -> None:
        """Worker: handle messages until told to stop; a batch that was received is finished."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._concurrency):
                group.create_task(self._run_one(stopping))

    async def _run_one(self, stopping: asyncio.Event) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not stopping.is_set():
            try:
                await self.run_once()
            except UnavailableError as error:
                level = log.warning if pause == FIRST_PAUSE_SECONDS else log.debug
                level("queue waits", queue=self._name, why=error.detail)
                await wait_or_stop(stopping, pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            else:
                pause = FIRST_PAUSE_SECONDS

    async def run_once(self) -> int:
        """Receive and handle one batch; returns how many messages it had.

        Raises:
            UnavailableError: SQS is away.
        """
        messages = await self._receive()
        if not messages:
            return 0
        verdicts = in_group_order(messages, await self._judge(messages))
        verdicts = in_group_order(messages, await self._park(messages, verdicts))
        await self._settle(messages, verdicts)
        for verdict in verdicts:
            self._metrics.messages.labels(self._source, type(verdict).__name__.lower()).inc()
        return len(messages)

    async def _receive(self) -> list[Message]:
        answer = await self._call(
            "receive_message",
            MaxNumberOfMessages=RECEIVE,
            WaitTimeSeconds=LONG_POLL_SECONDS,
            VisibilityTimeout=VISIBILITY_SECONDS,
            MessageSystemAttributeNames=["MessageGroupId", "ApproximateReceiveCount"],
        )
        return [
            Message(
                id=one["MessageId"],
                body=one["Body"],
                group=one.get("Attributes", {}).get("MessageGroupId", ""),
                receives=int(one.get("Attributes", {}).get("ApproximateReceiveCount", 1)),
                receipt=one["ReceiptHandle"],
            )
            for one in answer.get("Messages", ())
        ]

    async def _judge(self, messages: Sequence[Message]) -> Sequence[Verdict]:
        alone = messages[0].traced() if len(messages) == 1 else nullcontext()
        try:
            with alone:
                async with asyncio.timeout(HANDLE_SECONDS):
                    return await self._ask(messages)
        except UnavailableError as error:
            return [Again(error.detail, error.retry_after_seconds)] * len(messages)
        except Exception as error:  # logged whole; nothing is lost, all of it comes again
            log.exception("messages failed", queue=self._name, ids=[m.id for m in messages])
            return [Again(f"{type(error).__name__}: {error}")] * len(messages)

    async def _ask(self, messages: Sequence[Message]) -> Sequence[Verdict]:
        verdicts = await self._handle(messages)
        if len(verdicts) != len(messages):
            raise RuntimeError(f"{len(verdicts)} verdicts for {len(messages)} messages")
        return verdicts

    async def _park(
        self, messages: Sequence[Message], verdicts: Sequence[Verdict]
    ) -> Sequence[Verdict]:
        """Park the poison before it is deleted; what cannot be parked now comes again."""
        poison = [
            Parked(message.id, message.body.encode(), message.group, verdict.reason)
            for message, verdict in zip(messages, verdicts, strict=True)
            if isinstance(verdict, Poison)
        ]
        try:
            await self._dead_letters.park(poison)
        except UnavailableError as error:
            log.warning("poison stays", queue=self._name, why=error.detail)
            return [Again(error.detail) if isinstance(v, Poison) else v for v in verdicts]
        return verdicts

    async def _settle(self, messages: Sequence[Message], verdicts: Sequence[Verdict]) -> None:
        gone, again = [], []
        for index, (message, verdict) in enumerate(zip(messages, verdicts, strict=True)):
            entry = {"Id": str(index), "ReceiptHandle": message.receipt}
            if isinstance(verdict, Again):
                log.info("message again", queue=self._name, id=message.id, why=verdict.reason)
                seconds = again_seconds(verdict, message.receives)
                again.append({**entry, "VisibilityTimeout": seconds})
            else:
                gone.append(entry)
        if gone:
            answer = await self._call("delete_message_batch", Entries=gone)
            for failure in answer.get("Failed", ()):
                log.warning("message not deleted, it comes again", **failure)
        if again:
            answer = await self._call("change_message_visibility_batch", Entries=again)
            for failure in answer.get("Failed", ()):
                log.info("message comes again at its own time", **failure)

    async def _call(self, operation: str, **parameters: object) -> dict[str, Any]:
        url = await self._queue.get()
        try:
            return await self._aws.call("sqs", operation, QueueUrl=url, **parameters)
        except ClientError as error:
            raise self._queue.translated(error) from error


def again_seconds(verdict: Again, receives: int) -> int:
    """Whole seconds until it is delivered again: doubled at each delivery, up to a bound."""
    doubled = verdict.after_seconds * 2.0 ** min(max(receives - 1, 0), 10)
    longest = max(verdict.after_seconds, LONGEST_AGAIN_SECONDS)
    return math.ceil(min(doubled, longest))
