"""What we know of objects that we drive: read in full only when they changed.

Used by `observe_run.py` and `survey.py`. Driving a run means looking at it twice a second; with
hundreds of runs a request for each look would be all that the operator does. So one list of
metadata, shared by all, tells which objects have another resourceVersion than the one we hold,
and our own writes tell us theirs. Nobody is trusted longer than KNOWN_S without being asked.

Nobody is taken back either: a run that was undone, seen as it was before its injection, would be
injected once more. Resource versions of one object are numbers that grow ("Resource versions" in
the Kubernetes API concepts), so an answer from before the newest that was seen is asked for again.
Not for ever: where etcd was restored from a snapshot there is nothing but the past, and what is in
force must be undone all the same.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import structlog

from cloudcafe_operator.errors import Retry, UserError
from cloudcafe_operator.ports import Clock, Kubernetes, Manifest, Ref, Resource

KNOWN_S = 0.5
DOUBTED_S = 30.0  # nothing but the past is believed after it; no server lags for so long
ASKED_S = 10.0  # two answers that are further apart do not say what was between them
MOST_REMEMBERED = 10_000  # objects whose newest version is known, also of what is over
T = TypeVar("T")
Name = tuple[str, str]  # namespace, name
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Held(Generic[T]):
    version: str
    order: int  # of when the API server was asked, among all that this process asked
    value: T


@dataclass(frozen=True, slots=True)
class _Newest:
    uid: str
    version: int
    doubted_since: float = 0.0  # monotonic: since when every answer was from before it
    doubted_at: float = float("-inf")  # monotonic: the last of them


@dataclass(frozen=True, slots=True)
class _Listing:
    at: float  # monotonic
    order: int
    versions: Mapping[Name, str]


class Known(Generic[T]):
    """The objects of a kind. `fields` leaves out of the list what is not driven any more."""

    def __init__(
        self,
        kubernetes: Kubernetes,
        clock: Clock,
        resource: Resource,
        read: Callable[[Manifest], T],
        *,
        fields: str | None = None,
    ) -> None:
        self._kubernetes = kubernetes
        self._clock = clock
        self._resource = resource
        self._read = read
        self._fields = fields
        self._order = itertools.count(1)
        self._held: dict[Name, _Held[T]] = {}
        self._newest: dict[Name, _Newest] = {}  # the longest known first
        self._listing: _Listing | None = None
        self._lock = asyncio.Lock()

    async def get(self, namespace: str, name: str) -> T | None:
        """Return the object as it was at most KNOWN_S ago; None where there is none."""
        return await self._current((namespace, name), await self._recent(KNOWN_S))

    async def all(self) -> list[T]:
        """Return all objects of the list, as they are now."""
        listing = await self._recent(0.0)
        found = [await self._current(name, listing) for name in listing.versions]
        return [value for value in found if value is not None]

    def remember(self, manifest: Manifest) -> None:
        """Take over what the API server answered to our own write."""
        self._hold(manifest, next(self._order))

    def forget(self, namespace: str, name: str) -> None:
        """Ask again: a write was refused or unanswered, or the object is no longer driven."""
        self._held.pop((namespace, name), None)

    async def _current(self, name: Name, listing: _Listing) -> T | None:
        held = self._held.get(name)
        if held and (held.order > listing.order or held.version == listing.versions.get(name)):
            return held.value
        order = next(self._order)
        manifest = await self._kubernetes.get(Ref(self._resource, name[1], name[0]))
        if manifest is None:
            self._held.pop(name, None)
            self._newest.pop(name, None)
            return None
        if self._is_past(name, manifest["metadata"]):
            held = self._held.get(name)
            if held and held.order > order:  # our own write came between
                return held.value
            self._doubt(name)
        return self._hold(manifest, order)

    def _is_past(self, name: Name, meta: Manifest) -> bool:
        """Whether an answer is older than what was seen of the same object."""
        newest = self._newest.get(name)
        if newest is None or newest.uid != meta["uid"]:
            return False
        return _number(meta["resourceVersion"]) < newest.version

    def _doubt(self, name: Name) -> None:
        """Refuse the past, until there has been nothing else for DOUBTED_S."""
        newest, now = self._newest[name], self._clock.monotonic()
        since = newest.doubted_since if now - newest.doubted_at <= ASKED_S else now
        if now - since < DOUBTED_S:
            self._newest[name] = replace(newest, doubted_since=since, doubted_at=now)
            raise Retry(f"{self._resource.kind} {name[1]} was shown as it was before", after=0.2)
        del self._newest[name]
        log.warning(
            "nothing but the past was shown, so it is believed: was etcd restored?",
            kind=self._resource.kind,
            namespace=name[0],
            name=name[1],
        )

    def _hold(self, manifest: Manifest, order: int) -> T:
        """Hold the newer: an answer that was asked for earlier may come later."""
        meta = manifest["metadata"]
        name = (meta["namespace"], meta["name"])
        held = self._held.get(name)
        if not self._is_past(name, meta):
            self._newest[name] = _Newest(meta["uid"], _number(meta["resourceVersion"]))
            if len(self._newest) > MOST_REMEMBERED:
                del self._newest[next(iter(self._newest))]
        if held is None or held.order < order:
            held = _Held(meta["resourceVersion"], order, self._read(manifest))
            self._held[name] = held
        return held.value

    async def _recent(self, age: float) -> _Listing:
        """Return a list no older; who comes while it is being read waits, and takes it if new."""
        asked = self._clock.monotonic()
        async with self._lock:
            if self._listing is None or asked - self._listing.at >= age:
                self._listing = await self._list()
            return self._listing

    async def _list(self) -> _Listing:
        at, order = self._clock.monotonic(), next(self._order)
        try:
            found = await self._kubernetes.list_metadata(self._resource, fields=self._fields)
        except UserError:  # a definition of before the field could be selected
            found = await self._kubernetes.list_metadata(self._resource)
        metas = [item["metadata"] for item in found]
        versions = {(meta["namespace"], meta["name"]): meta["resourceVersion"] for meta in metas}
        gone = [
            name for name, held in self._held.items() if held.order < order and name not in versions
        ]
        for name in gone:
            del self._held[name]
        return _Listing(at, order, versions)


def _number(version: str) -> int:
    return int(version) if version.isdecimal() else 0  # one that cannot be compared is believed
