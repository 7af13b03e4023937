"""The consumer of a Kinesis stream: every record once its position, in order, across resharding.

A service makes one `KinesisConsumer` with a `Sink` of its own and adds its `run` to the
application's workers. The sink stores what it makes of a batch together with the position, so a
crash at any step repeats a batch and loses none. What nobody can read is parked before the
position moves past it.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog
from botocore.exceptions import ClientError

from cafe_kit.aws import AwsCalls, error_code
from cafe_kit.dead_letters import DeadLetters, Parked
from cafe_kit.errors import UnavailableError
from cafe_kit.events import Event, MalformedEventError, parse_event
from cafe_kit.metrics import Metrics
from cafe_kit.workers import wait_or_stop

log = structlog.get_logger()

SHARD_END = "SHARD_END"
LIST_SECONDS = 15.0
READS_SECONDS = 0.21
"""A shard answers five reads a second, for all its consumers together."""
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ShardBatch:
    """What was read of a shard in one go. `after` is the last record's sequence number."""

    stream: str
    shard: str
    before: str | None
    after: str
    events: Sequence[Event]
    closed: bool

    @property
    def position(self) -> str:
        """What to store: `after`, or `SHARD_END` where nothing can follow."""
        return SHARD_END if self.closed else self.after


class Sink(Protocol):
    """Where events go. Every call is atomic and bounded in time."""

    async def positions(self) -> Mapping[str, str]:
        """Shard → the last absorbed sequence number, or SHARD_END."""
        ...

    async def absorb(self, batch: ShardBatch) -> None:
        """Store the events and the batch's `position` together; may come again as it is.

        Raises:
            EventRefusedError: one event can never be stored; the batch comes again without it.
            PositionMovedError: the stored position is not the batch's `before`.
        """
        ...


class EventRefusedError(Exception):
    """A sink can never store one event."""

    def __init__(self, event_id: str, reason: str) -> None:
        super().__init__(f"{event_id}: {reason}")
        self.event_id = event_id
        self.reason = reason


class PositionMovedError(Exception):
    """Another replica was faster; the positions are read again."""


@dataclass
class _Shard:
    """What we know of a shard that we read."""

    id: str
    position: str | None
    iterator: str = ""
    due: float = 0.0
    pause: float = FIRST_PAUSE_SECONDS
    current_at: float = field(default=0.0)


class KinesisConsumer:
    """The worker of one stream."""

    def __init__(  # noqa: PLR0913 - all of them are wiring, by name
        self,
        aws: AwsCalls,
        stream: str,
        sink: Sink,
        dead_letters: DeadLetters,
        *,
        metrics: Metrics,
        poll_seconds: float = 0.5,
        limit: int = 1000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._aws = aws
        self._stream = stream
        self._sink = sink
        self._dead_letters = dead_letters
        self._metrics = metrics
        self._poll_seconds = poll_seconds
        self._limit = limit
        self._clock = clock
        self._open: dict[str, _Shard] = {}
        self._listed_at: float | None = None

    async def check(self) -> None:
        """Raise unless the stream answers."""
        await self._call("describe_stream_summary", StreamName=self._stream)

    async def run(self, stopping: asyncio.Event) -> None:
        """Worker: absorb until told to stop; a batch that was read is finished."""
        told = False
        while not stopping.is_set():
            try:
                await self.run_once()
                told = False
            except UnavailableError as error:
                level = log.debug if told else log.warning
                level("stream waits", stream=self._stream, why=error.detail)
                told = True
            await wait_or_stop(stopping, self._rest_seconds())

    async def run_once(self) -> int:
        """One read of every shard that is due; returns how many records were absorbed.

        Raises:
            UnavailableError: the shards or the positions cannot be had.
        """
        now = self._clock()
        if self._listed_at is None or now - self._listed_at >= LIST_SECONDS:
            await self._refresh()
        due = [shard for shard in self._open.values() if shard.due <= now]
        counts = await asyncio.gather(*(self._turn(shard) for shard in due))
        self._report_lag()
        return sum(counts)

    async def _refresh(self) -> None:
        """Which shards can be read now: those whose parents were read to their end."""
        listed = await self._list_shards()
        positions = dict(await self._sink.positions())
        for shard in listed:
            if positions.get(shard["ShardId"]) == SHARD_END and _is_open(shard):
                # the stream was made anew under its old name
                log.error("stream begins anew", stream=self._stream, shard=shard["ShardId"])
                del positions[shard["ShardId"]]
        readable = readable_shards(listed, positions)
        now = self._clock()
        self._open = {
            shard_id: self._open.get(shard_id)
            or _Shard(shard_id, positions.get(shard_id), due=now, current_at=now)
            for shard_id in readable
        }
        self._listed_at = now

    async def _list_shards(self) -> list[dict[str, Any]]:
        shards: list[dict[str, Any]] = []
        parameters: dict[str, Any] = {"StreamName": self._stream}
        while True:
            answer = await self._call("list_shards", **parameters)
            shards += answer["Shards"]
            if not answer.get("NextToken"):
                return shards
            parameters = {"NextToken": answer["NextToken"]}

    async def _turn(self, shard: _Shard) -> int:
        """One read of one shard; what goes wrong makes only this shard wait."""
        try:
            absorbed = await self._read(shard)
        except PositionMovedError:
            log.info("position moved", stream=self._stream, shard=shard.id)
            self._forget(shard)
        except UnavailableError as error:
            log.warning("shard waits", stream=self._stream, shard=shard.id, why=error.detail)
            self._later(shard)
        except Exception:  # logged whole; nothing is lost, the batch comes again
            log.exception("shard failed", stream=self._stream, shard=shard.id)
            self._later(shard)
        else:
            return absorbed
        return 0

    async def _read(self, shard: _Shard) -> int:
        began = self._clock()
        if not shard.iterator:
            shard.iterator = await self._iterator(shard)
        try:
            answer = await self._call(
                "get_records", ShardIterator=shard.iterator, Limit=self._limit
            )
        except ClientError as error:
            if error_code(error) != "ExpiredIteratorException":
                raise
            shard.iterator = ""
            return 0
        # until the batch is absorbed, a failure begins at the old position
        shard.iterator = ""
        records = answer["Records"]
        following = answer.get("NextShardIterator")
        if records or not following:
            await self._absorb(shard, records, closed=not following)
        behind = answer.get("MillisBehindLatest", 0) / 1000
        shard.pause = FIRST_PAUSE_SECONDS
        shard.current_at = began - behind
        shard.due = began + (READS_SECONDS if behind or records else self._poll_seconds)
        if following:
            shard.iterator = following
        else:
            self._forget(shard)
        return len(records)

    async def _absorb(
        self, shard: _Shard, records: Sequence[Mapping[str, Any]], *, closed: bool
    ) -> None:
        events: list[Event] = []
        origins: list[Mapping[str, Any]] = []
        parked: list[Parked] = []
        for record in records:
            try:
                events.append(parse_event(record["Data"]))
                origins.append(record)
            except MalformedEventError as error:
                parked.append(_parked(shard.id, record, error.reason))
        await self._dead_letters.park(parked)
        after = records[-1]["SequenceNumber"] if records else shard.position or SHARD_END
        while True:
            batch = ShardBatch(self._stream, shard.id, shard.position, after, tuple(events), closed)
            try:
                await self._sink.absorb(batch)
                break
            except EventRefusedError as error:
                refused = [i for i, event in enumerate(events) if event.id == error.event_id]
                if not refused:
                    raise
                letters = [_parked(shard.id, origins[i], error.reason) for i in refused]
                await self._dead_letters.park(letters)
                parked += letters
                events = [e for i, e in enumerate(events) if i not in refused]
                origins = [o for i, o in enumerate(origins) if i not in refused]
        shard.position = batch.position
        self._count(len(events), len(parked))

    def _count(self, absorbed: int, parked: int) -> None:
        source = f"kinesis:{self._stream}"
        self._metrics.messages.labels(source, "done").inc(absorbed)
        self._metrics.messages.labels(source, "poison").inc(parked)

    async def _iterator(self, shard: _Shard) -> str:
        where: dict[str, Any] = {"ShardIteratorType": "TRIM_HORIZON"}
        if shard.position is not None:
            where = {
                "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                "StartingSequenceNumber": shard.position,
            }
        try:
            answer = await self._call(
                "get_shard_iterator", StreamName=self._stream, ShardId=shard.id, **where
            )
        except ClientError as error:
            if error_code(error) != "InvalidArgumentException" or shard.position is None:
                raise
            # trimmed long ago, or of an older stream of this name: repeat rather than lose
            log.exception("position unknown", stream=self._stream, shard=shard.id)
            answer = await self._call(
                "get_shard_iterator",
                StreamName=self._stream,
                ShardId=shard.id,
                ShardIteratorType="TRIM_HORIZON",
            )
        iterator: str = answer["ShardIterator"]
        return iterator

    async def _call(self, operation: str, **parameters: object) -> dict[str, Any]:
        try:
            return await self._aws.call("kinesis", operation, **parameters)
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                raise UnavailableError(
                    f"The stream {self._stream} or its shard does not exist (yet).",
                    slug="stream-missing",
                ) from error
            if error_code(error) == "LimitExceededException":
                raise UnavailableError(f"Kinesis limits {operation}.") from error
            raise

    def _forget(self, shard: _Shard) -> None:
        """It ended or somebody else moved it: list shards and read positions anew."""
        self._open.pop(shard.id, None)
        self._listed_at = None

    def _later(self, shard: _Shard) -> None:
        """After a failure the stored position may be another: it is read again, after a pause."""
        shard.iterator = ""
        shard.due = self._clock() + shard.pause
        shard.pause = min(shard.pause * 2, LONGEST_PAUSE_SECONDS)

    def _rest_seconds(self) -> float:
        if self._listed_at is None:
            return FIRST_PAUSE_SECONDS
        soonest = min((shard.due for shard in self._open.values()), default=0.0)
        return min(max(soonest - self._clock(), 0.01), self._poll_seconds)

    def _report_lag(self) -> None:
        if self._open:
            oldest = min(shard.current_at for shard in self._open.values())
            self._metrics.stream_lag.labels(self._stream).set(max(0.0, self._clock() - oldest))


def _is_open(shard: Mapping[str, Any]) -> bool:
    return not shard.get("SequenceNumberRange", {}).get("EndingSequenceNumber")


def readable_shards(listed: Sequence[Mapping[str, Any]], positions: Mapping[str, str]) -> list[str]:
    """Shards that are not done and whose parents are (or are so old that nobody lists them)."""
    names = {shard["ShardId"] for shard in listed}
    readable = []
    for shard in listed:
        parents = {shard.get("ParentShardId"), shard.get("AdjacentParentShardId")} & names
        done = positions.get(shard["ShardId"]) == SHARD_END
        if not done and all(positions.get(str(parent)) == SHARD_END for parent in parents):
            readable.append(str(shard["ShardId"]))
    return readable


def _parked(shard: str, record: Mapping[str, Any], reason: str) -> Parked:
    return Parked(
        id=f"{shard}:{record['SequenceNumber']}",
        body=bytes(record["Data"]),
        partition_key=record["PartitionKey"],
        reason=reason,
    )
