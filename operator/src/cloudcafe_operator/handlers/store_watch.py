"""Watching stores: a list, then a watch from its version on, for ever. Run by `main.py`.

kopf costs 0.9 ms of CPU for each event, and every write of ours comes back as one; here it is a
fraction (docs/decisions). From the list's version on a watch should miss nothing; where that
version has become too old, a new list finds what vanished meanwhile. If an event is lost all the
same, a list of metadata, compared now and then, finds what it told of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from cloudcafe_operator.effects.kubernetes import JSON, METADATA, Expired, KubernetesApi
from cloudcafe_operator.effects.rounds import for_ever
from cloudcafe_operator.errors import OperatorError
from cloudcafe_operator.handlers.watch import Watcher
from cloudcafe_operator.kinds import key_of
from cloudcafe_operator.ports import Ref, Resource

SECONDS_AFTER_TROUBLE = 1.0
PAGE = "100"  # whole stores: five hundred decoded at once would be our largest need of memory
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class StoreWatch:
    """One kind, in all namespaces or in some."""

    kubernetes: KubernetesApi
    watcher: Watcher
    resource: Resource
    namespaces: Sequence[str]
    compare_seconds: float = 600.0

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as group:
            for namespace in self.namespaces or (None,):
                group.create_task(self._follow(namespace))
                group.create_task(self._compare(namespace))

    async def _compare(self, namespace: str | None) -> None:
        compare = partial(self.list, namespace, whole=False)
        waits = "the comparison of stores waits"
        await for_ever(compare, seconds=self.compare_seconds, waits=waits, pause_first=True)

    async def _follow(self, namespace: str | None) -> None:
        since = ""
        while True:
            try:
                since = since or await self.list(namespace)
                since = await self._watch(namespace, since)
            except Expired:
                since = ""
            except OperatorError as trouble:
                log.warning("watching stores", reason=str(trouble))
                await asyncio.sleep(SECONDS_AFTER_TROUBLE)

    async def list(self, namespace: str | None, *, whole: bool = True) -> str:
        """Tell of all that exist and of what vanished; the version from which to watch."""
        found: set[str] = set()
        version = ""
        accept, query = (JSON, {"limit": PAGE}) if whole else (METADATA, {})
        pages = self.kubernetes.pages(
            self.resource, namespace=namespace, accept=accept, query=query
        )
        async for shown, page in pages:
            version = shown
            for item in page:
                meta = item["metadata"]
                meta.pop("managedFields", None)
                found.add(key_of(Ref(self.resource, meta["name"], meta["namespace"])))
                self.watcher.seen(self.resource, None, item, whole=whole)
        self.watcher.vanished(self.resource, found, within=namespace or "")
        return version

    async def _watch(self, namespace: str | None, since: str) -> str:
        """Tell of each change until the watch ends; the last version seen."""
        changes = self.kubernetes.watch(self.resource, namespace=namespace, since=since)
        try:
            async for change, item in changes:
                since = item["metadata"]["resourceVersion"]
                if change != "BOOKMARK":
                    item["metadata"].pop("managedFields", None)
                    self.watcher.seen(self.resource, change, item)
        except Expired:
            raise
        except OperatorError as trouble:
            log.info("the watch of stores goes on", reason=str(trouble))
            await asyncio.sleep(SECONDS_AFTER_TROUBLE)
        return since
