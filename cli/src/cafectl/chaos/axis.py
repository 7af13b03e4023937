"""Where things stand in a plot: time to the right, latency upwards on a logarithmic scale. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cafectl.chaos.view import Run

WIDTH, LEFT, RIGHT, LANE = 960, 118, 20, 64
FASTEST_MS, SLOWEST_MS = 1, 10_000
STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)
MOST_TICKS = 12
MINUTE = 60


@dataclass(frozen=True, slots=True)
class Axis:
    """Seconds since the run's start, from 0 to end."""

    end: float

    def x(self, at: float) -> float:
        """Return the place of a moment."""
        share = min(1.0, max(0.0, at / self.end))
        return LEFT + share * (WIDTH - LEFT - RIGHT)


def axis(run: Run) -> Axis:
    """Return an axis that all of the run fits on."""
    last = max((probe.samples[-1].at for probe in run.probes if probe.samples), default=0.0)
    finished = run.offset(run.status.finished_at) or 0.0
    return Axis(max(1.0, last, finished))


def ticks(end: float) -> list[int]:
    """Return round moments, not too many."""
    step = next((one for one in STEPS_S if end / one <= MOST_TICKS), STEPS_S[-1])
    return list(range(0, math.floor(end) + 1, step))


def tick_text(at: int) -> str:
    """Return a moment as the axis has it: `45 s`, `2:30`."""
    return f"{at} s" if at < MINUTE else f"{at // MINUTE}:{at % MINUTE:02}"


def level(milliseconds: int) -> float:
    """Return the share of a lane's height that a latency has."""
    held = min(max(milliseconds, FASTEST_MS), SLOWEST_MS)
    return math.log10(held) / math.log10(SLOWEST_MS)
