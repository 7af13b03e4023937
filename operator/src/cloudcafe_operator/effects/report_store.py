"""Writing a store's status and telling its events. Called by the store's reconciler and deleter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cloudcafe_operator import metrics
from cloudcafe_operator.effects.allowance import Allowance
from cloudcafe_operator.effects.chronicle import Chronicle
from cloudcafe_operator.kinds import ref_of
from cloudcafe_operator.planning import naming
from cloudcafe_operator.planning.store_history import extended
from cloudcafe_operator.planning.store_report import Story, tell
from cloudcafe_operator.ports import Events, Kubernetes, Manifest
from cloudcafe_operator.resources.common import merge_patch
from cloudcafe_operator.resources.store_status import CafeStoreStatus


@dataclass(frozen=True, slots=True)
class StoreReporter:
    """One for all stores; the only writer of their status."""

    kubernetes: Kubernetes
    events: Events
    chronicle: Chronicle
    good_news: Allowance

    async def write(self, store: Manifest, old: CafeStoreStatus, new: CafeStoreStatus) -> Manifest:
        """Write what changed, if anything did, and tell of it. Conflict: somebody wrote first.

        The store as it is then.

        What was done on AWS goes along; alone it is no reason to write. Of thousands of stores that
        get well at the same time not each is worth events: the conditions tell the same.
        """
        meta, status = store["metadata"], store.get("status") or {}
        new = new.model_copy(update={"history": old.history})
        if not merge_patch(status, new.manifest()):
            return store
        store_id = naming.store_id(meta["namespace"], meta["name"])
        deeds = self.chronicle.untold(store_id)
        new = new.model_copy(update={"history": extended(old.history, deeds)})
        patch = merge_patch(status, new.manifest())
        written = await self.kubernetes.patch_status(
            ref_of(store), patch, resource_version=meta["resourceVersion"]
        )
        self.chronicle.told(store_id, deeds)
        for story in tell(old.conditions, new.conditions):
            if story.kind == "Warning" or self.good_news.take():
                self.publish(store, story)
            else:
                metrics.events_published.labels("spared").inc()
        return written

    async def patch_meta(self, store: Manifest, meta: Mapping[str, Any]) -> Manifest:
        """Change the store's metadata, on top of what was read."""
        version = store["metadata"]["resourceVersion"]
        return await self.kubernetes.patch(
            ref_of(store), {"metadata": meta}, resource_version=version
        )

    def publish(self, store: Manifest, story: Story) -> None:
        """Tell one event."""
        self.events.publish(store, reason=story.reason, message=story.message, kind=story.kind)
