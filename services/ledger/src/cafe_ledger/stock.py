"""Stock's counters against the orders behind them: what is reserved, and what was sold.

Called by `audit.py`. Orders go on while the books are read, so that counters and orders are never
of one moment, and a difference alone is no damage. It is one

- of what is reserved: where an item stood still while all holds were read between two readings;
- of what was sold: where a counter says less than orders that had been read before it. It only
  grows, so it must have had them all.

Items that agree at the first reading are not read again. Bounded: two numbers an item are kept.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cafe_ledger.checks import check_held, check_level, check_sold
from cafe_ledger.collect import Collector, Window
from cafe_ledger.entries import Level, Movement
from cafe_ledger.report import Report

LOOKS = 3  # at items that go on moving; what is wrong stays wrong, and stands still some time
FEW = 50  # stores that are asked for one by one
APART = timedelta(minutes=1)
"""So far the clocks of order and inventory may be apart, when a store's stock is new."""

Key = tuple[str, str]


@dataclass(slots=True)
class Stock:
    """One audit's look at the stock of a store, or of all; `window` is that of the orders."""

    collector: Collector
    window: Window
    _sold: defaultdict[str, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    _taken: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    _young: dict[Key, datetime] = field(default_factory=dict)

    async def counters(self) -> Report:
        """Judge what is there and what is reserved, and keep what was sold for `sales`."""
        report = Report()
        held = await self._held()
        doubtful: dict[Key, Level] = {}
        async for level in self.collector.levels(self.window.store_id):
            report.levels += 1
            found = list(check_level(level))
            report.note(found)
            self._keep(level)
            if not found and any(check_held(level, held[_key(level)])):
                doubtful[_key(level)] = level
        for _ in range(LOOKS):
            if doubtful:
                doubtful = await self._again(doubtful, report)
        return report

    def moved(self, movements: Sequence[Movement]) -> None:
        """Take down what orders of the window took for good."""
        for movement in movements:
            store = movement.store_id
            if movement.status != "committed" or store not in self._sold:
                continue
            for line in movement.lines:
                opened = self._young.get((store, line.sku))
                # a store that was closed and opened again counts anew
                if opened is None or movement.placed_at >= opened + APART:
                    self._taken[store][line.sku] += line.quantity

    async def sales(self) -> Report:
        """Judge what was sold by what orders took."""
        report = Report()
        short = {
            (store, sku)
            for store, taken in self._taken.items()
            for sku, number in taken.items()
            if sku in self._sold[store] and self._sold[store][sku] < number
        }
        async for level in self._of(short):
            # one that was closed and opened meanwhile is young and not the one that was kept
            if not self._is_young(level) or self._young.get(_key(level)) == level.counted_from:
                report.note(check_sold(level, self._taken[level.store_id][level.sku]))
        return report

    def _keep(self, level: Level) -> None:
        if level.counted_from is None:
            return
        self._sold[level.store_id][level.sku] = level.sold
        if self._is_young(level):
            self._young[_key(level)] = level.counted_from

    def _is_young(self, level: Level) -> bool:
        """Whether orders of the window may be older than the item."""
        opened = level.counted_from
        return opened is not None and opened + APART > self.window.since

    async def _again(self, doubtful: dict[Key, Level], report: Report) -> dict[Key, Level]:
        """Judge those that stood still; return those that moved and differ again."""
        held = await self._held()
        moving: dict[Key, Level] = {}
        async for level in self._of(doubtful):
            found = list(check_held(level, held[_key(level)]))
            if level == doubtful[_key(level)]:
                report.note(found)
            elif found:
                moving[_key(level)] = level
        return moving

    async def _held(self) -> Counter[Key]:
        """Return what orders hold of each item."""
        held: Counter[Key] = Counter()
        async for hold in self.collector.holds(self.window.store_id):
            for line in hold.lines:
                held[hold.store_id, line.sku] += line.quantity
        return held

    async def _of(self, keys: Collection[Key]) -> AsyncIterator[Level]:
        """Yield these items as they are now; those that are gone are not among them."""
        stores = sorted({store for store, _ in keys})
        for store in stores if len(stores) <= FEW else [self.window.store_id]:
            async for level in self.collector.levels(store):
                if _key(level) in keys:
                    yield level


def _key(level: Level) -> Key:
    return level.store_id, level.sku
