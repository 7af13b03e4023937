"""What the cache is worth, for Prometheus and CloudWatch. Used by `cached.py`.

A flushed cache shows as misses, once for each menu that is asked for, and then as hits again; an
absent one as bypasses; an absent database as stale copies.
"""

from typing import Literal, Protocol

from prometheus_client import CollectorRegistry, Counter

Outcome = Literal["hit", "miss", "expired", "stale", "bypass"]
Write = Literal["stored", "refused", "lost"]
OUTCOMES: tuple[Outcome, ...] = ("hit", "miss", "expired", "stale", "bypass")
WRITES: tuple[Write, ...] = ("stored", "refused", "lost")
FROM_CACHE: tuple[Outcome, ...] = ("hit", "stale")


class Business(Protocol):
    """Where business metrics go; never fails."""

    def count(self, name: str, value: float = 1.0) -> None:
        """Something happened, this often."""
        ...


class CacheMetrics:
    """The counters."""

    def __init__(self, registry: CollectorRegistry, business: Business) -> None:
        self._business = business
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
        self._business.count("CacheHits" if outcome in FROM_CACHE else "CacheMisses")

    def write(self, outcome: Write) -> None:
        """A menu was brought to the cache."""
        self._writes.labels(outcome).inc()
