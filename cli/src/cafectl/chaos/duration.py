"""Durations as experiments spell them and as people read them. Pure."""

from __future__ import annotations

import re

PARTS = re.compile(r"(\d+)([dhms])")
WHOLE = re.compile(r"(\d+[dhms])+")
UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
MINUTE, HOUR = 60, 3600
UNSEEN = "-"


def seconds(text: str) -> float:
    """Return `1h30m`, `45s` in seconds."""
    return sum(int(number) * UNITS[unit] for number, unit in PARTS.findall(text))


def is_duration(text: str) -> bool:
    """Whether it is spelt as a duration is: `300`, `90 sec` and `1.5m` are none."""
    return bool(WHOLE.fullmatch(text))


def short(value: float | None) -> str:
    """Return seconds for people: `0.4 s`, `48 s`, `3 m 10 s`, `1 h 5 m`; a dash for None."""
    if value is None:
        return UNSEEN
    if value < MINUTE:
        return f"{value:.1f}".removesuffix(".0") + " s"
    whole = round(value)
    if whole < HOUR:
        minutes, rest = divmod(whole, MINUTE)
        return f"{minutes} m {rest} s" if rest else f"{minutes} m"
    hours, rest = divmod(whole // MINUTE, MINUTE)
    return f"{hours} h {rest} m" if rest else f"{hours} h"


def clock(value: float) -> str:
    """Return an offset in a run: `+00:07.3`, with hours where there are any."""
    tenths = round(value * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02}" if hours else f"{minutes:02}"
    return f"+{head}:{rest // 10:02}.{rest % 10}"
