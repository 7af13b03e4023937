"""What the cache is worth, for Prometheus and CloudWatch. Used by `cached.py`.

A flushed cache shows as misses, once for each menu that is asked for, and then as hits again; an
absent one as bypasses; an absent database as stale copies.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Literal, Protocol

from prometheus_client import CollectorRegistry, Counter

Outcome = Literal["hit", "miss", "expired", "stale", "bypass"]
Write = Literal["stored", "refused", "lost"]
OUTCOMES: tuple[Outcome, ...] = ("hit", "miss", "expired", "stale", "bypass")
WRITES: tuple[Write, ...] = ("stored", "refused", "lost")
WINDOW_SECONDS = 10
FROM_CACHE: tuple[Outcome, ...] = ("hit", "stale")


class Business(Protocol):
    """Where business metrics go; never fails."""

    def count(self, name: str, value: float = 1.0) -> None:
        """Something happened, this often."""
        ...


class Recent:
    """How the last seconds' requests were answered, second by second."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._seconds: deque[list[int]] = deque(maxlen=WINDOW_SECONDS)  # second, requests, hits

    def count(self, *, hit: bool) -> None:
        """A menu was asked for."""
        now = int(self._clock())
        if not self._seconds or self._seconds[-1][0] != now:
            self._seconds.append([now, 0, 0])
        self._seconds[-1][1] += 1
        self._seconds[-1][2] += hit

    def since(self, instant: float) -> tuple[int, int]:
        """Requests and hits of the window, of those only in seconds that began after an instant."""
        first = max(int(self._clock()) - WINDOW_SECONDS + 1, int(instant) + 1)
        counted = [one for one in self._seconds if one[0] >= first]
        return sum(one[1] for one in counted), sum(one[2] for one in counted)


class CacheMetrics:
    """The counters, and the last seconds in `recent`."""

    def __init__(self, registry: CollectorRegistry, business: Business) -> None:
        self._business = business
        self.recent = Recent()
        self._requests = Counter(
            "cafe_menu_cache_requests",
            "Menus read: fresh copy, no copy, copy too old and read again, old copy because the "
            "database is away, cache away.",
            ["outcome"],
            registry=registry,
        )
        self._writes = Counter(
            "cafe_menu_cache_writes",
            "Menus brought to the cache: kept, refused as possibly out of date, cache away.",
            ["outcome"],
            registry=registry,
        )
        for outcome in OUTCOMES:
            self._requests.labels(outcome)
        for write in WRITES:
            self._writes.labels(write)

    def request(self, outcome: Outcome) -> None:
        """A menu was asked for."""
        self._requests.labels(outcome).inc()
        self.recent.count(hit=outcome in FROM_CACHE)
        self._business.count("CacheHits" if outcome in FROM_CACHE else "CacheMisses")

    def write(self, outcome: Write) -> None:
        """A menu was brought to the cache."""
        self._writes.labels(outcome).inc()
