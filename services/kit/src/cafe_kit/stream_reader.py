"""Reading a Kinesis stream: its API as the consumer in `kinesis.py` needs it, with its errors.

Pure translation: no state, no retry of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from botocore.exceptions import ClientError

from cafe_kit.aws import AwsCalls, error_code
from cafe_kit.errors import UnavailableError

log = structlog.get_logger()

SHARD_END = "SHARD_END"
"""The position of a shard that was read to its end."""
MISSING = "stream-missing"
"""The problem's slug when the stream is not there, or not the shard any more."""

Record = Mapping[str, Any]


class ExpiredIteratorError(Exception):
    """An iterator was not used for five minutes: a new one is needed, nothing is lost."""


@dataclass(frozen=True, slots=True)
class ShardInfo:
    """A shard as the stream lists it. `is_open`: records may still be added."""

    id: str
    parents: frozenset[str]
    is_open: bool


@dataclass(frozen=True, slots=True)
class Read:
    """Records of one shard; without a `following` iterator these were the last."""

    records: Sequence[Record]
    following: str
    behind_seconds: float


class StreamReader:
    """One stream."""

    def __init__(self, aws: AwsCalls, stream: str) -> None:
        self._aws = aws
        self._stream = stream

    async def check(self) -> None:
        """Raise unless the stream answers."""
        await self._call("describe_stream_summary", StreamName=self._stream)

    async def shards(self) -> list[ShardInfo]:
        """All shards that are open or whose records are still kept."""
        found: list[ShardInfo] = []
        parameters: dict[str, Any] = {"StreamName": self._stream}
        while True:
            answer = await self._call("list_shards", **parameters)
            found += [_info(shard) for shard in answer["Shards"]]
            if not answer.get("NextToken"):
                return found
            parameters = {"NextToken": answer["NextToken"]}

    async def iterator(self, shard: str, after: str | None) -> str:
        """Where to read on; from the oldest record if `after` is unknown to the shard."""
        where = {"ShardIteratorType": "TRIM_HORIZON"}
        if after is not None:
            where = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": after}
        try:
            answer = await self._call(
                "get_shard_iterator", StreamName=self._stream, ShardId=shard, **where
            )
        except ClientError as error:
            if error_code(error) != "InvalidArgumentException" or after is None:
                raise
            # trimmed long ago, or of an older stream of this name: rather twice than not at all
            log.exception("position unknown", stream=self._stream, shard=shard, after=after)
            return await self.iterator(shard, None)
        iterator: str = answer["ShardIterator"]
        return iterator

    async def read(self, iterator: str, limit: int) -> Read:
        """The next records.

        Raises:
            ExpiredIteratorError: the iterator is too old.
            UnavailableError: Kinesis is away or throttles.
        """
        try:
            answer = await self._call("get_records", ShardIterator=iterator, Limit=limit)
        except ClientError as error:
            if error_code(error) == "ExpiredIteratorException":
                raise ExpiredIteratorError from error
            raise
        return Read(
            records=answer["Records"],
            following=answer.get("NextShardIterator") or "",
            behind_seconds=answer.get("MillisBehindLatest", 0) / 1000,
        )

    async def _call(self, operation: str, **parameters: object) -> dict[str, Any]:
        try:
            return await self._aws.call("kinesis", operation, **parameters)
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                raise UnavailableError(
                    f"The stream {self._stream} or its shard does not exist (yet).",
                    slug=MISSING,
                ) from error
            if error_code(error) == "LimitExceededException":
                raise UnavailableError(f"Kinesis limits {operation}.") from error
            raise


def readable_shards(
    listed: Sequence[ShardInfo], positions: Mapping[str, str]
) -> list[tuple[str, str | None]]:
    """Shards to read now, each with where to read on.

    That is: not read to their end yet, and their parents are, or are so old that they are gone.
    An open shard cannot have been read to its end: then the stream was made anew under its old
    name, and its shard is read from the beginning.
    """
    names = {shard.id for shard in listed}
    reopened = {shard.id for shard in listed if shard.is_open}
    done = {name for name, at in positions.items() if at == SHARD_END and name not in reopened}
    readable = []
    for shard in listed:
        if shard.id in done or (shard.parents & names) - done:
            continue
        after = positions.get(shard.id)
        readable.append((shard.id, None if after == SHARD_END else after))
    return readable


def _info(shard: Mapping[str, Any]) -> ShardInfo:
    parents = {shard.get("ParentShardId"), shard.get("AdjacentParentShardId")} - {None}
    return ShardInfo(
        id=shard["ShardId"],
        parents=frozenset(str(parent) for parent in parents),
        is_open=not shard.get("SequenceNumberRange", {}).get("EndingSequenceNumber"),
    )
