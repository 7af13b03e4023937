"""The timeline of a run as inline SVG: a lane for each probe, a bar for each target. Pure.

Colours are CSS variables of the page, so the same plot is right in light, dark and print. Each
result also has its own shape. All samples of a kind are one path: a long run stays a small file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from cafectl.chaos.axis import LANE, LEFT, RIGHT, WIDTH, Axis, axis, level, tick_text, ticks
from cafectl.chaos.duration import short
from cafectl.chaos.record import Entry
from cafectl.chaos.samples import Sample
from cafectl.chaos.view import Probe, Run

TOP = 54  # room for the marks' labels, in three rows
GAP, BAR, FOOT = 16, 18, 34
SHOWN_TARGETS = 20
LEVELS = ((10, "10 ms"), (100, "100 ms"), (1000, "1 s"))
LETTER = 6.6  # the width of a letter of the labels


@dataclass(frozen=True, slots=True)
class Mark:
    """A vertical line through all lanes."""

    at: float
    text: str
    style: str


def timeline(run: Run) -> str:
    """Return the plot; nothing where the run has no samples and touched nothing."""
    if not run.status.started_at or not (run.status.probes or run.status.journal):
        return ""
    on = axis(run)
    lanes, entries = run.probes, run.status.journal[:SHOWN_TARGETS]
    lanes_end = TOP + len(lanes) * (LANE + GAP)
    bottom = lanes_end + (len(entries) * BAR + GAP if entries else 0)
    parts = [
        *_spans(run, on, bottom),
        *_axis(on, bottom),
        *(_lane(probe, on, TOP + index * (LANE + GAP)) for index, probe in enumerate(lanes)),
        *(_bar(run, entry, on, lanes_end + index * BAR) for index, entry in enumerate(entries)),
        *_marks(sorted(marks(run), key=lambda mark: mark.at), on, lanes_end),
    ]
    height = bottom + FOOT
    title = f"What the probes saw over {short(on.end)}, with the injection and the undo marked"
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        f"{PATTERN}{''.join(parts)}</svg>"
    )


def marks(run: Run) -> Iterator[Mark]:
    """Yield what happened to users and to the fault."""
    several = len(run.steps) > 1
    for step in run.steps:
        begun, undo = run.offset(step.injected_at), run.offset(step.revert_at)
        if begun is None:
            continue
        yield Mark(begun, step.name if several else "injected", "act")
        if step.measures.noticed_after is not None:
            yield Mark(begun + step.measures.noticed_after, "noticed", "bad")
        if undo is not None:
            yield Mark(undo, "undo begins", "undo")
        origin = run.counted_from(step) or begun
        if step.recovered_at and step.measures.recovered_after is not None:
            yield Mark(origin + step.measures.recovered_after, "recovered", "ok")
    stopped = run.offset(run.status.stop.at) if run.status.stop else None
    if stopped is not None and run.status.stop:
        yield Mark(stopped, run.status.stop.reason, "bad")


def _spans(run: Run, on: Axis, bottom: float) -> Iterator[str]:
    for step in run.steps:
        begun, undone = run.offset(step.injected_at), run.offset(step.undone_at)
        if begun is not None:
            yield _span(on, begun, on.end if undone is None else undone, bottom, "force")
        for gap in step.measures.gaps:
            span, _, probe = gap.partition(" ")
            if probe:  # a gap of one probe is seen in its lane
                continue
            first, _, last = span.replace("s", "").partition("-")
            yield _span(on, float(first), float(last), bottom, "gap")


def _span(on: Axis, begin: float, end: float, bottom: float, style: str) -> str:
    x, width = on.x(begin), max(1.0, on.x(end) - on.x(begin))
    size = f'width="{width:.1f}" height="{bottom - TOP:.0f}"'
    return f'<rect class="{style}" x="{x:.1f}" y="{TOP}" {size}/>'


def _axis(on: Axis, bottom: float) -> Iterator[str]:
    for at in ticks(on.end):
        x = on.x(at)
        yield f'<path class="grid" d="M{x:.1f} {TOP}V{bottom:.0f}"/>'
        yield _text(x, bottom + 16, tick_text(at), "tick", anchor="middle")


def _lane(probe: Probe, on: Axis, top: float) -> str:
    by_result = {
        name: [one for one in probe.samples if one.result == name]
        for name in ("good", "delayed", "refused")
    }
    base = top + LANE
    parts = [f'<path class="base" d="M{LEFT} {base:.0f}H{WIDTH - RIGHT}"/>']
    for milliseconds, text in LEVELS:
        y = base - level(milliseconds) * LANE
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(_text(LEFT - 8, y + 3.5, text, "tick", anchor="end"))
    parts += [
        _text(8, top + 12, probe.name, "name"),
        _text(8, top + 28, probe.kind, "tick"),
        _path("good", by_result["good"], on, base, "h0"),
        _path("delayed", by_result["delayed"], on, base, "m0 -3.5l3.5 6h-7z"),
        _path("refused", by_result["refused"], on, base, "m-3.5 -3.5l7 7m0 -7l-7 7"),
    ]
    return f"<g>{''.join(parts)}</g>"


def _path(style: str, samples: Iterable[Sample], on: Axis, base: float, shape: str) -> str:
    """Return one path with a shape at each sample; refusals lie on the top line."""
    points = []
    for one in samples:
        share = 1.0 if one.result == "refused" else level(one.milliseconds)
        points.append(f"M{on.x(one.at):.1f} {base - share * LANE:.1f}{shape}")
    return f'<path class="{style}" d="{"".join(points)}"/>' if points else ""


def _bar(run: Run, entry: Entry, on: Axis, top: float) -> str:
    begun = run.offset(entry.injected_at)
    label = f"{entry.fault} {entry.target.name}"
    if begun is None:
        return _text(LEFT + 4, top + 12, f"{label}: not injected", "tick")
    force, undone = run.offset(entry.in_force_at), run.offset(entry.undone_at)
    end = on.end if undone is None else undone
    width = max(2.0, on.x(end) - on.x(begun))
    parts = [_block("claimed", on.x(begun), top, width)]
    if force is not None:
        parts.append(_block("bar", on.x(force), top, max(2.0, on.x(end) - on.x(force))))
    parts.append(_label(on, begun, end, top + 13, label))
    return f"<g><title>{escape(label)}: {escape(entry.state)}</title>{''.join(parts)}</g>"


def _block(style: str, x: float, top: float, width: float) -> str:
    place = f'x="{x:.1f}" y="{top + 3:.0f}" width="{width:.1f}" height="{BAR - 6}"'
    return f'<rect class="{style}" {place}/>'


def _label(on: Axis, begun: float, end: float, y: float, text: str) -> str:
    """Write beside the bar, on the side where there is more room, and no more than fits."""
    before, after = on.x(begun) - 8, WIDTH - RIGHT - on.x(end)
    most = int(max(before, after) / LETTER)
    text = text if len(text) <= most else f"{text[: most - 1]}…"
    if after >= before or len(text) * LETTER < after:
        return _text(on.x(end) + 6, y, text, "tick")
    return _text(on.x(begun) - 6, y, text, "tick", anchor="end")


def _marks(found: Sequence[Mark], on: Axis, bottom: float) -> Iterator[str]:
    """Draw lines, and the labels that fit in three rows; injections first, each has its title."""
    rows: list[list[tuple[float, float]]] = [[], [], []]
    labels: dict[Mark, tuple[float, int]] = {}
    several = sum(mark.style == "act" for mark in found) > 1  # then only they have labels
    for mark in sorted(found, key=lambda mark: mark.style != "act"):
        if several and mark.style != "act":
            break
        x, wide = on.x(mark.at), len(mark.text) * LETTER + 8
        left = x + 4 if x + wide < WIDTH else x - wide
        for index, row in enumerate(rows):
            if all(left + wide <= begin or left >= end for begin, end in row):
                row.append((left, left + wide))
                labels[mark] = (left, index)
                break
    for mark in found:
        left, index = labels.get(mark, (0.0, len(rows)))
        x, y = on.x(mark.at), 14 + index * 15
        line = f'<path class="mark {mark.style}" d="M{x:.1f} {y - 9}V{bottom:.0f}"/>'
        yield f"<g><title>{escape(mark.text)} {short(mark.at)}</title>{line}</g>"
        if mark in labels:
            yield _text(left, y, mark.text, f"label {mark.style}")


def _text(x: float, y: float, text: str, style: str, anchor: str = "start") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}"' + ("" if anchor == "start" else f' text-anchor="{anchor}"')
    return f'<text class="{style}" {place}>{escape(text)}</text>'


PATTERN = (
    '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><path class="hatch" d="M0 0V6"/></pattern></defs>'
)
