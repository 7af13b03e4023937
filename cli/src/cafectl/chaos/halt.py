"""The halt lever: a ConfigMap of the operator's namespace. Running runs revert, new ones wait."""

from __future__ import annotations

from cafectl.chaos.cluster import Chaos, Unreachable
from cafectl.chaos.follow import EVERY_S, Clock
from cafectl.chaos.view import Run, read


def is_halted(chaos: Chaos) -> bool:
    """Whether the lever is pulled."""
    return (chaos.lever() or {}).get("halted") == "true"


def halt(chaos: Chaos, reason: str) -> None:
    """Pull the lever."""
    chaos.pull_lever({"halted": "true", "reason": reason})


def resume(chaos: Chaos) -> bool:
    """Let go of the lever; whether it was pulled."""
    was = is_halted(chaos)
    if was:
        chaos.pull_lever({"halted": "false"})
    return was


def unfinished(chaos: Chaos) -> list[Run]:
    """Return the namespace's runs that may still have something in force."""
    runs = [read(one) for one in chaos.items("chaosruns")]
    return [run for run in runs if not run.finished and not run.is_preview]


def wait_until_undone(chaos: Chaos, within_s: float, *, clock: Clock) -> list[Run]:
    """Wait until no run is under way; return those that still are when the time is over."""
    began = clock.monotonic()
    left: list[Run] = []
    while True:
        try:
            left = unfinished(chaos)
        except Unreachable:
            if clock.monotonic() - began >= within_s:
                raise
        else:
            if not left or clock.monotonic() - began >= within_s:
                return left
        clock.sleep(EVERY_S)
