"""AWS that knows what its calls cost; for the services' benchmarks."""

import threading
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from cafe_kit.aws import Aws


class CountingAws(Aws):
    """Counts the calls and the CPU time of the threads that make them."""

    def __init__(self, threads: int = 16) -> None:
        super().__init__("eu-west-1", threads)
        self._counting = threading.Lock()
        self._seconds: Counter[str] = Counter()
        self._calls: Counter[str] = Counter()

    def clear(self) -> None:
        """Start counting: clients are made and warm."""
        self._seconds.clear()
        self._calls.clear()

    def cost_ms(self, orders: int) -> float:
        """Milliseconds of CPU an order."""
        return sum(self._seconds.values()) / orders * 1000

    def table(self, orders: int) -> str:
        """A line a call, and their sum."""
        lines = [
            f"  {name:34} {calls:5} calls  {self._seconds[name] / calls * 1000:6.2f} ms each"
            for name, calls in sorted(self._calls.items())
        ]
        return "\n".join([*lines, f"AWS calls: {self.cost_ms(orders):.3f} ms CPU an order"])

    def _call(
        self, service: str, operation: str, parameters: Mapping[str, object]
    ) -> dict[str, Any]:
        began = time.thread_time()
        try:
            return super()._call(service, operation, parameters)
        finally:
            with self._counting:
                self._seconds[operation] += time.thread_time() - began
                self._calls[operation] += 1
