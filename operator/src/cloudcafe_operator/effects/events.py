"""Kubernetes events: implements ports.Events with a bounded queue and one writer.

Publishing never waits and never fails a reconcile. The same sentence about the same object is one
Event with a count, also across restarts, because its name is made of what it says.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from typing import Any, Literal

import structlog

from cloudcafe_operator import metrics
from cloudcafe_operator.errors import AlreadyExists, NotFound, OperatorError
from cloudcafe_operator.kinds import EVENTS
from cloudcafe_operator.ports import Clock, Kubernetes, Manifest, Ref
from cloudcafe_operator.resources.common import format_time

MOST_WAITING = 1000
LONGEST_MESSAGE = 1024  # the API server refuses more
LONGEST_NAME = 230
COMPONENT = "cloudcafe-operator"
log = structlog.get_logger()


class EventWriter:
    """Implements ports.Events. `run` writes what `publish` queued."""

    def __init__(self, kubernetes: Kubernetes, clock: Clock, *, instance: str) -> None:
        self._kubernetes = kubernetes
        self._clock = clock
        self._instance = instance
        self._waiting: deque[Manifest] = deque()
        self._wake = asyncio.Event()

    def publish(
        self, about: Manifest, *, reason: str, message: str, kind: Literal["Normal", "Warning"]
    ) -> None:
        """Queue an event; when too many wait, the oldest is dropped and counted."""
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            metrics.events_published.labels("dropped").inc()
        now = format_time(self._clock.now().replace(microsecond=0))
        self._waiting.append(self._event(about, reason, message[:LONGEST_MESSAGE], kind) | _at(now))
        self._wake.set()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.flush()

    async def flush(self) -> None:
        """Write what waits; an event that cannot be written is logged and let go."""
        while self._waiting:
            event = self._waiting.popleft()
            try:
                await self._write(event)
            except OperatorError as error:
                metrics.events_published.labels("failed").inc()
                log.warning("event not written", reason=event["reason"], error=str(error))
            else:
                metrics.events_published.labels("written").inc()

    async def _write(self, event: Manifest) -> None:
        try:
            await self._kubernetes.create(EVENTS, event)
        except AlreadyExists:
            meta = event["metadata"]
            ref = Ref(EVENTS, meta["name"], meta["namespace"])
            old = await self._kubernetes.get(ref)
            if old is None:
                raise NotFound(f"{ref} expired while it was counted") from None
            again = {"count": old.get("count", 1) + 1, "lastTimestamp": event["lastTimestamp"]}
            await self._kubernetes.patch(ref, again)

    def _event(self, about: Manifest, reason: str, message: str, kind: str) -> Manifest:
        meta = about["metadata"]
        said = "\n".join((meta.get("uid", ""), kind, reason, message))
        digest = hashlib.sha256(said.encode()).hexdigest()[:16]
        involved: dict[str, Any] = {
            "apiVersion": about["apiVersion"],
            "kind": about["kind"],
            "name": meta["name"],
            "namespace": meta.get("namespace"),
            "uid": meta.get("uid"),
        }
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{meta['name'][:LONGEST_NAME]}.{digest}",
                "namespace": meta.get("namespace") or "default",
            },
            "involvedObject": {name: value for name, value in involved.items() if value},
            "type": kind,
            "reason": reason,
            "message": message,
            "source": {"component": COMPONENT},
            "reportingComponent": COMPONENT,
            "reportingInstance": self._instance,
            "count": 1,
        }


def _at(now: str) -> Manifest:
    return {"firstTimestamp": now, "lastTimestamp": now}
