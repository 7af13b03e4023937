"""The runs of an experiment compared: and a regression said. Pure.

Only runs that asked the same question are compared: the same steps, watched in the same way.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cafectl.chaos.duration import short
from cafectl.chaos.view import Run

ENOUGH = 3  # runs, before anything is said about how much they differ
LOOKED_AT = 10  # earlier runs: what was long ago was another system
#: Student's t for 95 %, two sides, by degrees of freedom.
STUDENT = (12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
LEAST_SHARE = 1.1  # a tenth slower is noise even where earlier runs agreed to the millisecond


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure that is compared; more of it is worse."""

    name: str
    of: Callable[[Run], float | None]
    shown: Callable[[float | None], str]
    least: float  # a smaller difference is none


@dataclass(frozen=True, slots=True)
class Interval:
    """Mean and 95 % confidence interval of several runs."""

    runs: int
    mean: float
    low: float
    high: float

    @property
    def sentence(self) -> str:
        """Say it."""
        return (
            f"Recovery of {self.runs} comparable runs: {short(self.mean)} on average, "
            f"95 % confidence {short(self.low)} to {short(self.high)}."
        )


@dataclass(frozen=True, slots=True)
class History:
    """What is said of an experiment's runs; `regressions` empty: none, or too few runs."""

    runs: tuple[Run, ...]
    comparable: tuple[Run, ...]
    interval: Interval | None
    regressions: tuple[str, ...]
    remark: str


def recovery(run: Run) -> float | None:
    """Return how long users waited, the slowest step's."""
    return run.recovery()


def undone(run: Run) -> float | None:
    """Return how long undo took, the slowest step's."""
    known = (step.measures.undone_after for step in run.steps)
    return max((one for one in known if one is not None), default=None)


def failed_share(run: Run) -> float | None:
    """Return the share of bad samples while the faults were in force, the worst step's."""
    shares = [s.measures.during.failed_percent for s in run.steps if s.measures.during.samples]
    return max(shares, default=None)


def percent(value: float | None) -> str:
    """Return a share for people."""
    return "-" if value is None else f"{value:.1f} %"


FIGURES = (
    Figure("recovery", recovery, short, 0.5),
    Figure("undo", undone, short, 0.5),
    Figure("failed share", failed_share, percent, 2.0),
)


def compare(runs: Sequence[Run]) -> History:
    """Compare the last finished run with those before it; oldest first."""
    finished = tuple(run for run in runs if run.finished and not run.is_preview)
    same = tuple(run for run in finished if _question(run) == _question(finished[-1]))
    regressions = tuple(_regressions(same)) if len(same) > 1 else ()
    measured = same[:-1] if regressions else same  # what was normal until now
    known = [found for found in map(recovery, measured[-LOOKED_AT:]) if found is not None]
    return History(
        runs=finished,
        comparable=same,
        interval=interval(known),
        regressions=regressions,
        remark=_remark(finished, same),
    )


def interval(values: Sequence[float]) -> Interval | None:
    """Return mean and interval; None for fewer than ENOUGH values."""
    if len(values) < ENOUGH:
        return None
    mean = statistics.fmean(values)
    half = _student(len(values)) * statistics.stdev(values) / math.sqrt(len(values))
    return Interval(len(values), mean, max(0.0, mean - half), mean + half)


def _regressions(same: Sequence[Run]) -> list[str]:
    last, earlier = same[-1], same[:-1][-LOOKED_AT:]
    found = []
    if earlier[-1].status.verdict == "Passed" and last.status.verdict == "Failed":
        found.append(f"{last.name} failed and {earlier[-1].name} passed: {last.status.message}")
    for figure in FIGURES:
        now = figure.of(last)
        before = [value for value in map(figure.of, earlier) if value is not None]
        most = _expected(before, figure.least)
        if now is not None and most is not None and now > most:
            found.append(
                f"{figure.name} {figure.shown(now)}, of {len(before)} earlier runs the mean was "
                f"{figure.shown(statistics.fmean(before))} and up to {figure.shown(most)} expected"
            )
    return found


def _expected(before: Sequence[float], least: float) -> float | None:
    """Return what one more run may take at most if nothing has changed (95 %)."""
    if len(before) < ENOUGH:
        return None
    mean = statistics.fmean(before)
    spread = _student(len(before)) * statistics.stdev(before) * math.sqrt(1 + 1 / len(before))
    return max(mean + spread, mean * LEAST_SHARE + least)


def _student(number: int) -> float:
    return STUDENT[min(number - 2, len(STUDENT) - 1)]


def _remark(finished: Sequence[Run], same: Sequence[Run]) -> str:
    if not finished:
        return "No run is finished yet."
    other = len(finished) - len(same)
    parts = [f"{_counted(other)} asked something else (other steps or probes)."] if other else []
    if len(same) <= ENOUGH:
        parts.append(f"Slower than chance can be said from {ENOUGH + 1} comparable runs on.")
    return " ".join(parts)


def _counted(runs: int) -> str:
    return "1 run" if runs == 1 else f"{runs} runs"


def _question(run: Run) -> tuple[object, object]:
    return run.template.get("steps"), run.template.get("steadyState")
