"""The consumer of a Kinesis stream: every record, in its shard's order, across resharding.

A service makes one `KinesisConsumer` with a `Sink` of its own and adds its `run` to the
application's workers. The sink stores what it makes of a batch together with the position, so a
crash at any step repeats a batch and loses none. What nobody can read is parked before the
position moves past it.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from cafe_kit.aws import AwsCalls
from cafe_kit.dead_letters import DeadLetters, Parked
from cafe_kit.errors import UnavailableError
from cafe_kit.events import Event, MalformedEventError, parse_event
from cafe_kit.metrics import Metrics
from cafe_kit.stream_reader import (
    MISSING,
    SHARD_END,
    ExpiredIteratorError,
    Record,
    StreamReader,
    readable_shards,
)
from cafe_kit.workers import wait_or_stop

__all__ = [
    "SHARD_END",
    "EventRefusedError",
    "KinesisConsumer",
    "PositionMovedError",
    "ShardBatch",
    "Sink",
]

log = structlog.get_logger()

LIST_SECONDS = 15.0
READ_SECONDS = 0.21
"""A shard answers five reads a second."""
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class ShardBatch:
    """What was read of a shard in one go. `after` is the last record's sequence number.

    `before` is the position as the sink stored it, for a sink that compares before it stores.
    """

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
    """A shard that is being read: `stored` is the sink's position, `after` where to read on."""

    id: str
    stored: str | None
    after: str | None
    current_at: float
    due: float
    iterator: str = ""
    pause: float = FIRST_PAUSE_SECONDS
    in_doubt: bool = False


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
        self._stream = stream
        self._reader = StreamReader(aws, stream)
        self._sink = sink
        self._dead_letters = dead_letters
        self._metrics = metrics
        self._poll_seconds = poll_seconds
        self._limit = limit
        self._clock = clock
        self._shards: dict[str, _Shard] = {}
        self._listed_at: float | None = None

    async def check(self) -> None:
        """Raise unless the stream answers."""
        await self._reader.check()

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
        """One read of every shard that is due; returns how many records it passed.

        Raises:
            UnavailableError: the shards or the positions cannot be had.
        """
        now = self._clock()
        try:
            if self._listed_at is None or now - self._listed_at >= LIST_SECONDS:
                await self._refresh(now)
            due = [shard for shard in self._shards.values() if shard.due <= now]
            return sum(await asyncio.gather(*(self._turn(shard) for shard in due)))
        finally:
            self._report_lag()

    async def _refresh(self, now: float) -> None:
        """Find the shards to read; those that are being read already go on as they are."""
        listed = await self._reader.shards()
        positions = await self._sink.positions()
        self._shards = {
            name: self._shards.get(name) or _Shard(name, positions.get(name), after, now, now)
            for name, after in readable_shards(listed, positions)
        }
        self._listed_at = now

    async def _turn(self, shard: _Shard) -> int:
        """One read of one shard; what goes wrong makes only this shard wait."""
        try:
            if shard.in_doubt:
                await self._settle_doubt(shard)
            return await self._read(shard)
        except ExpiredIteratorError:
            shard.iterator = ""
            shard.due = self._clock() + READ_SECONDS
        except PositionMovedError:
            log.info("position moved", stream=self._stream, shard=shard.id)
            self._wait(shard)
        except UnavailableError as error:
            log.warning("shard waits", stream=self._stream, shard=shard.id, why=error.detail)
            self._wait(shard)
            if error.slug == MISSING:
                self._listed_at = None
        except Exception:  # logged whole; nothing is lost, the batch comes again
            log.exception("shard failed", stream=self._stream, shard=shard.id)
            self._wait(shard)
        return 0

    async def _settle_doubt(self, shard: _Shard) -> None:
        """After a failure only the sink knows where we are: it may have stored the batch."""
        stored = (await self._sink.positions()).get(shard.id)
        if stored != shard.stored:
            shard.stored = shard.after = stored
        shard.in_doubt = False

    async def _read(self, shard: _Shard) -> int:
        if shard.after == SHARD_END:
            self._forget(shard)
            return 0
        began = self._clock()
        if not shard.iterator:
            shard.iterator = await self._reader.iterator(shard.id, shard.after)
        read = await self._reader.read(shard.iterator, self._limit)
        if read.records or not read.following:
            await self._absorb(shard, read.records, closed=not read.following)
        shard.iterator = read.following
        shard.pause = FIRST_PAUSE_SECONDS
        shard.current_at = began - read.behind_seconds
        busy = bool(read.records) or read.behind_seconds > 0
        shard.due = began + (READ_SECONDS if busy else self._poll_seconds)
        if not read.following:
            self._forget(shard)
        return len(read.records)

    async def _absorb(self, shard: _Shard, records: Sequence[Record], *, closed: bool) -> None:
        """Park what nobody can read, then have the rest stored; only then the position moves."""
        readable, letters = _sorted_out(shard.id, records)
        await self._dead_letters.park(letters)
        after = records[-1]["SequenceNumber"] if records else shard.after or SHARD_END
        while True:
            events = tuple(event for event, _ in readable)
            batch = ShardBatch(self._stream, shard.id, shard.stored, after, events, closed)
            try:
                await self._sink.absorb(batch)
                break
            except EventRefusedError as error:
                refused = [(e, record) for e, record in readable if e.id == error.event_id]
                if not refused:
                    raise
                more = [_letter(shard.id, record, error.reason) for _, record in refused]
                await self._dead_letters.park(more)
                letters += more
                readable = [(e, record) for e, record in readable if e.id != error.event_id]
        shard.stored = shard.after = batch.position
        messages, source = self._metrics.messages, f"kinesis:{self._stream}"
        messages.labels(source, "done").inc(len(readable))
        messages.labels(source, "poison").inc(len(letters))

    def _forget(self, shard: _Shard) -> None:
        """It was read to its end: its children can be read now."""
        self._shards.pop(shard.id, None)
        self._listed_at = None

    def _wait(self, shard: _Shard) -> None:
        shard.iterator = ""
        shard.in_doubt = True
        shard.due = self._clock() + shard.pause
        shard.pause = min(shard.pause * 2, LONGEST_PAUSE_SECONDS)

    def _rest_seconds(self) -> float:
        if self._listed_at is None:
            return FIRST_PAUSE_SECONDS
        soonest = min((shard.due for shard in self._shards.values()), default=self._clock() + 1)
        return min(max(soonest - self._clock(), 0.01), self._poll_seconds)

    def _report_lag(self) -> None:
        if self._shards:
            oldest = min(shard.current_at for shard in self._shards.values())
            lag = max(0.0, self._clock() - oldest)
            self._metrics.stream_lag.labels(self._stream).set(lag)


def _sorted_out(
    shard: str, records: Sequence[Record]
) -> tuple[list[tuple[Event, Record]], list[Parked]]:
    """Events with their records, and letters for what is none."""
    readable: list[tuple[Event, Record]] = []
    letters: list[Parked] = []
    for record in records:
        try:
            readable.append((parse_event(record["Data"]), record))
        except MalformedEventError as error:
            letters.append(_letter(shard, record, error.reason))
    return readable, letters


def _letter(shard: str, record: Record, reason: str) -> Parked:
    return Parked(
        id=f"{shard}:{record['SequenceNumber']}",
        body=bytes(record["Data"]),
        partition_key=record["PartitionKey"],
        reason=reason,
    )
