"""Deleting a store: its parts in order, each verified, then the finalizer.

Called by `handlers/store.py`. Works for paused stores and for those whose spec cannot be read. What
blocks it stands in `status.deletion` with the way out.
"""

from __future__ import annotations

from dataclasses import dataclass

from cloudcafe_operator.effects.remove_store import StoreRemover
from cloudcafe_operator.effects.report_store import StoreReporter
from cloudcafe_operator.errors import NotFound, OperatorError
from cloudcafe_operator.planning import naming
from cloudcafe_operator.planning.store_deletion import (
    Blocked,
    Removal,
    blocked_status,
    plan_deletion,
)
from cloudcafe_operator.planning.store_report import Story
from cloudcafe_operator.planning.store_world import Identity
from cloudcafe_operator.ports import Clock, Manifest
from cloudcafe_operator.resources.common import parse
from cloudcafe_operator.resources.store import FINALIZER, FORCE_DELETE
from cloudcafe_operator.resources.store_status import CafeStoreStatus


@dataclass(frozen=True, slots=True)
class StoreDeleter:
    """One for all stores."""

    remover: StoreRemover
    reporter: StoreReporter
    clock: Clock

    async def delete(self, store: Manifest, identity: Identity) -> None:
        """Take the store apart; raises what blocks it, after saying so in the status."""
        finalizers = store["metadata"].get("finalizers") or []
        if FINALIZER not in finalizers:
            return
        done: tuple[Removal, ...] = ()
        store_id = naming.store_id(identity.namespace, identity.name)
        for removal in plan_deletion(store.get("spec") or {}):
            try:
                with self.reporter.chronicle.because(store_id, "the store is deleted"):
                    await self.remover.remove(removal, identity)
            except OperatorError as error:
                if not _forced(store):
                    await self._say_blocked(store, identity, Blocked(done, removal, error))
                    raise
                said = f"{removal} was given up because of {FORCE_DELETE}: {error}"
                self.reporter.publish(store, Story("DeletionForced", said, "Warning"))
            done = (*done, removal)
        said = f"Done, in this order: {', '.join(done)}."
        self.reporter.publish(store, Story("Deleted", said, "Normal"))
        rest = [name for name in finalizers if name != FINALIZER]
        try:
            await self.reporter.patch_meta(store, {"finalizers": rest})
        except NotFound:
            return

    async def _say_blocked(
        self,
        store: Manifest,
        identity: Identity,
        at: Blocked,
    ) -> None:
        old = parse(CafeStoreStatus, store.get("status"), where="status")
        new = blocked_status(
            old,
            identity,
            at,
            generation=store["metadata"]["generation"],
            now=self.clock.now(),
        )
        try:
            await self.reporter.write(store, old, new)
        except NotFound:
            return
        if new.deletion and (old.deletion is None or old.deletion.next != new.deletion.next):
            said = f"{new.deletion.next}: {new.deletion.blocked_by}"
            self.reporter.publish(store, Story("DeletionBlocked", said, "Warning"))


def _forced(store: Manifest) -> bool:
    annotations = store["metadata"].get("annotations") or {}
    return bool(annotations.get(FORCE_DELETE) == "true")
