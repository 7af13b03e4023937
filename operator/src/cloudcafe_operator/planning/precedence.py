"""Who decides about a run when several have a say: the one place where that order stands. Pure.

deleted > halted > stop condition > protected hours > deadline > hold over > paused > run
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

LONGEST_REASON = 200
Kind = Literal["Abort", "Undo", "Pause", "Run"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true at the moment; a text says why, empty is no."""

    deleted: str = ""
    halted: str = ""
    stop: str = ""
    protected: str = ""
    deadline: str = ""
    hold_over: bool = False
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Desire:
    """What should happen to the run, and for an Abort why."""

    kind: Kind
    reason: str = ""
    message: str = ""


def why_halted(lever: Mapping[str, str]) -> str:
    """Return what the halt lever's data says: who pulled it may have said why."""
    if lever.get("halted") != "true":
        return ""
    reason = lever.get("reason", "").strip()[:LONGEST_REASON]
    return "ConfigMap cloudcafe-halt says halted" + (f": {reason}" if reason else "")


def desired(facts: Facts) -> Desire:
    """Return what the first of those in the order wants."""
    aborts = (
        ("Deleted", facts.deleted),
        ("Halted", facts.halted),
        ("StopCondition", facts.stop),
        ("ProtectedHours", facts.protected),
        ("DeadlineExceeded", facts.deadline),
    )
    for reason, message in aborts:
        if message:
            return Desire("Abort", reason, message)
    if facts.hold_over:
        return Desire("Undo")
    return Desire("Pause") if facts.paused else Desire("Run")
