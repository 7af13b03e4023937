"""Which bad samples are an outage, and which a probe's tolerance. Pure; used by `measure.py`.

`tolerance.failedPercent` is the share of its samples that a probe may fail in though all is well.
So a window of samples is an outage only where chance, at that share, would make as many of them bad
less than once in a thousand windows: one bad sample where nothing is tolerated, three in a row at 5
or 10 percent, five in a row or 11 of 20 at 20 percent. The tightest such windows are the outages,
so that a short one in a long hold counts, and what is within the tolerance around it does not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from cloudcafe_operator.planning.samples import Sample

IN_A_ROW = 3
CHANCE = 0.001 * (1 + 1e-9)  # exactly one in a thousand is rare enough, however it is rounded
LONGEST = 100  # samples of a window


@dataclass(frozen=True, slots=True)
class Outage:
    """When a probe's users noticed first, and when they were served again; None: not yet."""

    noticed: float
    recovered: float | None


def outage(samples: Sequence[Sample], since: float, failed_percent: int) -> Outage | None:
    """Return what one probe saw of it, among samples in the order of their beginning.

    A sample that was under way then met it. Served again is the first row of IN_A_ROW good samples
    after all windows, however long the probe was well between them.
    """
    met = [one for one in samples if one.ended > since]
    windows = _outages([at for at, one in enumerate(met) if not one.good], failed_percent)
    if not windows:
        return None
    after = met[windows[-1][1] + 1 :]
    rows = (after[at : at + IN_A_ROW] for at in range(len(after) - IN_A_ROW + 1))
    row = next((row for row in rows if all(one.good for one in row)), None)
    return Outage(max(met[windows[0][0]].at, since), row[0].at if row else None)


def _outages(bad: Sequence[int], failed_percent: int) -> list[tuple[int, int]]:
    """Return the tightest windows, each from a bad sample to one, of the places of the bad ones."""
    found: list[tuple[int, int]] = []
    for count, last in enumerate(bad, start=1):
        first = _begin(bad[max(0, count - LONGEST) : count], last, failed_percent)
        if first is not None and (not found or first > found[-1][0]):  # else one lies within it
            found.append((first, last))
    return found


def _begin(bad: Sequence[int], last: int, failed_percent: int) -> int | None:
    """Return where the shortest window begins that ends here and is an outage."""
    for count, first in enumerate(reversed(bad), start=1):
        length = last - first + 1
        if length > LONGEST:
            return None
        if count >= least(length, failed_percent):
            return first
    return None


@cache
def fewest(failed_percent: int) -> float:
    """Return how many samples a probe needs at least to notice that nobody is served."""
    lengths = range(1, LONGEST + 1)
    return next((n for n in lengths if least(n, failed_percent) <= n), math.inf)


@cache
def least(length: int, failed_percent: int) -> int:
    """Return how many bad samples of a window are more than the tolerance explains."""
    share, chance = failed_percent / 100, 0.0
    for count in range(length, 0, -1):
        chance += math.comb(length, count) * share**count * (1 - share) ** (length - count)
        if chance > CHANCE:
            return count + 1
    return 1
