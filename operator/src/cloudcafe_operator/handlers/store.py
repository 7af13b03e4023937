"""The reconciler of CafeStore: observe, plan, execute, until nothing is left; then the status.

Called by the work queue with a store's key. Creating, changing, resuming, resyncing and deleting
are the same function.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime

from cloudcafe_operator.effects.converge_store import StoreConverger
from cloudcafe_operator.effects.dashboards_store import FleetDashboard
from cloudcafe_operator.effects.delete_store import StoreDeleter
from cloudcafe_operator.effects.fleet import FleetWatch
from cloudcafe_operator.effects.ledger import LedgerWatch
from cloudcafe_operator.effects.news import News
from cloudcafe_operator.effects.observe_store import AREAS
from cloudcafe_operator.effects.report_store import StoreReporter
from cloudcafe_operator.effects.rests import Rests
from cloudcafe_operator.effects.rush import RushKeeper
from cloudcafe_operator.effects.turns import Turns
from cloudcafe_operator.effects.verify_store import Customer, OrderPathVerifier, Proof
from cloudcafe_operator.errors import Unavailable, UserError
from cloudcafe_operator.kinds import key_of, ref_of
from cloudcafe_operator.planning import naming, order_path
from cloudcafe_operator.planning.opening import Timetable, timetable
from cloudcafe_operator.planning.store_finding import Finding
from cloudcafe_operator.planning.store_memory import memory_of
from cloudcafe_operator.planning.store_report import (
    as_told,
    in_place,
    previous,
    refused_status,
    status_of,
    with_unknown_fields,
)
from cloudcafe_operator.planning.store_status import troubles
from cloudcafe_operator.planning.store_steps import CAFE, DATA_TIER
from cloudcafe_operator.planning.store_turn import may_wait
from cloudcafe_operator.planning.store_wanted import wanted_store
from cloudcafe_operator.planning.store_world import Identity, Platform, Wanted
from cloudcafe_operator.ports import Clock, Kubernetes, Manifest, Ref, WakeUp
from cloudcafe_operator.resources.common import parse, parse_known
from cloudcafe_operator.resources.store import ACCEPT_DAMAGE, ADOPT, FINALIZER, CafeStoreSpec
from cloudcafe_operator.resources.store_status import CafeStoreStatus

PROVED_AGAIN_S = 60.0  # after a coffee that could not be bought, where something else waits longer


@dataclass(frozen=True, slots=True)
class StoreReconciler:
    """One for all stores."""

    kubernetes: Kubernetes
    clock: Clock
    platform: Platform
    converger: StoreConverger
    verifier: OrderPathVerifier
    deleter: StoreDeleter
    reporter: StoreReporter
    ledger: LedgerWatch
    rush: RushKeeper
    fleet: FleetWatch
    dashboard: FleetDashboard
    turns: Turns
    rests: Rests
    news: News = field(default_factory=News)
    queue: WakeUp | None = None  # None: as in tests that reconcile by hand

    async def reconcile(self, ref: Ref) -> float | None:
        """Bring one store where its owner wants it; seconds until it is due again."""
        key = key_of(ref)
        store = self.news.take(key) or await self.kubernetes.get(ref)
        if store is None or store["metadata"].get("deletionTimestamp"):
            store_id = naming.store_id(ref.namespace or "", ref.name)
            self.converger.forget(store_id)
            self.converger.told(store_id)
            self.ledger.forget(store_id)
            self.rush.forget(store_id)
            self.fleet.forget(store_id)
            self.dashboard.forget(store_id)
            self.turns.forget(store_id)
            self.verifier.forget(store_id)
            self.rests.end(key)
            if store is None:
                self.reporter.chronicle.forget(store_id)
            else:
                self.news.end(key, store["metadata"]["uid"])
                await self._delete(store)
            return None
        finalizers = store["metadata"].get("finalizers") or []
        if FINALIZER not in finalizers:  # where no admission policy did it
            store = await self.reporter.patch_meta(store, {"finalizers": [*finalizers, FINALIZER]})
        if rest := self._at_rest(key, store):
            return rest
        return await self._converge(store)

    async def _delete(self, store: Manifest) -> None:
        try:
            await self.deleter.delete(store, _identity(store))
        except UserError as refused:  # no spec can be corrected any more: it is tried again soon
            raise Unavailable(str(refused)) from refused

    def _at_rest(self, key: str, store: Manifest) -> float:
        """Return how long a store needs nothing, whatever woke it; 0: look."""
        meta = store["metadata"]
        store_id = naming.store_id(meta["namespace"], meta["name"])
        if self.ledger.has_news(store_id) or not self.converger.seconds_believed(store_id):
            self.rests.end(key)
        return self.rests.seconds(key, store)

    async def _converge(self, store: Manifest) -> float:
        meta = store["metadata"]
        generation = meta["generation"]
        old = parse(CafeStoreStatus, store.get("status"), where="status")
        try:
            spec, unknown = parse_known(CafeStoreSpec, store["spec"])
            times = timetable(spec, self.clock.now())
            wanted = wanted_store(spec, _identity(store), self.platform, times)
        except UserError as error:
            now = self.clock.now()
            refused = refused_status(old, error, generation=generation, now=now)
            self.fleet.note(naming.store_id(meta["namespace"], meta["name"]), refused)
            await self.reporter.write(store, old, refused)
            raise
        self.rush.note(wanted.store_id, spec)
        self.dashboard.note(wanted.store_id, spec.tier)
        notes = meta.get("annotations") or {}
        self.ledger.accept(wanted.store_id, notes.get(ACCEPT_DAMAGE, ""))
        if wait := self._until_its_turn(store, wanted.store_id, old, times):
            return wait
        finding = await self.converger.find(
            wanted,
            memory_of(old),
            hands_off=spec.paused or spec.management_policy == "Observe",
        )
        proof = await self._prove(spec, wanted, finding, old, generation)
        if proof.young:
            self.news.give_back(key_of(ref_of(store)), store)
            return proof.after
        path = (proof.judgement, proof.path)
        status = status_of(
            spec,
            wanted,
            finding,
            old=old,
            path=path,
            ledger=self.ledger.verdict(ref_of(store), wanted.store_id, old),
            times=times,
            generation=generation,
            now=self.clock.now(),
        )
        self.fleet.note(wanted.store_id, status)
        store = await self.reporter.write(store, old, with_unknown_fields(status, unknown))
        self.converger.told(wanted.store_id, finding.observed)
        _, proved, _, _ = proof.judgement
        if proved == "False":  # what was believed in order cannot be
            self.converger.doubt(wanted.store_id)
        for trouble in troubles(finding.observed, AREAS):
            # its type says when to try again; opening hours and guests wait for no quota
            again = PROVED_AGAIN_S if proved == "False" else 1.0
            if troubles(finding.observed, (*DATA_TIER, *CAFE)):  # all of it would be looked at
                again = max(again, PROVED_AGAIN_S)
            again = max(again, proof.after)
            self._wake(ref_of(store), min(again, self._seconds_until(times.changes_at)))
            raise trouble.error
        due = max(1.0, min(proof.after, self._seconds_until(times.changes_at)))
        if proved == "False":
            return due
        due = max(1.0, min(due, self.converger.seconds_believed(wanted.store_id)))
        if proved == "True":
            self.rests.begin(key_of(ref_of(store)), store, due)
        return due

    def _until_its_turn(
        self, store: Manifest, store_id: str, old: CafeStoreStatus, times: Timetable
    ) -> float:
        """Return how long its status is believed before the first look; 0: look now."""
        generation = store["metadata"]["generation"]
        if may_wait(old, times, generation=generation):
            wait = self.turns.seconds(store_id)
            books, _ = self.ledger.verdict(ref_of(store), store_id, old)
            if wait and as_told(old.conditions, books[0]) == books:
                self.fleet.note(store_id, old)
                return max(1.0, min(wait, self._seconds_until(times.changes_at)))
        self.turns.looked(store_id)
        return 0.0

    def _wake(self, ref: Ref, after: float) -> None:
        """Look again by then at the latest, whatever else is said."""
        if self.queue is not None and after < math.inf:
            self.queue.add(key_of(ref), after=max(1.0, after))

    def _seconds_until(self, moment: datetime | None) -> float:
        return (moment - self.clock.now()).total_seconds() if moment else math.inf

    async def _prove(
        self,
        spec: CafeStoreSpec,
        wanted: Wanted,
        finding: Finding,
        old: CafeStoreStatus,
        generation: int,
    ) -> Proof:
        """Buy a coffee where one can be bought."""
        before = previous(old.conditions, order_path.NAME)
        cannot = order_path.cannot_buy(spec, in_place=in_place(wanted, finding), before=before)
        if cannot:
            return Proof(cannot, old.order_path, self.converger.resync_seconds)
        sku = wanted.menu["items"][0]["sku"]
        customer = Customer(wanted.identity.uid, generation, wanted.store_id, sku)
        return await self.verifier.verify(customer, old.order_path, before)


def _identity(store: Manifest) -> Identity:
    meta = store["metadata"]
    word = (meta.get("annotations") or {}).get(ADOPT, "")
    return Identity(meta["namespace"], meta["name"], meta["uid"], word)
