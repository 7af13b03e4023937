"""Business metrics in CloudWatch: merged in memory, sent now and then in few calls.

`add_cloudwatch` gives a service its `BusinessMetrics`. Each name is one statistic set (count, sum,
least, greatest) an interval, however often it happened. CloudWatch being away costs nothing but
its figures: nobody waits for it, memory stays bounded, and Prometheus counts what was lost.
"""

import asyncio
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog
from botocore.exceptions import ClientError

from cafe_kit.aws import AwsCalls
from cafe_kit.errors import UnavailableError
from cafe_kit.metrics import Metrics
from cafe_kit.wire import utc_now
from cafe_kit.workers import wait_or_stop

if TYPE_CHECKING:  # a Lambda uses BusinessMetrics without the web framework
    from cafe_kit.app import Application

log = structlog.get_logger()

NAMESPACE = "CloudCafe"
MAX_NAMES = 100
"""Each name costs money: a name made of data must not become thousands."""
MAX_CALL = 1000
"""What PutMetricData takes."""
LAST_FLUSH_SECONDS = 2.0
SERVER_ERROR = 500


@dataclass(slots=True)
class Statistics:
    """All values of one name since the last flush. Changed in place: requests pay for it."""

    unit: str
    count: int
    total: float
    least: float
    greatest: float

    def add(self, value: float) -> None:
        """One more value."""
        self.count += 1
        self.total += value
        if value < self.least:  # noqa: PLR1730 - a call of min costs more
            self.least = value
        if value > self.greatest:  # noqa: PLR1730 - as above
            self.greatest = value

    def merge(self, other: "Statistics") -> None:
        """Take in the other's values too."""
        self.count += other.count
        self.total += other.total
        self.least = min(self.least, other.least)
        self.greatest = max(self.greatest, other.greatest)


class Flushing(ABC):
    """A worker that sends what was noted, now and then and once more at the end."""

    _seconds: float

    @abstractmethod
    async def flush(self) -> None:
        """Send what there is; never fails."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Worker: flush now and then."""
        while not stopping.is_set():
            await wait_or_stop(stopping, self._seconds)
            if not stopping.is_set():
                await self.flush()

    async def finish(self) -> None:
        """The last flush, once nothing happens any more; bounded in time."""
        try:
            async with asyncio.timeout(LAST_FLUSH_SECONDS):
                await self.flush()
        except TimeoutError:
            log.warning(
                "last metrics lost", of=type(self).__name__, why="CloudWatch did not answer in time"
            )


class BusinessMetrics(Flushing):
    """What a service tells CloudWatch; calling it is cheap and never fails."""

    def __init__(
        self,
        aws: AwsCalls,
        service: str,
        metrics: Metrics,
        *,
        seconds: float = 30.0,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._aws = aws
        self._service = service
        self._metrics = metrics
        self._seconds = seconds
        self._clock = clock
        self._pending: dict[str, Statistics] = {}
        self._names: set[str] = set()

    def count(self, name: str, value: float = 1.0) -> None:
        """Something happened, this often."""
        self._add(name, value, "Count")

    def time(self, name: str, seconds: float) -> None:
        """Something took this long."""
        self._add(name, seconds, "Seconds")

    def gauge(self, name: str, value: float) -> None:
        """Something stands at this value."""
        self._add(name, value, "None")

    async def flush(self) -> None:
        """Send what there is. What CloudWatch did not take goes with the next flush."""
        taken, self._pending = self._pending, {}
        at = self._clock()
        for chunk in _chunks(taken):
            data = [self._datum(name, statistics, at) for name, statistics in chunk.items()]
            try:
                await self._aws.call(
                    "cloudwatch", "put_metric_data", Namespace=NAMESPACE, MetricData=data
                )
            except UnavailableError as error:
                log.info("metrics wait", why=error.detail)
                self._take_back(chunk)
            except ClientError as error:
                # as it is it will never be taken
                log.warning("metrics refused", why=str(error))
                self._metrics.business_dropped.labels("refused").inc(len(chunk))

    def _add(self, name: str, value: float, unit: str) -> None:
        if not math.isfinite(value):
            self._metrics.business_dropped.labels("not-a-number").inc()
            return
        known = self._pending.get(name)
        if known is not None:
            known.add(value)
            return
        if name not in self._names:
            if len(self._names) >= MAX_NAMES:
                self._metrics.business_dropped.labels("too-many-names").inc()
                return
            self._names.add(name)
        self._pending[name] = Statistics(unit, 1, value, value, value)

    def _take_back(self, chunk: dict[str, Statistics]) -> None:
        for name, statistics in chunk.items():
            since = self._pending.get(name)
            if since is not None:
                statistics.merge(since)
            self._pending[name] = statistics

    def _datum(self, name: str, statistics: Statistics, at: datetime) -> dict[str, Any]:
        return {
            "MetricName": name,
            "Dimensions": [{"Name": "Service", "Value": self._service}],
            "Timestamp": at,
            "Unit": statistics.unit,
            "StatisticValues": {
                "SampleCount": statistics.count,
                "Sum": statistics.total,
                "Minimum": statistics.least,
                "Maximum": statistics.greatest,
            },
        }


def _chunks(pending: dict[str, Statistics]) -> Iterator[dict[str, Statistics]]:
    names = sorted(pending)
    for at in range(0, len(names), MAX_CALL):
        yield {name: pending[name] for name in names[at : at + MAX_CALL]}


def add_cloudwatch(application: "Application", aws: AwsCalls) -> BusinessMetrics:
    """A service's business metrics, with its requests, errors and latency among them."""
    business = BusinessMetrics(
        aws,
        application.name,
        application.metrics,
        seconds=application.settings.cloudwatch_seconds,
    )

    def heard(status: int, seconds: float) -> None:
        business.count("Requests")
        if status >= SERVER_ERROR:
            business.count("Errors")
        business.time("LatencySeconds", seconds)

    application.metrics.listeners.append(heard)
    application.workers["cloudwatch"] = business.run
    application.finishers.append(business.finish)
    return business
