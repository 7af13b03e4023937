"""One list of pods for all who look at about the same time. Implements ports.Lists.

A step of a hundred targets asks a hundred times who is ready, and two hundred runs may ask at
once: among thousands of pods each answer would be a list of its own, page after page. What is
kept of a pod is a few hundred bytes, so that memory does not follow the size of manifests. What a
write rests on is listed anew, once for all who wait for it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cloudcafe_operator.effects.asked_together import AskedTogether
from cloudcafe_operator.kinds import PODS
from cloudcafe_operator.planning.pods import PodInShort, PodsSeen, pods_seen
from cloudcafe_operator.ports import Clock, Kubernetes, Manifest, Resource

SHARED_S = 0.5
ALL = 1_000_000  # askers of one list
Asked = AskedTogether[Sequence[Manifest]]
Question = tuple[Resource, str | None, str, bool]


@dataclass(frozen=True, slots=True)
class _Listed:
    begun: float  # monotonic
    good_for: float  # seconds
    pods: PodsSeen


@dataclass(frozen=True, slots=True)
class SharedLists:
    """Keeps the list of each namespace for a moment; twice as long as it took to read it."""

    kubernetes: Kubernetes
    clock: Clock
    _listed: dict[str, _Listed] = field(default_factory=dict)
    _locks: dict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _asked: dict[Question, Asked] = field(default_factory=dict)

    async def pods(self, namespace: str) -> PodsSeen:
        """Return a namespace's pods; who comes while they are being read waits for the same."""
        asked = self.clock.monotonic()
        async with self._locks[namespace]:
            for name, old in list(self._listed.items()):
                if asked - old.begun >= old.good_for:
                    del self._listed[name]
            if namespace not in self._listed:
                self._listed[namespace] = await self._list(namespace)
            return self._listed[namespace].pods

    async def _list(self, namespace: str) -> _Listed:
        begun = self.clock.monotonic()
        found = await self.kubernetes.list(PODS, namespace=namespace, keep=PodInShort)
        took = self.clock.monotonic() - begun
        return _Listed(begun, max(SHARED_S, 2 * took), pods_seen(found))

    async def fresh(
        self, resource: Resource, *, namespace: str | None, labels: str = "", whole: bool = False
    ) -> Sequence[Manifest]:
        """Return a list that is begun after this was asked, shared by all who wait for it."""
        question = (resource, namespace, labels, whole)

        async def read(names: tuple[str, ...]) -> Mapping[str, Sequence[Manifest]]:
            if whole:
                found = await self.kubernetes.list(
                    resource, namespace=namespace, labels=labels or None
                )
            else:
                found = await self.kubernetes.list_metadata(
                    resource, namespace=namespace, labels=labels or None
                )
            return dict.fromkeys(names, found)

        asked = self._asked.setdefault(question, AskedTogether(read, most=ALL))
        try:
            return (await asked.find((labels,)))[labels]
        finally:
            if asked.is_idle:
                self._asked.pop(question, None)
