"""How the figures grow with the fleet, as SVG: a panel for each figure, a line for each contender.

Pure. Both axes are logarithmic; a straight line at the same slope is growth in proportion.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

Results = Mapping[str, Mapping[str, Mapping[str, float]]]
PANELS = (
    ("objects a second (create)", "create", "objects/s"),
    ("CPU per object, ms (create)", "create", "CPU ms/object"),
    ("memory, MiB (idle)", "idle", "RSS MiB"),
    ("AWS calls a minute (idle)", "idle", "AWS calls/min"),
    ("p99 update → Ready, s", "change", "update → Ready p99 s"),
    ("AWS reads of a restart", "restart", "AWS reads"),
)
COLOURS = {"operator": "#0b6e4f", "yardstick": "#c8553d", "minimal": "#5b6c8f"}
WIDE, HIGH, LEFT, FOOT, HEAD, COLUMNS = 300, 210, 46, 30, 26, 3
LEAST = 0.01
Point = tuple[float, float]


def draw(runs: Sequence[Results]) -> str:
    """Return the whole picture."""
    rows = math.ceil(len(PANELS) / COLUMNS)
    panels = [
        f'<g transform="translate({number % COLUMNS * WIDE} {number // COLUMNS * HIGH})">'
        f"{_panel(runs, *panel)}</g>"
        for number, panel in enumerate(PANELS)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" '
        f'viewBox="0 0 {COLUMNS * WIDE} {rows * HIGH + 24}" '
        f'font-family="sans-serif" font-size="11">'
        f'<rect width="100%" height="100%" fill="white"/>{"".join(panels)}'
        f"{_legend(rows * HIGH + 12)}</svg>\n"
    )


def _panel(runs: Sequence[Results], title: str, scenario: str, figure: str) -> str:
    lines = {name: _points(runs, name, scenario, figure) for name in COLOURS}
    every = [point for line in lines.values() for point in line]
    if not every:
        return ""
    low, high = _decades([y for _, y in every])
    first, last = (min(x for x, _ in every), max(x for x, _ in every))

    def place(point: Point) -> Point:
        x = _share(point[0], first, last) if last > first else 0.5
        y = _share(point[1], low, high)
        return LEFT + x * (WIDE - LEFT - 20), HIGH - FOOT - y * (HIGH - FOOT - HEAD)

    parts = [f'<text x="{LEFT}" y="16" font-weight="bold">{escape(title)}</text>']
    for value in _ticks(low, high):
        _, y = place((first, value))
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDE - 20}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:g}</text>')
    for value in sorted({x for x, _ in every}):
        x, _ = place((value, low))
        label = f'<text x="{x:.1f}" y="{HIGH - FOOT + 16}" text-anchor="middle">{value:g}</text>'
        parts.append(label)
    for name, line in lines.items():
        spots = [place(point) for point in line]
        way = "L".join(f"{x:.1f} {y:.1f}" for x, y in spots)
        if spots:
            parts.append(
                f'<path d="M{way}" fill="none" stroke="{COLOURS[name]}" stroke-width="2"/>'
            )
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{COLOURS[name]}"/>'
                  for x, y in spots]  # fmt: skip
    return "".join(parts)


def _points(runs: Sequence[Results], name: str, scenario: str, figure: str) -> list[Point]:
    found = [run.get(name, {}).get(scenario, {}) for run in runs]
    rows = [(one["stores"], max(LEAST, one[figure])) for one in found if figure in one]
    return sorted(rows)


def _decades(values: Sequence[float]) -> tuple[float, float]:
    low = 10.0 ** math.floor(math.log10(min(values)))
    high = 10.0 ** math.ceil(math.log10(max(values)))
    return low, max(high, low * 10)


def _ticks(low: float, high: float) -> list[float]:
    first, last = round(math.log10(low)), round(math.log10(high))
    return [10.0**power for power in range(first, last + 1)]


def _share(value: float, low: float, high: float) -> float:
    return (math.log10(value) - math.log10(low)) / (math.log10(high) - math.log10(low))


def _legend(y: float) -> str:
    return "".join(
        f'<circle cx="{LEFT + number * 120}" cy="{y}" r="4" fill="{colour}"/>'
        f'<text x="{LEFT + 8 + number * 120}" y="{y + 4}">{name}</text>'
        for number, (name, colour) in enumerate(COLOURS.items())
    )
