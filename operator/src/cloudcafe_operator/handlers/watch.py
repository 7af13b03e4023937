"""Watching: from events to keys in the work queue.

kopf tells what changed of experiments and runs; it writes nothing (no finalizer, no annotation, no
event, no peering). Stores, of which there are thousands, are watched by `store_watch.py`. An event
wakes its key only where something changed that a person or the API server wrote: our own
status writes come back as events and must cost nothing. Because kopf reports nothing for objects
that vanished while a watch was down, a full list is compared from time to time.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import kopf

from cloudcafe_operator.effects.news import News
from cloudcafe_operator.kinds import key_of
from cloudcafe_operator.ports import Kubernetes, Ref, Resource, WakeUp

SECONDS_TO_END = 3.0
WATCHED_META = ("uid", "generation", "deletionTimestamp", "labels", "annotations", "finalizers")
Extra = Callable[[str, Any], Sequence[str]]  # more keys to wake for an object, besides its own


class Watcher:
    """Knows the fingerprint of every object it has told the queue about."""

    def __init__(
        self,
        kubernetes: Kubernetes,
        queue: WakeUp,
        *,
        namespaces: Sequence[str] = (),
        also: Extra | None = None,
        news: News | None = None,
    ) -> None:
        self._kubernetes = kubernetes
        self._queue = queue
        self._namespaces = tuple(namespaces)
        self._also = also
        self._news = news
        self._known: dict[str, bytes] = {}

    def seen(
        self, resource: Resource, change: str | None, manifest: Any, *, whole: bool = True
    ) -> None:
        """Take one event of a watch: wake the key unless only our own status changed.

        Not whole: it is metadata alone, and the reconciler must read the object.
        """
        meta = manifest["metadata"]
        key = key_of(Ref(resource, meta["name"], meta.get("namespace")))
        if change == "DELETED":
            self._known.pop(key, None)
            if self._news:
                self._news.end(key, meta["uid"])
        else:
            fingerprint = _fingerprint(meta)
            if self._known.get(key) == fingerprint:
                if self._news and whole:
                    self._news.update(key, manifest)
                return
            self._known[key] = fingerprint
            if self._news and whole:
                self._news.put(key, manifest)
            elif self._news:
                self._news.take(key)
        # what a list tells is mostly as it was when we began; what a watch tells, somebody did now
        self._queue.add(key, news=change is not None)
        for other in self._also(key, manifest) if self._also else ():
            self._queue.add(other, news=change is not None)

    async def compare(self, resources: Sequence[Resource]) -> None:
        """List everything once: wake what is new, changed or gone."""
        for resource in resources:
            found: set[str] = set()
            for namespace in self._namespaces or (None,):
                for item in await self._kubernetes.list_metadata(resource, namespace=namespace):
                    meta = item["metadata"]
                    found.add(key_of(Ref(resource, meta["name"], meta.get("namespace"))))
                    self.seen(resource, None, item)
            self.vanished(resource, found)

    def vanished(self, resource: Resource, found: set[str], *, within: str = "") -> None:
        """Wake what we knew of a kind, in a namespace or everywhere, and a full list lacks."""
        start = f"{resource.kind}/{within}/" if within else f"{resource.kind}/"
        mine = {key for key in self._known if key.startswith(start)}
        for key in mine - found:
            del self._known[key]
            if self._news:
                self._news.take(key)
            self._queue.add(key)


@dataclass(frozen=True, slots=True)
class KopfWatch:
    """kopf in a thread and event loop of its own, feeding the watcher on ours.

    In one loop with us it would take our signal handlers and, when it ends, cancel all our tasks
    (its documentation says so); and its work on many events would delay ours.
    """

    watcher: Watcher
    resources: Sequence[Resource]
    namespaces: Sequence[str]
    log_in: Callable[[], kopf.ConnectionInfo]

    async def run(self) -> None:
        """Watch until cancelled; raises what ends kopf."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        stop = threading.Event()

        def watch() -> None:
            error: Exception | None = None
            try:
                asyncio.run(self._operator(loop, stop))
            except Exception as problem:  # noqa: BLE001 - whatever ends it, we must know
                error = problem
            with contextlib.suppress(RuntimeError):  # our loop is closed already
                loop.call_soon_threadsafe(_settle, ended, error)

        thread = threading.Thread(target=watch, name="kopf", daemon=True)
        thread.start()
        try:
            await ended
        finally:
            stop.set()
            await asyncio.to_thread(thread.join, SECONDS_TO_END)

    async def _operator(self, loop: asyncio.AbstractEventLoop, stop: threading.Event) -> None:
        registry = kopf.OperatorRegistry()
        kopf.on.login(registry=registry)(self._log_in)
        for resource in self.resources:
            kopf.on.event(
                resource.group,
                resource.version,
                resource.plural,
                registry=registry,
                id=f"watch-{resource.plural}",
            )(self._handler(loop, resource))
        await kopf.operator(
            registry=registry,
            settings=settings(),
            standalone=True,
            clusterwide=not self.namespaces,
            namespaces=tuple(self.namespaces),
            stop_flag=stop,
        )

    def _log_in(self, **_: Any) -> kopf.ConnectionInfo:
        """Reach the API server as we do; asked again when a token was refused."""
        return self.log_in()

    def _handler(self, loop: asyncio.AbstractEventLoop, of: Resource) -> Any:
        async def changed(*, type: str | None, body: kopf.Body, **_: Any) -> None:  # noqa: A002 - kopf's name
            loop.call_soon_threadsafe(self.watcher.seen, of, type, body)

        return changed


def settings() -> kopf.OperatorSettings:
    """Return kopf's settings: watches that end and begin again, and no writes at all."""
    found = kopf.OperatorSettings()
    found.posting.enabled = False
    found.peering.standalone = True
    found.scanning.disabled = True  # else it watches all CRDs and namespaces of the cluster
    found.watching.server_timeout = 300
    found.watching.client_timeout = 330
    found.watching.connect_timeout = 10
    found.networking.request_timeout = 60
    found.networking.connect_timeout = 10
    found.process.ultimate_exiting_timeout = None  # the pod's grace period is the limit
    return found


def _fingerprint(meta: Any) -> bytes:
    """Return what changes with the watched metadata; short, for there is one for each object."""
    said = [meta.get(name) for name in WATCHED_META]
    text = json.dumps(said, sort_keys=True, default=dict)
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


def _settle(ended: asyncio.Future[None], error: Exception | None) -> None:
    if ended.done():  # nobody waits any more
        return
    if error is None:
        ended.set_result(None)
    else:
        ended.set_exception(error)
