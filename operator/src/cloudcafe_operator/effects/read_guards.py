"""Read what the owners of stores allow of experiments. Used by the survey and while a run lasts.

Kept for half a minute for all runs together: a namespace may have thousands of stores.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import structlog

from cloudcafe_operator.errors import OperatorError
from cloudcafe_operator.kinds import CAFE_STORES
from cloudcafe_operator.planning.guards import Guard, guards
from cloudcafe_operator.ports import Clock, Kubernetes

KNOWN_S = 30.0
FRESH_S = 1.0  # of many runs that begin at once, one asks
log = structlog.get_logger()


@dataclass
class Guards:
    """Reads; one serves all runs."""

    kubernetes: Kubernetes
    clock: Clock
    _known: dict[str, tuple[float, tuple[Guard, ...]]] = field(default_factory=dict)

    async def read(self, namespaces: Iterable[str]) -> tuple[Guard, ...]:
        """Return what the stores of namespaces say now. Errors of the API pass through."""
        found: list[Guard] = []
        for namespace in sorted(set(namespaces)):
            read_at, said = self._known.get(namespace, (float("-inf"), ()))
            if self.clock.monotonic() - read_at < FRESH_S:
                found += said
                continue
            said = guards(await self.kubernetes.list(CAFE_STORES, namespace=namespace))
            self._known[namespace] = (self.clock.monotonic(), said)
            found += said
        return tuple(found)

    async def known(self, namespaces: Iterable[str]) -> tuple[Guard, ...]:
        """Return what they said lately. What cannot be read keeps no run from its undo."""
        found: list[Guard] = []
        for namespace in sorted(set(namespaces)):
            read_at, said = self._known.get(namespace, (float("-inf"), ()))
            if self.clock.monotonic() - read_at >= KNOWN_S:
                try:
                    said = await self.read([namespace])
                except OperatorError as problem:
                    log.warning("cannot read stores", namespace=namespace, error=str(problem))
            found += said
        return tuple(found)
