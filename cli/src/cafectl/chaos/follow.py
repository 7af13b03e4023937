"""Following a run until it is over, whatever happens to the connection meanwhile.

The run is read once a second: what a watcher missed is in its status, so a lost connection costs
nothing but time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from cafectl.chaos.cluster import Chaos, Gone, Refused, Unreachable
from cafectl.chaos.view import Run, read

EVERY_S = 1.0
PATIENCE_S = 300.0  # without an answer; the operator undoes the run all the same


class Clock(Protocol):
    """Time, injected."""

    def now(self) -> datetime:
        """Return the time of day, aware."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only grow."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """Implements Clock."""

    def now(self) -> datetime:
        """See Clock."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """See Clock."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """See Clock."""
        time.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Sight:
    """What a watcher is shown: the run as last read, and whether that may be out of date."""

    run: Run
    now: datetime
    trouble: str = ""


Tell = Callable[[Sight], None]


def follow(chaos: Chaos, name: str, *, clock: Clock, tell: Tell) -> Run:
    """Tell what is seen each second; return the finished run.

    Raises:
        Gone: there is no such run, or it was deleted meanwhile.
        Unreachable: no answer for PATIENCE_S.
        Refused: the API server does not let us.
    """
    seen: Run | None = None
    answered = clock.monotonic()
    while True:
        trouble = ""
        try:
            found = chaos.get("chaosruns", name)
        except Unreachable as problem:
            if clock.monotonic() - answered > PATIENCE_S:
                raise
            trouble = f"{problem}; trying again"
        else:
            answered = clock.monotonic()
            if found is None:
                raise Gone(_gone(chaos, name, seen))
            seen = read(found)
        if seen:
            tell(Sight(seen, clock.now(), trouble))
            if seen.finished:
                return seen
        clock.sleep(EVERY_S)


def _gone(chaos: Chaos, name: str, seen: Run | None) -> str:
    if seen:
        return f"run {name} was deleted while it was watched; it is undone before it goes"
    return f"there is no run {name} in namespace {chaos.namespace}: kubectl get chaosruns"


def latest(chaos: Chaos, name: str) -> Run:
    """Return the run of that name, or the latest run of the experiment of that name."""
    found = chaos.get("chaosruns", name)
    if found is not None:
        return read(found)
    runs = runs_of(chaos, name)
    if not runs:
        raise Refused(
            f"there is neither a run nor an experiment with runs called {name} in namespace "
            f"{chaos.namespace}: kubectl -n {chaos.namespace} get chaosexperiments,chaosruns"
        )
    return runs[-1]


def runs_of(chaos: Chaos, experiment: str) -> list[Run]:
    """Return an experiment's runs, oldest first."""
    runs = [read(one) for one in chaos.items("chaosruns")]
    mine = [run for run in runs if run.experiment == experiment]
    return sorted(mine, key=lambda run: (run.created_at, run.generation, run.name))
