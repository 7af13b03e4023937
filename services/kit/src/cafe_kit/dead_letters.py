"""Parking messages that nobody can handle, so that what follows them can go on.

Used by the consumers of `sqs.py` and `kinesis.py`. A parked message keeps its body and says in
its attributes why, for whom and whence it came, so that `cafectl redrive` can put it back.
"""

import base64
import gzip
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from cafe_kit.aws import AwsCalls
from cafe_kit.errors import UnavailableError
from cafe_kit.sending import Failed, QueueUrl, send_batch
from cafe_kit.wire import utc_now

log = structlog.get_logger()

MAX_BODY_BYTES = 200 * 1024
"""SQS takes 256 KiB with the attributes."""
MAX_REASON = 1000
_UNSENDABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_UNTRUSTED_GROUP = re.compile(r"[^\x21-\x7e]")


def dead_letters_of(queue: str) -> str:
    """The name of a queue's dead-letter queue."""
    suffix = ".fifo"
    if queue.endswith(suffix):
        return f"{queue.removesuffix(suffix)}-dlq{suffix}"
    return f"{queue}-dlq"


@dataclass(frozen=True, slots=True)
class Parked:
    """A message on its way to the dead letters.

    `id` is the same whenever the same message is parked: a crash between parking and moving on
    parks it again, and whoever redrives knows it by that.
    """

    id: str
    body: bytes
    partition_key: str
    reason: str


class DeadLetters:
    """The dead-letter queue of one consumer of one source."""

    def __init__(
        self,
        aws: AwsCalls,
        queue: str,
        *,
        consumer: str,
        source: str,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """`source` is `sqs:<queue>` or `kinesis:<stream>`."""
        self._aws = aws
        self._queue = QueueUrl(aws, queue)
        self._fifo = queue.endswith(".fifo")
        self._consumer = consumer
        self._source = source
        self._clock = clock

    async def park(self, parked: Sequence[Parked]) -> None:
        """Park all, or raise; what was parked before the error may be parked again.

        Raises:
            UnavailableError: not all of them are parked.
        """
        if not parked:
            return
        entries = [self._entry(one) for one in parked]
        outcomes = await send_batch(self._aws, await self._queue.get(), entries)
        for one, outcome in zip(parked, outcomes, strict=True):
            if isinstance(outcome, Failed):
                raise UnavailableError(f"{one.id} cannot be parked: {outcome.reason}")
            log.error("message parked", id=one.id, source=self._source, reason=one.reason)

    async def check(self) -> None:
        """Raise unless the queue is there."""
        await self._queue.get(fresh=True)

    def _entry(self, parked: Parked) -> dict[str, Any]:
        encoding, body = _sendable(parked)
        attributes = {
            "reason": _UNSENDABLE.sub("\ufffd", parked.reason)[:MAX_REASON],
            "consumer": self._consumer,
            "source": self._source,
            "partitionKey": _UNSENDABLE.sub("\ufffd", parked.partition_key),
            "messageId": parked.id,
            "at": self._clock().isoformat(),
            "encoding": encoding,
        }
        entry: dict[str, Any] = {
            "MessageBody": body,
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
                if value
            },
        }
        if self._fifo:
            group = _UNTRUSTED_GROUP.sub("_", parked.partition_key)[:128]
            entry["MessageGroupId"] = group or "none"
            entry["MessageDeduplicationId"] = parked.id[:128]
        return entry


def _sendable(parked: Parked) -> tuple[str, str]:
    """The encoding's name and the body in it: plain if SQS takes it so.

    A body that is too large even when compressed stays where it is: the letter then says so.
    """
    try:
        text = parked.body.decode()
    except UnicodeDecodeError:
        text = ""
    if text and len(parked.body) <= MAX_BODY_BYTES and not _UNSENDABLE.search(text):
        return "plain", text
    packed = base64.b64encode(gzip.compress(parked.body, mtime=0)).decode()
    if len(packed) <= MAX_BODY_BYTES:
        return "gzip+base64", packed
    note = {"leftAt": parked.id, "bytes": len(parked.body)}
    return "left", json.dumps(note)
