"""What AWS measures of itself, until it is published as the AWS/* metrics that alarms read.

Part of the `World`: consequences and the edge add to it, `consequences/aws_metrics.py` publishes.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from localaws.settings import ACCOUNT


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric with its dimensions; without a region it is of the seeded one."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    account: str = ACCOUNT
    region: str = ""

    def datum(self, value: float) -> dict[str, object]:
        """The value as PutMetricData takes it."""
        dimensions = [{"Name": key, "Value": text} for key, text in self.dimensions]
        return {"MetricName": self.name, "Dimensions": dimensions, "Value": value}


class Measures:
    """Sums since they were last taken."""

    def __init__(self) -> None:
        self._sums: defaultdict[Metric, float] = defaultdict(float)

    def add(self, metric: Metric, value: float = 1.0) -> None:
        """Something happened."""
        self._sums[metric] += value

    def taken(self) -> dict[Metric, float]:
        """All sums; they begin anew."""
        sums, self._sums = dict(self._sums), defaultdict(float)
        return sums
