"""The fleet as metrics, and for `cafectl stores`: one call of the order service for all stores.

`main.py` runs it while this operator leads; the stores' reconciler tells it how each store stands.
What the busiest stores do is in a ConfigMap, written when it changed and, while there are orders,
twice a minute: a fleet without orders costs nothing. Metrics are of the fleet; a store's own are
behind a switch, and of the busiest only.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from cloudcafe_operator import metrics
from cloudcafe_operator.effects.cafe import Cafe
from cloudcafe_operator.effects.rounds import for_ever
from cloudcafe_operator.effects.shown import Shown
from cloudcafe_operator.planning.fleet import Activity, Standing, fleet, standing
from cloudcafe_operator.ports import Clock, Kubernetes
from cloudcafe_operator.resources.common import format_time, parse
from cloudcafe_operator.resources.store_status import CafeStoreStatus

EVERY_S = 15.0
RENEWED_S = 30.0  # while there are orders: figures that are a minute old are not shown
OLD_S = 60.0  # after that long without an answer what guests do is not known
NOT_KNOWN: Mapping[str, Any] = {"fleet": None, "stores": {}}
SHOWN, FILE = "cloudcafe-fleet", "activity.json"
MOST_LABELS = 100
log = structlog.get_logger()


@dataclass(slots=True)
class FleetWatch:
    """One for the fleet."""

    cafe: Cafe
    kubernetes: Kubernetes
    clock: Clock
    namespace: str
    each_store: bool = False
    _standings: dict[str, Standing] = field(default_factory=dict)
    _costs: dict[str, float] = field(default_factory=dict)
    _numbers: Counter[Standing] = field(default_factory=Counter)
    _written: Mapping[str, Any] | None = None
    _renewed: float = -math.inf
    _known: float | None = None  # when guests were last counted, or this began

    def note(self, store_id: str, status: CafeStoreStatus) -> None:
        """Remember how a store stands."""
        self.forget(store_id)
        found = standing(status)
        self._standings[store_id] = found
        self._numbers[found] += 1
        if status.cost_estimate is not None:
            self._costs[store_id] = float(status.cost_estimate.monthly_usd)

    def forget(self, store_id: str) -> None:
        """A store is gone."""
        self._costs.pop(store_id, None)
        old = self._standings.pop(store_id, None)
        if old is not None:
            self._numbers[old] -= 1
            if not self._numbers[old]:
                del self._numbers[old]

    async def run(self) -> None:
        """Look for ever; no trouble with the order service ends it."""
        await for_ever(self.round, seconds=EVERY_S, waits="how busy the fleet is, is not known")

    async def round(self) -> None:
        """Look once; what has not been answered for a while is not known, and not as it was."""
        self._count()
        now = self.clock.monotonic()
        if self._known is None:
            self._known = now
            self._unmeasure()
        if now >= self._known + OLD_S:
            self._unmeasure()
            await self._show(NOT_KNOWN)
        activity = parse(Activity, await self.cafe.activity(), where="GET /activity")
        self._known = self.clock.monotonic()
        self._measure(activity)
        await self._show(activity.figures())

    def _count(self) -> None:
        found = fleet(self._numbers.items())
        for answer, number in found.ready.items():
            metrics.stores.labels(answer).set(number)
        for answer, number in found.books.items():
            metrics.stores_balanced.labels(answer).set(number)
        metrics.stores_accepting.set(found.accepting)
        metrics.stores_drifted.set(found.drifted)
        metrics.stores_monthly_usd.set(math.fsum(self._costs.values()))

    def _measure(self, activity: Activity) -> None:
        metrics.orders_per_minute.set(activity.fleet.orders_per_minute)
        metrics.order_wait.set((activity.fleet.p95_milliseconds or 0) / 1000)
        metrics.store_orders_per_minute.clear()
        metrics.store_order_wait.clear()
        for one in activity.stores[:MOST_LABELS] if self.each_store else ():
            metrics.store_orders_per_minute.labels(one.store_id).set(one.orders_per_minute)
            wait = (one.p95_milliseconds or 0) / 1000
            metrics.store_order_wait.labels(one.store_id).set(wait)

    def _unmeasure(self) -> None:
        """NaN: a gap in a graph, and never the figure of before an outage."""
        metrics.orders_per_minute.set(math.nan)
        metrics.order_wait.set(math.nan)
        metrics.store_orders_per_minute.clear()
        metrics.store_order_wait.clear()

    async def _show(self, figures: Mapping[str, Any]) -> None:
        shown = Shown(self.kubernetes, SHOWN, self.namespace)
        if self._written is None:
            self._written = _figures((await shown.read()).get(FILE, ""))
            self._renewed = self.clock.monotonic()
        old = bool(figures["stores"]) and self.clock.monotonic() >= self._renewed + RENEWED_S
        if figures != self._written or old:
            text = json.dumps({"at": format_time(self.clock.now()), **figures})
            await shown.write({FILE: text})
            self._written, self._renewed = figures, self.clock.monotonic()


def _figures(text: str) -> dict[str, Any]:
    """Return what was shown by whoever led before; nothing where a person has written there."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: one for name, one in found.items() if name != "at"}
