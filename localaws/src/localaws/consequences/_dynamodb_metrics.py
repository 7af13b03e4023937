"""What DynamoDB tables have consumed and refused: for Prometheus and for AWS/DynamoDB.

`dynamodb_capacity` reports every request here. Alarms of the cafe read AWS/DynamoDB metrics from
the emulator's CloudWatch, which has none of its own; a minute's sums are published at its end.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING

from prometheus_client import Counter

if TYPE_CHECKING:
    from localaws.tables import Direction, TableKey
    from localaws.world import World

PUBLISH_SECONDS = 60.0
DATA_PER_CALL = 500
TARGET = "GraniteServiceVersion20100801.PutMetricData"


class Meter:
    """Counts per table and direction."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._published = world.clock()
        self._consumed_now: defaultdict[tuple[TableKey, Direction], float] = defaultdict(float)
        self._refused_now: defaultdict[tuple[TableKey, Direction], int] = defaultdict(int)
        labels = ["table", "direction"]
        self._consumed = Counter(
            "localaws_dynamodb_consumed_units",
            "Capacity units that tables have served",
            labels,
            registry=world.registry,
        )
        self._refused = Counter(
            "localaws_dynamodb_throttled_requests",
            "Requests refused for lack of capacity",
            labels,
            registry=world.registry,
        )

    def consumed(self, key: TableKey, direction: Direction, units: float) -> None:
        """A request was served."""
        if units > 0:
            self._consumed.labels(key.name, direction.value).inc(units)
            self._consumed_now[key, direction] += units

    def refused(self, key: TableKey, direction: Direction) -> None:
        """A request was throttled."""
        self._refused.labels(key.name, direction.value).inc()
        self._refused_now[key, direction] += 1

    def clear(self) -> None:
        """Forget what is not yet published."""
        self._consumed_now.clear()
        self._refused_now.clear()

    async def publish(self) -> None:
        """Send the sums of the last minute to the emulator's CloudWatch, once a minute."""
        now = self._world.clock()
        if now - self._published < PUBLISH_SECONDS:
            return
        self._published = now
        data: defaultdict[tuple[str, str], list[dict[str, object]]] = defaultdict(list)
        for (key, direction), units in self._consumed_now.items():
            name = f"Consumed{direction.value}CapacityUnits"
            data[key.account, key.region].append(_datum(name, key, units))
        for (key, direction), count in self._refused_now.items():
            name = f"{direction.value}ThrottleEvents"
            data[key.account, key.region].append(_datum(name, key, count))
        self.clear()
        for (account, region), points in data.items():
            for start in range(0, len(points), DATA_PER_CALL):
                part = points[start : start + DATA_PER_CALL]
                body = json.dumps({"Namespace": "AWS/DynamoDB", "MetricData": part}).encode()
                await self._world.call(
                    self._world.request("monitoring", TARGET, body, scope=(account, region))
                )


def _datum(name: str, key: TableKey, value: float) -> dict[str, object]:
    dimensions = [{"Name": "TableName", "Value": key.name}]
    return {"MetricName": name, "Dimensions": dimensions, "Value": value, "Unit": "Count"}
