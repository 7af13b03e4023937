"""The halt lever: a ConfigMap of the operator's namespace. Running runs revert, new ones wait.

It holds for the runs of all namespaces, and only where an operator reads it.
"""

from __future__ import annotations

from dataclasses import dataclass

from cafectl.chaos.cluster import Chaos, Refused, Unreachable
from cafectl.chaos.follow import EVERY_S, Clock
from cafectl.chaos.view import Run, read


@dataclass(frozen=True, slots=True)
class Left:
    """Runs that may still have something in force; `unseen` says why not all were looked at."""

    runs: tuple[Run, ...]
    unseen: str = ""


def is_halted(chaos: Chaos) -> bool:
    """Whether the lever is pulled."""
    return (chaos.lever() or {}).get("halted") == "true"


def halt(chaos: Chaos, reason: str) -> str:
    """Pull the lever; return why it is not known that an operator reads it, or nothing.

    Raises:
        Refused: there is no operator whose lever it would be.
    """
    unknown = _reader(chaos)
    chaos.pull_lever({"halted": "true", "reason": reason})
    return unknown


def resume(chaos: Chaos) -> bool:
    """Let go of the lever; whether it was pulled."""
    _reader(chaos)
    was = is_halted(chaos)
    if was:
        chaos.pull_lever({"halted": "false"})
    return was


def _reader(chaos: Chaos) -> str:
    """Refuse where no operator is; who may not see that may pull the lever all the same."""
    try:
        there = chaos.has_operator()
    except Refused as problem:
        return str(problem)
    if not there:
        raise Refused(
            f"namespace {chaos.operator_namespace} has no operator (no Lease cloudcafe-operator), "
            "so nobody would read a halt there: name its namespace with --operator-namespace"
        )
    return ""


def left(chaos: Chaos) -> Left:
    """Return the runs of all namespaces that are under way; of ours where we see only those."""
    unseen = ""
    try:
        found = chaos.runs_everywhere()
    except Refused as problem:
        found, unseen = chaos.items("chaosruns"), str(problem)
    runs = map(read, found)
    return Left(tuple(run for run in runs if not run.finished and not run.is_preview), unseen)


def wait_until_undone(chaos: Chaos, within_s: float, *, clock: Clock) -> Left:
    """Wait until no run is under way; return those that still are when the time is over."""
    began = clock.monotonic()
    while True:
        try:
            found = left(chaos)
        except Unreachable:
            if clock.monotonic() - began >= within_s:
                raise
        else:
            if not found.runs or clock.monotonic() - began >= within_s:
                return found
        clock.sleep(EVERY_S)
