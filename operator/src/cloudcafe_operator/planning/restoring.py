"""Undo of settings that have several fields, each of which somebody else may have changed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Restored:
    """What the settings must become; `is_ours` where that differs, `is_theirs` where it may not."""

    settings: dict[str, Any]
    is_ours: bool  # a field still holds what was injected
    is_theirs: bool  # a field holds what neither we nor the time before put there


def restored(
    current: Mapping[str, Value], *, was: Mapping[str, Value], wanted: Mapping[str, Value]
) -> Restored:
    """Put back the fields that still hold the injected value, and leave all others alone."""
    ours = {name for name in was if was[name] != wanted[name] == current[name]}
    theirs = {name for name in was if current[name] not in (was[name], wanted[name])}
    settings = {name: was[name] if name in ours else current[name] for name in was}
    return Restored(settings, bool(ours), bool(theirs))
