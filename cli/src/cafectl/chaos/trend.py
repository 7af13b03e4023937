"""Recovery times of runs as inline SVG: a dot for each run, the interval as a band. Pure."""

from __future__ import annotations

from html import escape

from cafectl.chaos.axis import LEFT, RIGHT, WIDTH
from cafectl.chaos.duration import short
from cafectl.chaos.history import LOOKED_AT, History, recovery

HEIGHT, TOP, BOTTOM = 120, 14, 26
LEAST_S = 1.0


def trend(history: History) -> str:
    """Return the plot of the comparable runs; nothing where none has a recovery time."""
    runs = history.comparable[-LOOKED_AT:]
    known = [(run, recovery(run)) for run in runs]
    times = [value for _, value in known if value is not None]
    if not times:
        return ""
    most = max([LEAST_S, *times, *([history.interval.high] if history.interval else [])])
    floor = HEIGHT - BOTTOM

    def y(value: float) -> float:
        return floor - value / most * (floor - TOP)

    room = (WIDTH - LEFT - RIGHT) / len(runs)
    parts = [
        f'<path class="base" d="M{LEFT} {floor}H{WIDTH - RIGHT}"/>',
        _tick(y(most), short(most)),
    ]
    if history.interval:
        high, low = y(history.interval.high), y(history.interval.low)
        size = f'width="{WIDTH - LEFT - RIGHT}" height="{low - high:.1f}"'
        parts.append(f'<rect class="interval" x="{LEFT}" y="{high:.1f}" {size}/>')
    for index, (run, value) in enumerate(known):
        x = LEFT + (index + 0.5) * room
        name = f'<text class="tick" x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="middle">'
        parts.append(f"{name}{escape(run.created_at.strftime('%m-%d %H:%M'))}</text>")
        if value is None:
            continue
        style = "dot" if run.status.verdict == "Passed" else "dot missed"
        title = f"<title>{escape(run.name)}: {short(value)}, {escape(run.status.verdict)}</title>"
        parts.append(
            f'<circle class="{style}" cx="{x:.1f}" cy="{y(value):.1f}" r="5">{title}</circle>'
        )
        label = f'<text class="tick" x="{x + 9:.1f}" y="{y(value) + 4:.1f}">{short(value)}</text>'
        parts.append(label)
    return (
        f'<figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="Recovery times of earlier runs">{"".join(parts)}</svg></figure>'
    )


def _tick(y: float, text: str) -> str:
    return (
        f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{escape(text)}</text>'
    )
