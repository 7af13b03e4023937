"""Keeping to the rush plan: the services' autoscalers get their minimum ahead of each rush.

`main.py` runs it while this operator leads; the stores' reconciler tells it what each store
expects. Only `minReplicas` of autoscalers that say what a replica bears is written, by server-side
apply, and only where it differs; `capacity.py` does the same for AWS, where that is configured. The
plan itself is in a ConfigMap for `cafectl plan`.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypedDict

import structlog

from cloudcafe_operator import metrics
from cloudcafe_operator.effects.capacity import CapacityKeeper
from cloudcafe_operator.effects.rounds import for_ever
from cloudcafe_operator.effects.shown import Shown
from cloudcafe_operator.errors import OperatorError, UserError
from cloudcafe_operator.kinds import AUTOSCALERS, CAFE_STORES
from cloudcafe_operator.planning import naming
from cloudcafe_operator.planning.capacity import Ahead, Policies, needs_of, units_at
from cloudcafe_operator.planning.rush import (
    Level,
    Scaler,
    Week,
    crowds,
    expects,
    level_at,
    levels,
    scaler,
    told,
)
from cloudcafe_operator.ports import Clock, Events, Json, Kubernetes, Manifest
from cloudcafe_operator.resources.common import parse_known
from cloudcafe_operator.resources.store import CafeStoreSpec

EVERY_S = 30.0
SHOWN = timedelta(hours=25)
LONGEST_LEAD = timedelta(hours=2)
SLICE = 50
PLAN = "cloudcafe-rush-plan"
log = structlog.get_logger()


class _Meta(TypedDict, total=False):
    name: Any
    namespace: Any
    deletionTimestamp: Any


class _Wishes(TypedDict, total=False):
    """What is needed of a store: ten thousand whole ones would take 300 MB."""

    metadata: _Meta
    spec: Any


@dataclass(frozen=True, slots=True)
class _Expected:
    """What is expected in a span, and what AWS must have ready for it."""

    levels: Sequence[Level]
    units: Ahead


@dataclass(slots=True)
class RushKeeper:
    """One for the fleet."""

    kubernetes: Kubernetes
    events: Events
    clock: Clock
    namespace: str
    capacity: CapacityKeeper | None = None
    namespaces: Sequence[str] = ()
    every_s: float = EVERY_S
    _stores: dict[str, Week] = field(default_factory=dict)
    _version: int = 0
    _knows_all: bool = False
    _worked_out: tuple[tuple[int, datetime], _Expected] | None = None
    _written: Mapping[str, str] | None = None

    def note(self, store_id: str, spec: CafeStoreSpec) -> None:
        """Remember what a store expects."""
        found = expects(spec)
        if self._stores.get(store_id) != found:
            self._stores[store_id] = found
            self._version += 1

    def forget(self, store_id: str) -> None:
        """A store is gone."""
        if self._stores.pop(store_id, None) is not None:
            self._version += 1

    def stores(self) -> int:
        """Return how many stores there are."""
        return len(self._stores)

    async def run(self) -> None:
        """Keep to the plan for ever; no trouble with the API server ends it."""
        await for_ever(self.round, seconds=self.every_s, waits="the rush plan waits")

    async def round(self) -> None:
        """Look once at plan, autoscalers and AWS, and write what differs."""
        if not self._knows_all:  # else a restart within a rush would look like its end
            await self._know_all()
        now = self.clock.now()
        # whole hours: the plan that is shown changes once an hour, not with every look
        shown_from = now.replace(minute=0, second=0, microsecond=0)
        expected = await self._expected(shown_from)
        orders = level_at(expected.levels, now)
        metrics.expected_orders.set(orders)
        manifests = await self.kubernetes.list(AUTOSCALERS, namespace=self.namespace)
        scalers = [(found, one) for one in manifests if (found := scaler(one))]
        for found, manifest in scalers:
            await self._scale(found, manifest, orders)
        try:
            if self.capacity:
                await self.capacity.follow(units_at(expected.units, now))
        finally:  # trouble with AWS must not hide the plan
            changes = self.capacity.told(expected.units) if self.capacity else []
            await self._show(told(expected.levels, [one for one, _ in scalers]), changes)

    async def _know_all(self) -> None:
        """Learn what every store expects before anything is judged by the sum."""
        for namespace in self.namespaces or (None,):
            stores = await self.kubernetes.list(CAFE_STORES, namespace=namespace, keep=_Wishes)
            for number, store in enumerate(stores):
                self._learn(store)
                if number % SLICE == 0:
                    await asyncio.sleep(0)
        self._knows_all = True

    def _learn(self, store: Manifest) -> None:
        meta = store["metadata"]
        store_id = naming.store_id(meta["namespace"], meta["name"])
        if store_id in self._stores or meta.get("deletionTimestamp"):
            return
        try:
            self.note(store_id, parse_known(CafeStoreSpec, store["spec"])[0])
        except UserError as refused:  # its own status says so
            log.debug("a store is in no plan", store=store_id, reason=str(refused))

    async def _expected(self, since: datetime) -> _Expected:
        """Return what is expected from then on; worked out anew where a store or the hour changed.

        In a thread: of ten thousand different weeks it takes more than a second.
        """
        key = (self._version, since)
        if self._worked_out is None or self._worked_out[0] != key:
            policies = self.capacity.policies if self.capacity else {}
            total = Counter(self._stores.values())
            self._worked_out = (key, await asyncio.to_thread(_work_out, total, since, policies))
        return self._worked_out[1]

    async def _scale(self, found: Scaler, manifest: Manifest, orders: int) -> None:
        """Give an autoscaler the minimum that the orders need; its trouble holds up no other."""
        wanted = found.replicas(orders)
        if wanted == found.now:
            return
        said = f"{found.name}: minReplicas {found.now} → {wanted}"
        meta = {
            "name": found.name,
            "namespace": self.namespace,
            # without it the API server would make anew, and without a target, what is gone
            "uid": manifest["metadata"]["uid"],
        }
        own = {
            "apiVersion": AUTOSCALERS.api_version,
            "kind": AUTOSCALERS.kind,
            "metadata": meta,
            "spec": {"minReplicas": wanted},
        }
        try:
            await self.kubernetes.apply(AUTOSCALERS, own)
        except OperatorError as trouble:
            log.warning("replicas were refused", autoscaler=found.name, why=str(trouble))
            self.events.publish(
                manifest, reason="RushReplicasRefused", message=f"{said}: {trouble}", kind="Warning"
            )
            return
        self.events.publish(
            manifest,
            reason="RushAhead" if wanted > found.now else "RushOver",
            message=f"{said}, {orders} orders a minute are expected",
            kind="Normal",
        )

    async def _show(self, plan: Sequence[Json], changes: Sequence[Json] | None) -> None:
        """Write it where it differs; where AWS is not known yet, its changes stay as they were."""
        shown = Shown(self.kubernetes, PLAN, self.namespace)
        if self._written is None:
            self._written = await shown.read()
        data = {
            "plan.json": json.dumps(plan, indent=1),
            "capacity.json": self._written.get("capacity.json", "[]")
            if changes is None
            else json.dumps(changes, indent=1),
            "stores": str(len(self._stores)),
        }
        if data == self._written:
            return
        await shown.write(data)
        self._written = data


def _work_out(stores: Mapping[Week, int], since: datetime, policies: Policies) -> _Expected:
    span = (since, since + SHOWN)
    crowded = crowds(stores, since, span[1] + LONGEST_LEAD)
    return _Expected(levels(crowded, *span), needs_of(policies, crowded, span))
