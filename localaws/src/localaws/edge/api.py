"""HTTP APIs of API Gateway at the edge: limits first, then routes. `edge.server` runs it.

Source: "Throttle requests to your HTTP APIs": a token bucket of `burst`, refilled at `rate`, and
429 Too Many Requests where it is empty. Every request is counted here, also one that has no route.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from localaws.clock import Clock
from localaws.edge.routing import Answer, Asked, Forward

JSON = "application/json"
TOO_MANY = Answer(429, b'{"message":"Too Many Requests"}', JSON)
NOT_FOUND = Answer(404, b'{"message":"Not Found"}', JSON)
SERVICE = "payment-processor"  # the function that answers on AWS


@dataclass(frozen=True, slots=True)
class Stage:
    """What a stage takes a second and at once, and its API's routes as `POST /path`."""

    rate: float
    burst: float
    routes: frozenset[str]


@dataclass(slots=True)
class HttpApi:
    """Decides for one stage, which is read with each request."""

    read: Callable[[], Stage | None]
    clock: Clock
    _tokens: float = field(default=0.0, init=False)
    _at: float = field(default=float("-inf"), init=False)

    def decide(self, asked: Asked) -> Answer | Forward:
        """Return what is answered, or who answers."""
        stage = self.read()
        if stage is None:
            return NOT_FOUND
        now = self.clock()
        # never asked before is full: an infinite time ago
        self._tokens = min(stage.burst, self._tokens + (now - self._at) * (stage.rate or 1e-9))
        self._at = now
        if stage.rate <= 0 or self._tokens < 1:
            return TOO_MANY
        self._tokens -= 1
        known = f"{asked.method} {asked.path}" in stage.routes
        return Forward(SERVICE, asked.path) if known else NOT_FOUND
