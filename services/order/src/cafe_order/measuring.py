"""What taking orders comes to at each store that is measured: for the alarms of its SLO.

`MeasuredPlacing` stands between the routes and `Placing`. The operator says which stores are
measured, as each costs two CloudWatch metrics. An order fails when it fails for our fault; what is
refused (closed, sold out, no such item) is an answer; what is shed for want of room has failed.
Synthetic orders count: they walk the path.
"""

import time
from collections.abc import Callable
from typing import Protocol

from cafe_kit.auth import Caller
from cafe_kit.errors import CafeError
from cafe_kit.store_metrics import StoreMetrics

from cafe_order.intake import AskedOrder
from cafe_order.placing import Answer

SERVER_ERROR = 500


class Places(Protocol):
    """What the routes need of placing."""

    async def place(self, asked: AskedOrder, key: str, caller: Caller) -> Answer:
        """As `Placing.place`."""
        ...


class MeasuredPlacing:
    """Places orders and notes how it went."""

    def __init__(
        self,
        placing: Places,
        is_measured: Callable[[str], bool],
        metrics: StoreMetrics,
        *,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._placing = placing
        self._is_measured = is_measured
        self._metrics = metrics
        self._clock = clock

    async def place(self, asked: AskedOrder, key: str, caller: Caller) -> Answer:
        """As `Placing.place`."""
        started = self._clock()
        failed = True
        try:
            answer = await self._placing.place(asked, key, caller)
            failed = False
        except CafeError as error:
            failed = error.status >= SERVER_ERROR
            raise
        finally:
            if self._is_measured(asked.store_id):
                self._metrics.order(asked.store_id, self._clock() - started, failed=failed)
        return answer
