"""What each DynamoDB table may consume, and how much of it is left.

`consequences/dynamodb_capacity.py` asks it before each request. Throughput is read from the
emulator with DescribeTable and kept until an UpdateTable, CreateTable or DeleteTable is seen.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from localaws.capacity import BURST_SECONDS, TokenBucket

if TYPE_CHECKING:
    from localaws.clock import Clock

OK = 200


class Direction(Enum):
    """Reads and writes are bought and throttled apart."""

    READ = "Read"
    WRITE = "Write"


@dataclass(frozen=True, slots=True)
class TableKey:
    """A table of one account and region."""

    account: str
    region: str
    name: str


@dataclass(frozen=True, slots=True)
class Throughput:
    """What a table may consume per second; None = not limited."""

    arn: str
    provisioned: bool
    read: float | None
    write: float | None

    def limit(self, direction: Direction) -> float | None:
        """The limit of one direction."""
        return self.read if direction is Direction.READ else self.write


Describe = Callable[[TableKey], Awaitable[Throughput | None]]


def throughput_of(describe_table: bytes) -> Throughput:
    """Read the answer of DescribeTable."""
    table: dict[str, Any] = json.loads(describe_table)["Table"]
    billing = table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")
    if billing == "PROVISIONED":
        bought = table["ProvisionedThroughput"]
        return Throughput(
            table["TableArn"], True, bought["ReadCapacityUnits"], bought["WriteCapacityUnits"]
        )
    most = table.get("OnDemandThroughput") or {}
    return Throughput(
        table["TableArn"],
        False,
        _maximum(most.get("MaxReadRequestUnits")),
        _maximum(most.get("MaxWriteRequestUnits")),
    )


def _maximum(units: int | None) -> float | None:
    """AWS writes -1 for "no maximum"."""
    return None if units is None or units < 0 else float(units)


class Tables:
    """The buckets of all tables seen."""

    def __init__(self, describe: Describe, clock: Clock) -> None:
        self._describe = describe
        self._clock = clock
        self._known: dict[TableKey, Throughput] = {}
        self._buckets: dict[tuple[TableKey, Direction], TokenBucket] = {}
        self._expected: dict[tuple[TableKey, Direction], float] = {}

    async def throughput(self, key: TableKey) -> Throughput | None:
        """The limits of a table; None when there is no such table."""
        known = self._known.get(key)
        if known is None:
            known = await self._describe(key)
            if known is not None:
                self._learn(key, known, full=True)
        return known

    def admits(self, key: TableKey, direction: Direction, units: float) -> bool:
        """Whether the table can serve `units` now (call `throughput` before)."""
        bucket = self._buckets.get((key, direction))
        return bucket is None or bucket.admits(units, self._clock())

    def spend(self, key: TableKey, direction: Direction, units: float) -> None:
        """Take what a request has cost."""
        bucket = self._buckets.get((key, direction))
        if bucket is not None:
            bucket.spend(units)

    async def changed(self, key: TableKey) -> None:
        """Read the limits again, now: the bucket must follow the change, not the next request."""
        limits = await self._describe(key)
        if limits is None:
            self.forget(key)
        else:
            self._learn(key, limits, full=key not in self._known)

    def forget(self, key: TableKey) -> None:
        """The table is gone."""
        self._known.pop(key, None)
        for direction in Direction:
            self._buckets.pop((key, direction), None)
            self._expected.pop((key, direction), None)

    def clear(self) -> None:
        """All tables are gone."""
        self._known.clear()
        self._buckets.clear()
        self._expected.clear()

    def balances(self) -> list[list[Any]]:
        """What is left, as JSON: account, region, table, direction, units."""
        now = self._clock()
        left = dict(self._expected)
        for place, bucket in self._buckets.items():
            bucket.admits(0, now)
            left[place] = bucket.tokens
        return [
            [key.account, key.region, key.name, direction.value, units]
            for (key, direction), units in left.items()
        ]

    def expect(self, balances: list[list[Any]]) -> None:
        """Tables that are seen for the first time begin with these units instead of a burst."""
        self._expected = {
            (TableKey(account, region, name), Direction(direction)): float(units)
            for account, region, name, direction, units in balances
        }

    def snapshot(self) -> dict[str, Any]:
        """For humans and tests: limits and what is left, by table name."""
        now = self._clock()
        return {
            key.name: {
                "provisioned": limits.provisioned,
                **{
                    direction.value.lower(): {
                        "limit": limits.limit(direction),
                        "available": self._available(key, direction, now),
                    }
                    for direction in Direction
                },
            }
            for key, limits in self._known.items()
        }

    def _available(self, key: TableKey, direction: Direction, now: float) -> float | None:
        bucket = self._buckets.get((key, direction))
        if bucket is None:
            return None
        bucket.admits(0, now)
        return round(bucket.tokens, 1)

    def _learn(self, key: TableKey, limits: Throughput, *, full: bool) -> None:
        """Note the limits; one that a known table newly gets starts without a burst."""
        self._known[key] = limits
        now = self._clock()
        for direction in Direction:
            rate = limits.limit(direction)
            place = (key, direction)
            if rate is None:
                self._buckets.pop(place, None)
            elif place in self._buckets:
                self._buckets[place].resize(rate, now)
            else:
                units = self._expected.pop(place, rate * BURST_SECONDS * full)
                self._buckets[place] = TokenBucket(rate, units, now)
