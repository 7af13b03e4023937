"""Deleting a store: its parts in order, each verified, then the finalizer.

Called by `handlers/store.py`. Works for paused stores and for those whose spec cannot be read. What
blocks it stands in `status.deletion` with the way out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from cloudcafe_operator.effects.remove_store import StoreRemover
from cloudcafe_operator.effects.report_store import StoreReporter
from cloudcafe_operator.errors import NotFound, OperatorError, Retry
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
        """Take the store apart; raises what blocks it, after saying so in the status.

        Where it came further than the last time, it is tried again without a longer wait.
        """
        finalizers = store["metadata"].get("finalizers") or []
        if FINALIZER not in finalizers:
            return
        done: tuple[Removal, ...] = ()
        given_up: set[Removal] = set()
        store_id = naming.store_id(identity.namespace, identity.name)
        for removal in plan_deletion(store.get("spec") or {}):
            if removal == "table" and "final backup" in given_up:
                said = "table is left, it has no final backup: cafectl orphans finds it"
                self.reporter.publish(store, Story("DeletionForced", said, "Warning"))
                continue
            try:
                with self.reporter.chronicle.because(store_id, "the store is deleted"):
                    await self.remover.remove(removal, identity, partial(self._tell_lost, store))
            except OperatorError as error:
                if not _forced(store):
                    at = Blocked(done, removal, error)
                    came_on = await self._say_blocked(store, identity, at)
                    if came_on and isinstance(error, Retry):
                        raise Retry(str(error), after=error.after) from error
                    raise
                said = f"{removal} was given up because of {FORCE_DELETE}: {error}"
                self.reporter.publish(store, Story("DeletionForced", said, "Warning"))
                given_up.add(removal)
            done = (*done, removal)
        said = f"Done, in this order: {', '.join(done)}."
        self.reporter.publish(store, Story("Deleted", said, "Normal"))
        rest = [name for name in finalizers if name != FINALIZER]
        try:
            await self.reporter.patch_meta(store, {"finalizers": rest})
        except NotFound:
            return

    def _tell_lost(self, store: Manifest, what: str) -> None:
        """Say what the store's end takes along, before it does."""
        said = f"Lost with the queue: {what}."
        self.reporter.publish(store, Story("TicketsLost", said, "Warning"))

    async def _say_blocked(
        self,
        store: Manifest,
        identity: Identity,
        at: Blocked,
    ) -> bool:
        """Write it down; whether more is done than when it was blocked before."""
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
            return False
        if new.deletion and (old.deletion is None or old.deletion.next != new.deletion.next):
            said = f"{new.deletion.next}: {new.deletion.blocked_by}"
            self.reporter.publish(store, Story("DeletionBlocked", said, "Warning"))
        return len(at.done) > len(old.deletion.done if old.deletion else ())


def _forced(store: Manifest) -> bool:
    annotations = store["metadata"].get("annotations") or {}
    return bool(annotations.get(FORCE_DELETE) == "true")
