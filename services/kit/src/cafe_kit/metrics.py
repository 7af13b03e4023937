"""Prometheus metrics of one service process, served on the admin port.

One registry per application, not the global one, so that tests can build many applications.
"""

import asyncio
from collections.abc import Callable

from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    PROCESS_COLLECTOR,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from cafe_kit.workers import wait_or_stop

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
LAG_SAMPLE_SECONDS = 0.5

RequestListener = Callable[[int, float], None]
"""Hears the status and the seconds of every answered request; must not raise or block."""


class Metrics:
    """The registry with what every service counts; services add their own to `registry`."""

    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()
        self.listeners: list[RequestListener] = []
        for collector in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
            self.registry.register(collector)
        self.requests = Counter(
            "cafe_http_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.latency = Histogram(
            "cafe_http_request_seconds",
            "From the first byte read to the response sent.",
            ["method", "route"],
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        )
        # finding a child by its labels costs more than counting does
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self.in_flight = Gauge(
            "cafe_http_in_flight", "Requests being handled.", registry=self.registry
        )
        self.shed = Counter("cafe_http_shed", "Refused as too many.", registry=self.registry)
        self.loop_lag = Gauge(
            "cafe_event_loop_lag_seconds",
            "Worst lateness of the event loop in the last samples.",
            registry=self.registry,
        )
        self.dependency_up = Gauge(
            "cafe_dependency_up", "1 = answers.", ["dependency"], registry=self.registry
        )
        self.messages = Counter(
            "cafe_messages",
            "Messages and records handled, by what became of them.",
            ["source", "outcome"],
            registry=self.registry,
        )
        self.stream_lag = Gauge(
            "cafe_stream_lag_seconds",
            "How far behind the stream's end this consumer is.",
            ["stream"],
            registry=self.registry,
        )
        self.business_dropped = Counter(
            "cafe_business_metrics_dropped",
            "Values that did not reach CloudWatch.",
            ["reason"],
            registry=self.registry,
        )
        info = Gauge("cafe_service_info", "Always 1.", ["service"], registry=self.registry)
        info.labels(service).set(1)

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request under its route template."""
        child = self._children.get((method, route, status))
        if child is None:
            child = (
                self.requests.labels(method, route, str(status)),
                self.latency.labels(method, route),
            )
            self._children[(method, route, status)] = child
        child[0].inc()
        child[1].observe(seconds)
        for listener in self.listeners:
            listener(status, seconds)

    def render(self) -> bytes:
        """The exposition text."""
        return generate_latest(self.registry)

    async def watch_loop(self, stopping: asyncio.Event) -> None:
        """Worker: measure how late the loop wakes us; a blocking call shows up here."""
        loop = asyncio.get_running_loop()
        while not stopping.is_set():
            due = loop.time() + LAG_SAMPLE_SECONDS
            await wait_or_stop(stopping, LAG_SAMPLE_SECONDS)
            late = max(0.0, loop.time() - due)
            self.loop_lag.set(late)
