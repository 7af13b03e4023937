"""What DynamoDB tables have consumed and refused: for Prometheus and for AWS/DynamoDB.

`dynamodb_capacity` reports every request here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Counter

from localaws.measures import Metric

if TYPE_CHECKING:
    from localaws.tables import Direction, TableKey
    from localaws.world import World


class Meter:
    """Counts per table and direction."""

    def __init__(self, world: World) -> None:
        self._measures = world.measures
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
            self._count(f"Consumed{direction.value}CapacityUnits", key, units)

    def refused(self, key: TableKey, direction: Direction) -> None:
        """A request was throttled."""
        self._refused.labels(key.name, direction.value).inc()
        self._count(f"{direction.value}ThrottleEvents", key, 1)

    def _count(self, name: str, key: TableKey, value: float) -> None:
        dimensions = (("TableName", key.name),)
        metric = Metric("AWS/DynamoDB", name, dimensions, key.account, key.region)
        self._measures.add(metric, value)
