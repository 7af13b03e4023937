"""Read what the owners of stores allow of experiments. Used by the survey and while a run lasts.

Kept for half a minute for all runs together: a namespace may have thousands of stores. One list of
them at a time, for all who ask meanwhile: sixteen at once would be more than the memory holds.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import structlog

from cloudcafe_operator.errors import OperatorError
from cloudcafe_operator.kinds import CAFE_STORES
from cloudcafe_operator.planning.guards import Guard, StoreInShort, guards
from cloudcafe_operator.ports import Clock, Kubernetes

KNOWN_S = 30.0
FRESH_S = 1.0  # of many runs that begin at once, one asks
SLICE = 200  # stores that are read before others get their turn
NEVER = float("-inf")
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Said:
    guards: tuple[Guard, ...] = ()
    read_at: float = NEVER  # monotonic
    tried_at: float = NEVER  # monotonic: the end of the last try to read them
    problem: OperatorError | None = None  # of that try


@dataclass
class Guards:
    """Reads; one serves all runs."""

    kubernetes: Kubernetes
    clock: Clock
    _said: dict[str, _Said] = field(default_factory=dict)  # by namespace
    _locks: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def read(self, namespaces: Iterable[str]) -> tuple[Guard, ...]:
        """Return what the stores of namespaces say now. Errors of the API pass through."""
        found: list[Guard] = []
        for namespace in sorted(set(namespaces)):
            said = await self._recent(namespace, FRESH_S)
            if said.problem:
                raise said.problem
            found += said.guards
        return tuple(found)

    async def known(self, namespaces: Iterable[str]) -> tuple[Guard, ...]:
        """Return what they said lately. What cannot be read keeps no run from its undo."""
        found: list[Guard] = []
        for namespace in sorted(set(namespaces)):
            said = await self._recent(namespace, KNOWN_S)
            if said.problem:
                log.warning("cannot read stores", namespace=namespace, error=str(said.problem))
            found += said.guards
        return tuple(found)

    async def _recent(self, namespace: str, age: float) -> _Said:
        """Return what was read no longer ago, or the trouble of reading it.

        Who comes while it is being read takes what comes of that: of many who wait for an API that
        does not answer, each waits once.
        """
        asked = self.clock.monotonic()
        said = self._said.get(namespace, _Said())
        if asked - said.read_at < age:  # what is new enough waits for nobody's list
            return replace(said, problem=None)
        async with self._locks[namespace]:
            said = self._said.get(namespace, _Said())
            if asked - said.read_at < age:
                return replace(said, problem=None)
            if said.tried_at < asked:
                said = self._said[namespace] = await self._ask(namespace, said)
            return said

    async def _ask(self, namespace: str, before: _Said) -> _Said:
        try:
            found = await self._list(namespace)
        except OperatorError as problem:
            return replace(before, tried_at=self.clock.monotonic(), problem=problem)
        now = self.clock.monotonic()
        return _Said(found, read_at=now, tried_at=now)

    async def _list(self, namespace: str) -> tuple[Guard, ...]:
        found: list[Guard] = []
        stores = await self.kubernetes.list(CAFE_STORES, namespace=namespace, keep=StoreInShort)
        for number in range(0, len(stores), SLICE):
            found += guards(stores[number : number + SLICE])
            await asyncio.sleep(0)
        return tuple(found)
