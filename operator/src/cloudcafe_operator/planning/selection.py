"""How many and which of the matching targets are hit. Pure.

The choice depends on the seed and on each target's id alone: the same seed hits the same targets
after a restart, and a new bystander does not reshuffle the others.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

from cloudcafe_operator.resources.experiment import FaultEntry
from cloudcafe_operator.resources.run import Target


def choose(candidates: Sequence[Target], entry: FaultEntry, seed: str) -> tuple[Target, ...]:
    """Return the targets that an entry hits, in the order of their ids."""
    ranked = sorted(candidates, key=lambda target: _rank(seed, target.id))
    chosen = ranked[: how_many(len(candidates), entry, seed)]
    return tuple(sorted(chosen, key=lambda target: target.id))


def how_many(matching: int, entry: FaultEntry, seed: str) -> int:
    """Return the number to hit; a percentage of something is at least one."""
    value = entry.value or 0
    if entry.mode == "all":
        return matching
    if entry.mode == "one":
        return min(1, matching)
    if entry.mode == "fixed":
        return min(value, matching)
    most = math.floor(matching * value / 100)
    if entry.mode == "randomMaxPercent" and most > 1:
        most = 1 + _rank(seed, "how many") % most
    return min(matching, max(1, most)) if matching else 0


def _rank(seed: str, what: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/{what}".encode()).digest()[:8], "big")
