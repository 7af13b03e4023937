"""Sending to SQS in batches: each entry gets its own verdict, and groups keep their order.

Used by the dead letters, by outboxes, and by whoever answers on a queue.
"""

import asyncio
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from cafe_kit.aws import AwsCalls, error_code
from cafe_kit.errors import UnavailableError

BATCH = 10
MAX_BATCH_BYTES = 240 * 1024
"""SQS takes 256 KiB in one call; attributes and framing need some of it."""
ATTEMPTS = 3
PAUSE_SECONDS = 0.05
MISSING = frozenset({"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"})
DENIED = frozenset({"AccessDenied", "AccessDeniedException"})

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sent:
    """The queue has it."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The queue does not have it, or nobody knows. `permanent`: it never will as it is."""

    reason: str
    permanent: bool = False


Outcome = Sent | Failed


class QueueUrl:
    """The URL of a queue, asked for once."""

    def __init__(self, aws: AwsCalls, queue: str) -> None:
        self._aws = aws
        self._queue = queue
        self._url = ""

    async def get(self, *, fresh: bool = False) -> str:
        """The URL.

        Raises:
            UnavailableError: SQS is away, or has no such queue (yet).
        """
        if fresh or not self._url:
            try:
                answer = await self._aws.call("sqs", "get_queue_url", QueueName=self._queue)
            except ClientError as error:
                raise self.translated(error) from error
            self._url = answer["QueueUrl"]
        return self._url

    def translated(self, error: ClientError) -> Exception:
        """A refusal that means the queue is missing or closed to us, as what it is: it may pass.

        The URL of a missing queue is asked for again.
        """
        if error_code(error) in DENIED:
            return UnavailableError(
                f"The queue {self._queue} refuses this service: see its policy.",
                slug="queue-refuses",
            )
        if error_code(error) not in MISSING:
            return error
        self._url = ""
        return UnavailableError(
            f"The queue {self._queue} does not exist (yet).", slug="queue-missing"
        )


async def send_batch(aws: AwsCalls, queue_url: str, entries: Sequence[Entry]) -> list[Outcome]:
    """Send entries (as SendMessageBatch takes them, `Id` is ours); one outcome each.

    Entries of a group go in their order: after one that failed, the later ones are not sent.
    What fails for a passing reason is tried again a few times. Never raises for an entry's fault.
    """
    outcomes: list[Outcome | None] = [None] * len(entries)
    broken: set[str] = set()
    for chunk in _chunks(entries):
        sendable = []
        for index in chunk:
            if entries[index].get("MessageGroupId") in broken:
                outcomes[index] = Failed("An earlier message of its group was not sent.")
            else:
                sendable.append(index)
        results = await _send_chunk(aws, queue_url, {i: entries[i] for i in sendable})
        for index, outcome in results.items():
            outcomes[index] = outcome
            group = entries[index].get("MessageGroupId")
            if isinstance(outcome, Failed) and group is not None:
                broken.add(group)
    return [outcome for outcome in outcomes if outcome is not None]


def _chunks(entries: Sequence[Entry]) -> Iterator[list[int]]:
    """Indices, few and small enough for one call, and no group twice in one call."""
    waiting = list(range(len(entries)))
    while waiting:
        chunk: list[int] = []
        left: list[int] = []
        groups: set[str] = set()
        room = MAX_BATCH_BYTES
        for index in waiting:
            group, size = entries[index].get("MessageGroupId"), _size(entries[index])
            fits = len(chunk) < BATCH and (size <= room or not chunk)
            if fits and group not in groups:
                chunk.append(index)
                room -= size
            else:
                left.append(index)
            if group is not None:
                groups.add(group)
        yield chunk
        waiting = left


def _size(entry: Entry) -> int:
    attributes = entry.get("MessageAttributes", {})
    return len(entry["MessageBody"].encode()) + sum(
        len(name) + len(value.get("StringValue", "").encode()) + 16
        for name, value in attributes.items()
    )


async def _send_chunk(
    aws: AwsCalls, queue_url: str, entries: Mapping[int, Entry]
) -> dict[int, Outcome]:
    outcomes: dict[int, Outcome] = {}
    pending = dict(entries)
    for attempt in range(ATTEMPTS):
        if not pending:
            break
        if attempt:
            await asyncio.sleep(PAUSE_SECONDS * (1 + random.random()) * attempt)  # noqa: S311 - jitter
        outcomes |= await _send_once(aws, queue_url, pending)
        pending = {
            index: entry
            for index, entry in pending.items()
            if isinstance(failed := outcomes[index], Failed) and not failed.permanent
        }
    return outcomes


async def _send_once(
    aws: AwsCalls, queue_url: str, entries: Mapping[int, Entry]
) -> dict[int, Outcome]:
    batch = [{**entry, "Id": str(index)} for index, entry in entries.items()]
    try:
        answer = await aws.call("sqs", "send_message_batch", QueueUrl=queue_url, Entries=batch)
    except (UnavailableError, ClientError) as error:
        # a refusal of the whole call says nothing about a single entry, unless it stands alone
        permanent = isinstance(error, ClientError) and len(batch) == 1
        return {index: Failed(str(error), permanent=permanent) for index in entries}
    failures = {int(one["Id"]): one for one in answer.get("Failed", ())}
    return {index: _outcome(failures.get(index)) for index in entries}


def _outcome(failure: Mapping[str, Any] | None) -> Outcome:
    if failure is None:
        return Sent()
    reason = f"{failure['Code']}: {failure.get('Message', '')}"
    return Failed(reason, permanent=bool(failure.get("SenderFault")))
