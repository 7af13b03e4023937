"""What an audit found: totals for each store and period, and the findings. Merged window by window.

Made by `audit.py`; `cafectl audit` prints it, the operator takes each store's share of it. Bounded:
of each kind and store only the first findings are kept, all are counted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cafe_ledger.checks import Case
from cafe_ledger.compare import Outcome
from cafe_ledger.findings import MAY_SETTLE, MEANINGS, Finding, Kind

KEPT_OF_A_KIND = 20  # for one store; a human who has seen these knows enough to act
KEPT = 10_000
Placings = dict[str, tuple[datetime, datetime]]  # by store: of the first order and of the last


@dataclass(slots=True)
class Totals:
    """Sums over orders; money in minor units, by currency."""

    orders: int = 0
    pending: int = 0
    completed: int = 0
    revenue: Counter[str] = field(default_factory=Counter)
    charges: int = 0
    charged: Counter[str] = field(default_factory=Counter)
    refunded: int = 0
    points: int = 0
    rows: int = 0

    def count(self, case: Case) -> None:
        """Add one order."""
        order, captured = case.order, case.captured
        self.orders += 1
        if case.completed:
            self.completed += 1
            self.revenue[order.currency] += order.total_minor
        self.charges += len(captured)
        for charge in captured:
            self.charged[charge.currency] += charge.amount_minor
        self.refunded += sum(one.state == "refunded" for one in case.charges or ())
        self.points += sum(one.points for one in case.grants)
        self.rows += sum(one.rows for one in case.rows)

    def merge(self, other: Totals) -> None:
        """Add other sums to these."""
        for name in ("orders", "pending", "completed", "charges", "refunded", "points", "rows"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.revenue.update(other.revenue)
        self.charged.update(other.charged)

    def as_json(self) -> dict[str, Any]:
        """Return it as camelCase JSON."""
        return {
            "orders": self.orders,
            "pending": self.pending,
            "completed": self.completed,
            "revenueMinor": dict(self.revenue),
            "charges": self.charges,
            "chargedMinor": dict(self.charged),
            "refunded": self.refunded,
            "points": self.points,
            "rows": self.rows,
        }


@dataclass(slots=True)
class Report:
    """The outcome of an audit. `statement` False: the provider's was not to be had."""

    statement: bool = True
    levels: int = 0
    totals: defaultdict[tuple[str, str], Totals] = field(
        default_factory=lambda: defaultdict(Totals)
    )  # by store and hour
    findings: list[Finding] = field(default_factory=list)
    counts: Counter[tuple[str, Kind]] = field(default_factory=Counter)
    pending: int = 0
    judged: int = 0  # orders that had come to their end or were given up
    forgotten: int = 0  # of those: so old that the inventory keeps no word of them
    damaged: Placings = field(default_factory=dict)  # of all findings, kept or not
    unsettled: Placings = field(default_factory=dict)  # of the pending orders
    points_forgotten: int = 0  # or loyalty none of their points

    @property
    def orders(self) -> int:
        """How many orders were seen."""
        return self.pending + self.judged

    @property
    def damages(self) -> int:
        """How many findings there are, those included that are not kept."""
        return self.counts.total()

    @property
    def may_settle(self) -> bool:
        """Whether a later look could find more or less than this one."""
        return self.pending > 0 or any(kind in MAY_SETTLE for _, kind in self.counts)

    def add(self, outcome: Outcome) -> None:
        """Count one order, or one orphan."""
        if outcome.case is not None:
            order = outcome.case.order
            totals = self.totals[order.store_id, _hour(order.placed_at)]
            totals.count(outcome.case)
            if outcome.state == "pending":
                totals.pending += 1
                self.pending += 1
                _widen(self.unsettled, order.store_id, order.placed_at)
            else:
                self.judged += 1
                self.forgotten += outcome.case.stock_forgotten
                self.points_forgotten += outcome.case.points_forgotten
        self.note(outcome.findings)

    def note(self, findings: Iterable[Finding]) -> None:
        """Count findings and keep the first ones."""
        for finding in findings:
            key = (finding.store_id, finding.kind)
            if self.counts[key] < KEPT_OF_A_KIND and len(self.findings) < KEPT:
                self.findings.append(finding)
            self.counts[key] += 1
            if finding.placed_at is not None:
                _widen(self.damaged, finding.store_id, finding.placed_at)

    def merge(self, other: Report) -> None:
        """Add another window's report to this one."""
        for place, totals in other.totals.items():
            self.totals[place].merge(totals)
        seen = Counter(self.counts)
        for finding in other.findings:
            key = (finding.store_id, finding.kind)
            if seen[key] < KEPT_OF_A_KIND and len(self.findings) < KEPT:
                self.findings.append(finding)
            seen[key] += 1
        self.counts.update(other.counts)
        self.levels += other.levels
        self.pending += other.pending
        self.judged += other.judged
        self.forgotten += other.forgotten
        for mine, theirs in ((self.damaged, other.damaged), (self.unsettled, other.unsettled)):
            for store, moments in theirs.items():
                _widen(mine, store, *moments)
        self.points_forgotten += other.points_forgotten

    def by_store(self) -> dict[str, Totals]:
        """Return the sums of each store over all hours, those with findings only included."""
        only_found = {store: Totals() for store, _ in sorted(self.counts)}
        return dict(sorted((only_found | self._summed(0)).items()))

    def by_period(self) -> dict[str, Totals]:
        """Return the sums of each hour (`2026-11-22T20`) over all stores."""
        return self._summed(1)

    def by_kind(self) -> dict[Kind, int]:
        """Return how many findings there are of each kind, in the order of the list of kinds."""
        counted: Counter[Kind] = Counter()
        for (_, kind), number in self.counts.items():
            counted[kind] += number
        return {kind: counted[kind] for kind in Kind if counted[kind]}

    def of_store(self, store_id: str) -> tuple[int, list[Finding]]:
        """Return a store's number of findings, and the first of them."""
        number = sum(n for (store, _), n in self.counts.items() if store == store_id)
        return number, [one for one in self.findings if one.store_id == store_id]

    def as_json(self) -> dict[str, Any]:
        """Return everything as camelCase JSON."""
        return {
            "orders": self.orders,
            "judged": self.judged,
            "pending": self.pending,
            "stockForgotten": self.forgotten,
            "pointsForgotten": self.points_forgotten,
            "levels": self.levels,
            "providerStatement": self.statement,
            "stores": [
                {"storeId": store, **totals.as_json(), "findings": self.of_store(store)[0]}
                for store, totals in self.by_store().items()
            ],
            "periods": [
                {"period": hour, **totals.as_json()} for hour, totals in self.by_period().items()
            ],
            "damages": self.damages,
            "kinds": [
                {"kind": kind, "meaning": MEANINGS[kind], "count": number}
                for kind, number in self.by_kind().items()
            ],
            "findings": [_finding_json(one) for one in self.findings],
        }

    def _summed(self, part: int) -> dict[str, Totals]:
        found: defaultdict[str, Totals] = defaultdict(Totals)
        for key, totals in sorted(self.totals.items()):
            found[key[part]].merge(totals)
        return dict(found)


def _widen(placings: Placings, store: str, *moments: datetime) -> None:
    moments = (*placings.get(store, ()), *moments)
    placings[store] = min(moments), max(moments)


def _hour(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H")


def _finding_json(finding: Finding) -> dict[str, str]:
    found = {
        "kind": str(finding.kind),
        "storeId": finding.store_id,
        "orderId": finding.order_id,
        "sku": finding.sku,
        "found": finding.found,
        "expected": finding.expected,
        "sentence": finding.sentence,
    }
    return {name: value for name, value in found.items() if value}
