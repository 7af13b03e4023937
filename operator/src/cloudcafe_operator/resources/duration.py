"""Durations as users write them (`30s`, `5m`, `1h30m`) and as tables show them. Pure."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field

from cloudcafe_operator.resources.common import Rule, cel

PATTERN = r"^([0-9]{1,3}h)?([0-9]{1,4}m)?([0-9]{1,5}s)?$"
PARTS = re.compile(r"(\d+)([hms])")
UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
MINUTE = 60
HOUR = 3600

AT_MOST = Rule(
    "duration(self) <= duration('2h')",
    "may be at most 2h: write a shorter duration, for example 10m",
)
AT_LEAST = Rule(
    "duration(self) >= duration('1s')",
    "must be at least 1s: in no time at all nothing can be seen",
)


def _written(*rules: Rule) -> Any:
    """Return how a duration is written, and what the API server asks of it."""
    return Field(pattern=PATTERN, min_length=2, max_length=12, json_schema_extra=cel(*rules))


Duration = Annotated[str, _written(AT_MOST)]
Lasting = Annotated[str, _written(AT_MOST, AT_LEAST)]  # for what cannot hold within 0s


def seconds(text: str) -> float:
    """Return a duration in seconds; the pattern was checked when the model was read."""
    return sum(int(number) * UNITS[unit] for number, unit in PARTS.findall(text))


def short(value: float) -> str:
    """Return seconds for people: `0.4s`, `7.2s`, `48s`, `3m10s`, `1h5m`."""
    if value < MINUTE:
        text = f"{value:.1f}".removesuffix(".0")
        return f"{text}s"
    whole = round(value)
    if whole < HOUR:
        minutes, rest = divmod(whole, MINUTE)
        return f"{minutes}m{rest}s" if rest else f"{minutes}m"
    hours, rest = divmod(whole // MINUTE, MINUTE)
    return f"{hours}h{rest}m" if rest else f"{hours}h"
