"""A probe as a line of blocks: height is latency, colour is how users fared. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.text import Text

from cafectl.chaos.samples import Result, Sample

BLOCKS = "▁▂▃▄▅▆▇█"
FASTEST_MS, SLOWEST_MS = 1, 5000
STYLES: dict[Result, str] = {"good": "green", "delayed": "yellow", "refused": "red"}
WORST: tuple[Result, ...] = ("refused", "delayed", "good")
REFUSED = "✗"


@dataclass(frozen=True, slots=True)
class Scale:
    """Which seconds of a run stand in how many columns."""

    begin: float
    seconds_per_column: float
    width: int

    def column(self, at: float) -> int | None:
        """Return the column of a moment; None where it is not shown."""
        found = math.floor((at - self.begin) / self.seconds_per_column)
        return found if 0 <= found < self.width else None


def scale(now: float, width: int) -> Scale:
    """Return a scale on which the whole run so far fits."""
    return Scale(0.0, max(1.0, (now + 1) / max(1, width)), max(1, width))


def line(samples: Iterable[Sample], on: Scale) -> Text:
    """Return one character a column: the worst that was seen in it, and its slowest sample."""
    cells: list[list[Sample]] = [[] for _ in range(on.width)]
    for one in samples:
        column = on.column(one.at)
        if column is not None:
            cells[column].append(one)
    text = Text(no_wrap=True)
    for cell in cells:
        text.append(*_character(cell))
    return text


def ruler(marks: Sequence[tuple[float, str, str]], on: Scale) -> Text:
    """Return marks (seconds, character, style) in their columns; a later one lies on top."""
    text = Text(" " * on.width, no_wrap=True)
    shown = list(text.plain)
    styles: dict[int, str] = {}
    for at, character, style in marks:
        column = on.column(at)
        if column is not None:
            shown[column], styles[column] = character, style
    text = Text("".join(shown), no_wrap=True)
    for column, style in styles.items():
        text.stylize(style, column, column + 1)
    return text


def _character(cell: list[Sample]) -> tuple[str, str]:
    if not cell:
        return " ", ""
    results = {one.result for one in cell}
    worst = next(result for result in WORST if result in results)
    if worst == "refused":
        return REFUSED, STYLES[worst]
    return BLOCKS[height(max(one.milliseconds for one in cell), len(BLOCKS))], STYLES[worst]


def height(milliseconds: int, levels: int) -> int:
    """Return which of so many levels a latency has, on a logarithmic scale."""
    share = math.log(max(milliseconds, FASTEST_MS)) / math.log(SLOWEST_MS)
    return min(levels - 1, math.floor(share * levels))
