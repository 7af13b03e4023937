"""Kinesis in memory: shards split and merge, iterators expire. Part of `fakes.FakeAws`."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

Answer = dict[str, Any]

WHOLE = 2**128
FIRST_SEQUENCE = 10**20


@dataclass
class FakeShard:
    """A shard with the partition keys whose hash is in [start, end)."""

    id: str
    start: int = 0
    end: int = WHOLE
    parents: tuple[str, ...] = ()
    closed: bool = False
    records: list[Answer] = field(default_factory=list)


class FakeKinesis:
    """Streams of one shard come into being when they are first spoken of."""

    def __init__(self) -> None:
        self.records: list[Answer] = []
        self.streams: dict[str, dict[str, FakeShard]] = {}
        self._sequence = FIRST_SEQUENCE
        self._iterator_generation = 0

    def stream(self, name: str, shards: int = 1) -> dict[str, FakeShard]:
        """A stream's shards, made when it is new."""
        if name not in self.streams:
            self.streams[name] = {}
            for index in range(shards):
                self._add_shard(name, WHOLE * index // shards, WHOLE * (index + 1) // shards)
        return self.streams[name]

    def split_shard(self, stream: str, shard: str) -> tuple[str, str]:
        """Close a shard; two children share its keys."""
        parent = self.stream(stream)[shard]
        parent.closed = True
        middle = (parent.start + parent.end) // 2
        return (
            self._add_shard(stream, parent.start, middle, (shard,)),
            self._add_shard(stream, middle, parent.end, (shard,)),
        )

    def merge_shards(self, stream: str, first: str, second: str) -> str:
        """Close two neighbours; one child has the keys of both."""
        shards = self.stream(stream)
        for parent in (first, second):
            shards[parent].closed = True
        start = min(shards[first].start, shards[second].start)
        end = max(shards[first].end, shards[second].end)
        return self._add_shard(stream, start, end, (first, second))

    def put_record(self, stream: str, data: bytes | str, key: str = "k") -> str:
        """Put a record, as if somebody had; returns its sequence number."""
        plain = data.encode() if isinstance(data, str) else data
        place = int.from_bytes(hashlib.md5(key.encode(), usedforsecurity=False).digest())
        shard = next(
            s for s in self.stream(stream).values() if not s.closed and s.start <= place < s.end
        )
        self._sequence += 1
        record = {"Data": plain, "PartitionKey": key, "SequenceNumber": str(self._sequence)}
        shard.records.append(record)
        return str(self._sequence)

    def expire_iterators(self) -> None:
        """All iterators given out so far have expired."""
        self._iterator_generation += 1

    def _add_shard(self, stream: str, start: int, end: int, parents: tuple[str, ...] = ()) -> str:
        shards = self.streams[stream]
        shard = FakeShard(f"shardId-{len(shards):012d}", start, end, parents)
        shards[shard.id] = shard
        return shard.id

    def _kinesis_describe_stream_summary(self, _parameters: Answer) -> Answer:
        return {}

    def _kinesis_put_records(self, parameters: Answer) -> Answer:
        self.records += parameters["Records"]
        for record in parameters["Records"]:
            self.put_record(parameters["StreamName"], record["Data"], record["PartitionKey"])
        return {"FailedRecordCount": 0, "Records": [{} for _ in parameters["Records"]]}

    def _kinesis_list_shards(self, parameters: Answer) -> Answer:
        return {"Shards": [_listed(s) for s in self.stream(parameters["StreamName"]).values()]}

    def _kinesis_get_shard_iterator(self, parameters: Answer) -> Answer:
        shard = self.stream(parameters["StreamName"])[parameters["ShardId"]]
        at = 0
        if parameters["ShardIteratorType"] == "AFTER_SEQUENCE_NUMBER":
            after = int(parameters["StartingSequenceNumber"])
            at = sum(int(record["SequenceNumber"]) <= after for record in shard.records)
        return {"ShardIterator": self._iterator(parameters["StreamName"], shard.id, at)}

    def _kinesis_get_records(self, parameters: Answer) -> Answer:
        stream, shard_id, place, generation = parameters["ShardIterator"].split("|")
        if int(generation) != self._iterator_generation:
            response = {"Error": {"Code": "ExpiredIteratorException", "Message": "too old"}}
            raise ClientError(response, "GetRecords")  # type: ignore[arg-type] # enough of it
        shard, at = self.stream(stream)[shard_id], int(place)
        records = shard.records[at : at + parameters.get("Limit", 10_000)]
        after = at + len(records)
        left = len(shard.records) - after
        answer: Answer = {"Records": records, "MillisBehindLatest": 1000 if left else 0}
        if left or not shard.closed:
            answer["NextShardIterator"] = self._iterator(stream, shard_id, after)
        return answer

    def _iterator(self, stream: str, shard: str, at: int) -> str:
        return f"{stream}|{shard}|{at}|{self._iterator_generation}"


def _listed(shard: FakeShard) -> Answer:
    numbers = {"StartingSequenceNumber": str(FIRST_SEQUENCE)}
    if shard.closed:
        numbers["EndingSequenceNumber"] = str(2 * FIRST_SEQUENCE)
    listed: Answer = {"ShardId": shard.id, "SequenceNumberRange": numbers}
    names = ("ParentShardId", "AdjacentParentShardId")
    return {**listed, **dict(zip(names, shard.parents, strict=False))}
