"""Two CloudWatch metrics for each store that is measured: whether its orders fail, and how fast.

| metric | a value for each order | what an alarm takes of it |
|---|---|---|
| OrderFailures | 1 failed, 0 taken | Average: the share that failed; SampleCount: how many |
| OrderSeconds | how long taking it lasted | p99 |

Values go as counted values, not as statistic sets, of which CloudWatch makes no percentiles. They
are rounded to two digits, so that however many orders become some dozens of values.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from botocore.exceptions import ClientError

from cafe_kit.aws import AwsCalls
from cafe_kit.cloudwatch import NAMESPACE, Flushing
from cafe_kit.errors import UnavailableError
from cafe_kit.metrics import Metrics
from cafe_kit.wire import utc_now

log = structlog.get_logger()

MAX_STORES = 20_000
"""So many in one interval; an error of ours must not become a bill."""
STORES_A_CALL = 100
"""Two data each, of at most some hundred values: well below the megabyte of a call."""
MAX_VALUES = 150
"""What one datum of PutMetricData takes."""
SHORTEST, LONGEST = 0.0001, 100.0
DIGITS = 2


@dataclass(slots=True)
class _Orders:
    """The orders of one store since the last flush."""

    failed: int = 0
    seconds: Counter[float] = field(default_factory=Counter)


class StoreMetrics(Flushing):
    """What a service tells CloudWatch of single stores; noting an order is cheap, never fails."""

    def __init__(
        self,
        aws: AwsCalls,
        metrics: Metrics,
        *,
        seconds: float = 30.0,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._aws = aws
        self._metrics = metrics
        self._seconds = seconds
        self._clock = clock
        self._pending: dict[str, _Orders] = {}

    def order(self, store_id: str, seconds: float, *, failed: bool) -> None:
        """An order of a store was taken or failed."""
        orders = self._pending.get(store_id)
        if orders is None:
            if len(self._pending) >= MAX_STORES:
                self._metrics.business_dropped.labels("too-many-stores").inc()
                return
            orders = self._pending[store_id] = _Orders()
        orders.failed += failed
        orders.seconds[rounded(seconds)] += 1

    async def flush(self) -> None:
        """Send what there is. What CloudWatch did not take is lost: an alarm asks for the now."""
        taken, self._pending = self._pending, {}
        at = self._clock()
        stores = sorted(taken)
        for start in range(0, len(stores), STORES_A_CALL):
            some = stores[start : start + STORES_A_CALL]
            data = [datum for store in some for datum in _data(store, taken[store], at)]
            try:
                await self._aws.call(
                    "cloudwatch", "put_metric_data", Namespace=NAMESPACE, MetricData=data
                )
            except (UnavailableError, ClientError) as error:
                log.warning("metrics of stores lost", why=str(error), stores=len(some))
                self._metrics.business_dropped.labels("stores-refused").inc(len(data))


def rounded(seconds: float) -> float:
    """To two digits, within bounds: one of some five hundred values."""
    bounded = min(max(seconds, SHORTEST), LONGEST)
    return round(bounded, DIGITS - 1 - math.floor(math.log10(bounded)))


def _data(store: str, orders: _Orders, at: datetime) -> Iterator[dict[str, Any]]:
    dimensions = [{"Name": "Store", "Value": store}]
    facts = {"Dimensions": dimensions, "Timestamp": at}
    count = orders.seconds.total()
    fates = {0.0: count - orders.failed, 1.0: orders.failed}
    yield {**facts, "MetricName": "OrderFailures", "Unit": "Count", **_counted(fates)}
    values = list(orders.seconds.items())
    for start in range(0, len(values), MAX_VALUES):
        some = dict(values[start : start + MAX_VALUES])
        yield {**facts, "MetricName": "OrderSeconds", "Unit": "Seconds", **_counted(some)}


def _counted(values: dict[float, int]) -> dict[str, list[float]]:
    found = {value: count for value, count in values.items() if count}
    return {"Values": list(found), "Counts": [float(count) for count in found.values()]}
