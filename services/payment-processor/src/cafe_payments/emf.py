"""Business metrics of the Lambda: CloudWatch reads them from log lines, so they cost no calls.

The embedded metric format, one line an invocation. The container has `cafe_kit.cloudwatch`, with
the same names and dimension.
"""

import json
from collections.abc import Callable
from datetime import datetime

from cafe_kit.cloudwatch import NAMESPACE
from cafe_kit.wire import utc_now

MAX_VALUES = 100
"""What CloudWatch reads of one metric in a line."""


class EmfMetrics:
    """Collects; `flush` writes one line."""

    def __init__(
        self,
        service: str,
        write: Callable[[str], object],
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._service = service
        self._write = write
        self._clock = clock
        self._counts: dict[str, float] = {}
        self._times: dict[str, list[float]] = {}

    def count(self, name: str, value: float = 1.0) -> None:
        """Something happened, this often."""
        self._counts[name] = self._counts.get(name, 0.0) + value

    def time(self, name: str, seconds: float) -> None:
        """Something took this long."""
        values = self._times.setdefault(name, [])
        if len(values) < MAX_VALUES:
            values.append(seconds)

    def flush(self) -> None:
        """Write what there is."""
        if not self._counts and not self._times:
            return
        units = [{"Name": name, "Unit": "Count"} for name in self._counts]
        units += [{"Name": name, "Unit": "Seconds"} for name in self._times]
        line = {
            "_aws": {
                "Timestamp": int(self._clock().timestamp() * 1000),
                "CloudWatchMetrics": [
                    {"Namespace": NAMESPACE, "Dimensions": [["Service"]], "Metrics": units}
                ],
            },
            "Service": self._service,
            **self._counts,
            **self._times,
        }
        self._counts, self._times = {}, {}
        self._write(json.dumps(line, separators=(",", ":")))
