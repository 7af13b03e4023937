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
from datetime import timedelta

import structlog

from cloudcafe_operator import metrics
from cloudcafe_operator.effects.capacity import CapacityKeeper
from cloudcafe_operator.errors import OperatorError
from cloudcafe_operator.kinds import AUTOSCALERS, CONFIG_MAPS
from cloudcafe_operator.planning.rush import Level, Scaler, Times, expects, levels, scaler, told
from cloudcafe_operator.ports import Clock, Events, Json, Kubernetes, Manifest
from cloudcafe_operator.resources.store import CafeStoreSpec

EVERY_S = 30.0
SHOWN = timedelta(hours=25)
PLAN = "cloudcafe-rush-plan"
log = structlog.get_logger()


@dataclass(slots=True)
class RushKeeper:
    """One for the fleet."""

    kubernetes: Kubernetes
    events: Events
    clock: Clock
    namespace: str
    capacity: CapacityKeeper | None = None
    _stores: dict[str, Mapping[Times, int]] = field(default_factory=dict)
    _written: str = ""

    def note(self, store_id: str, spec: CafeStoreSpec) -> None:
        """Remember what a store expects."""
        self._stores[store_id] = expects(spec)

    def forget(self, store_id: str) -> None:
        """A store is gone."""
        self._stores.pop(store_id, None)

    async def run(self) -> None:
        """Keep to the plan for ever; no trouble with the API server ends it."""
        while True:
            try:
                await self.round()
            except OperatorError as trouble:
                log.warning("the rush plan waits", reason=str(trouble))
            await asyncio.sleep(EVERY_S)

    async def round(self) -> None:
        """Look once at plan, autoscalers and AWS, and write what differs."""
        now = self.clock.now()
        # whole hours: the plan that is shown changes once an hour, not with every look
        shown_from = now.replace(minute=0, second=0, microsecond=0)
        expected = self._expected()
        level = levels(expected, now, now + SHOWN)[0]
        metrics.expected_orders.set(level.orders_per_minute)
        manifests = await self.kubernetes.list(AUTOSCALERS, namespace=self.namespace)
        scalers = [(found, one) for one in manifests if (found := scaler(one))]
        for found, manifest in scalers:
            wanted = found.replicas(level.orders_per_minute)
            if wanted != found.now:
                await self._scale(found, manifest, wanted, level)
        span = (shown_from, shown_from + SHOWN)
        try:
            if self.capacity:
                await self.capacity.follow(expected)
        finally:  # trouble with AWS must not hide the plan
            changes = self.capacity.told(expected, span) if self.capacity else []
            await self._show(told(levels(expected, *span), [one for one, _ in scalers]), changes)

    def _expected(self) -> Mapping[Times, int]:
        total: Counter[Times] = Counter()
        for one in self._stores.values():
            total.update(one)
        return total

    async def _scale(self, found: Scaler, manifest: Manifest, wanted: int, level: Level) -> None:
        await self.kubernetes.apply(
            AUTOSCALERS,
            {
                "apiVersion": AUTOSCALERS.api_version,
                "kind": AUTOSCALERS.kind,
                "metadata": {"name": found.name, "namespace": self.namespace},
                "spec": {"minReplicas": wanted},
            },
        )
        more = wanted > found.now
        self.events.publish(
            manifest,
            reason="RushAhead" if more else "RushOver",
            message=f"{found.name}: minReplicas {found.now} → {wanted}, "
            f"{level.orders_per_minute} orders a minute are expected",
            kind="Normal",
        )

    async def _show(self, plan: Sequence[Json], changes: Sequence[Json]) -> None:
        text, of_aws = json.dumps(plan, indent=1), json.dumps(changes, indent=1)
        if text + of_aws == self._written:
            return
        await self.kubernetes.apply(
            CONFIG_MAPS,
            {
                "apiVersion": CONFIG_MAPS.api_version,
                "kind": CONFIG_MAPS.kind,
                "metadata": {"name": PLAN, "namespace": self.namespace},
                "data": {
                    "plan.json": text,
                    "capacity.json": of_aws,
                    "stores": str(len(self._stores)),
                },
            },
        )
        self._written = text + of_aws
