"""The runs of an experiment compared: how long recovery takes, and whether it became worse. Pure.

Only runs of the same steps are compared. Few runs have no distribution worth the name, so the
interval is the plain one: from the fastest to the slowest that was seen.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from cloudcafe_operator.resources.duration import short
from cloudcafe_operator.resources.experiment import RecoveryHistory

ENOUGH = 3  # earlier runs, before one is called slower than usual
SLOWER = 1.5  # times the usual, and
NOISE_S = 1.0  # beyond the slowest: probes look once a second
Manifest = Mapping[str, Any]


def recoveries(runs: Sequence[Manifest]) -> RecoveryHistory | None:
    """Return how long recovery took in the latest runs that can be compared with the last."""
    times = [took for run in _alike(runs) if (took := took_seconds(run)) is not None]
    if not times:
        return None
    return RecoveryHistory(
        runs=len(times),
        low=min(times),
        median=round(statistics.median(times), 2),
        high=max(times),
        last=took_seconds(runs[-1]),
    )


def regression(runs: Sequence[Manifest]) -> str:
    """Say how the last run is worse than those before it; empty: it is not, or nobody can tell."""
    alike = _alike(runs)
    if not alike or _status(alike[-1]).get("phase") != "Finished":
        return ""
    *earlier, last = alike
    verdicts = [_status(run).get("verdict") for run in earlier]
    judged = [verdict for verdict in verdicts if verdict in ("Passed", "Failed")]
    failed = _status(last).get("verdict") == "Failed"
    if failed and len(judged) >= ENOUGH and set(judged) == {"Passed"}:
        return f"it failed, and the {len(judged)} runs before it passed"
    before = [took for run in earlier if (took := took_seconds(run)) is not None]
    took = took_seconds(last)
    if took is None or len(before) < ENOUGH:
        return ""
    if took <= SLOWER * statistics.median(before) or took <= max(before) + NOISE_S:
        return ""
    return (
        f"recovery became slower: {short(took)}, and the {len(before)} runs before it took "
        f"{short(min(before))} to {short(max(before))}"
    )


def took_seconds(run: Manifest) -> float | None:
    """Return how long a judged run's recovery took, its slowest step's; None: not known."""
    status = _status(run)
    if status.get("verdict") not in ("Passed", "Failed"):
        return None
    steps = [step.get("measures", {}).get("recoveredAfter") for step in status.get("steps") or ()]
    known = [float(one) for one in steps if one is not None]
    return max(known) if known and len(known) == len(steps) else None


def _alike(runs: Sequence[Manifest]) -> list[Manifest]:
    """Return the runs that did what the last one did."""
    return [run for run in runs if _did(run) == _did(runs[-1])]


def _did(run: Manifest) -> str:
    return json.dumps(run["spec"]["template"].get("steps"), sort_keys=True)


def _status(run: Manifest) -> Mapping[str, Any]:
    return run.get("status") or {}
