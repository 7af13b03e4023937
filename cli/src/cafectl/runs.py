"""What chaos runs did and measured, as rows that people read.

Used by `cafectl runs` and by the demo. Reads only the status of ChaosRuns: the operator measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cafectl.chaos.cluster import ApiServer
from cafectl.terminal import Rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

UNSEEN = "-"
HEADINGS = (
    "Run", "Verdict", "Fault", "Targets", "In force", "Noticed", "RTO", "Undone", "Refused/delayed",
    "Why",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Measured:
    """One run in a row; times as people say them."""

    name: str
    phase: str
    faults: str
    targets: int
    in_force: str
    noticed: str
    recovered: str
    undone: str
    orders_refused: int
    orders_delayed: int
    verdict: str
    message: str


def measured(run: Mapping[str, Any]) -> Measured:
    """Read a ChaosRun; of several steps the slowest figure counts, and the sum of orders."""
    status = run.get("status", {})
    journal = status.get("journal", [])
    measures = [step.get("measures", {}) for step in status.get("steps", [])]
    return Measured(
        name=run["metadata"]["name"],
        phase=status.get("phase", "Pending"),
        faults=", ".join(dict.fromkeys(entry["fault"] for entry in journal)) or UNSEEN,
        targets=len(journal),
        in_force=_slowest(measures, "inForceAfter"),
        noticed=_slowest(measures, "noticedAfter", never="not noticed" if journal else UNSEEN),
        recovered=_slowest(measures, "recoveredAfter"),
        undone=_slowest(measures, "undoneAfter"),
        orders_refused=sum(one.get("ordersRefused", 0) for one in measures),
        orders_delayed=sum(one.get("ordersDelayed", 0) for one in measures),
        verdict=status.get("verdict", ""),
        message=status.get("message", ""),
    )


def _slowest(measures: Iterable[Mapping[str, Any]], name: str, never: str = UNSEEN) -> str:
    seen = [float(one[name]) for one in measures if one.get(name) is not None]
    return f"{max(seen):.1f} s" if seen else never


def read(namespace: str) -> list[Measured]:
    """Return the runs of a namespace, oldest first; the current kubeconfig says of which cluster.

    Raises:
        ClusterError: the API server cannot be reached, or refuses.
    """
    found = ApiServer(namespace).items("chaosruns")
    items = sorted(found, key=lambda one: str(one["metadata"]["creationTimestamp"]))
    return [measured(one) for one in items]


def table(rows: Iterable[Measured]) -> Rows:
    """Return the rows as a table for a terminal."""
    shown = Rows(box=None, pad_edge=False)
    for heading in HEADINGS:
        shown.add_column(heading)
    for row in rows:
        shown.add_row(
            row.name,
            row.verdict or row.phase,
            row.faults,
            str(row.targets),
            row.in_force,
            row.noticed,
            row.recovered,
            row.undone,
            f"{row.orders_refused}/{row.orders_delayed}",
            row.message,
        )
    return shown
