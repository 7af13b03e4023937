"""The live picture of a run in a terminal. Pure: a sight and a width become something to print."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.text import Text

from cafectl.chaos import spark
from cafectl.chaos.approval import WAITING
from cafectl.chaos.duration import clock, seconds, short
from cafectl.chaos.follow import Sight
from cafectl.chaos.record import Entry, Step
from cafectl.chaos.story import Told, story
from cafectl.chaos.verdict import STYLES
from cafectl.chaos.view import Probe, Run, faults_of
from cafectl.plain import line
from cafectl.terminal import Rows

NAME_WIDTH = 16
LAST_WIDTH = 30
SHOWN_TARGETS = 8
SHOWN_STORY = 7
TONES = {"plain": "", "bad": "red", "good": "green", "act": "bold"}
MARKS = (("injected_at", "▼", "bold red"), ("revert_at", "▲", "bold cyan"))
LEGEND = "▼ injected  ▲ undo  ✗ refused"


def picture(sight: Sight, width: int) -> RenderableType:
    """Return all of it, at most so wide."""
    run = sight.run
    parts: list[RenderableType] = [_head(sight), _steps(run, sight)]
    if run.probes:
        parts.append(_probes(sight, width - 4))
    if run.status.journal:
        parts.append(_targets(run, sight))
    parts += [told_line(one) for one in story(run)[-SHOWN_STORY:]]
    if sight.trouble:
        parts.append(Text(line(sight.trouble), style="yellow"))
    return Panel(Group(*parts), box=box.ROUNDED, width=width, border_style=_style(run))


def told_line(one: Told) -> Text:
    """Return a sentence of the story as a line."""
    word = (f"{one.word:<14} ", TONES[one.tone])
    return Text.assemble((f"{clock(one.at)}  ", "dim"), word, one.text)


def _style(run: Run) -> str:
    return STYLES.get(run.status.verdict, "dim")


def _head(sight: Sight) -> Text:
    run, status = sight.run, sight.run.status
    text = Text.assemble((run.name, "bold"))
    if run.finished:
        text.append(f"  {status.verdict or 'Previewed'}", style=f"bold {_style(run)}")
    else:
        text.append(f"  {status.phase}", style="bold cyan")
        if status.phase_since:
            text.append(f" {short(_since(sight, status.phase_since))}")
    at = run.offset(status.finished_at) if run.finished else _now(sight)
    text.append(f"  {clock(at or 0.0)}", style="dim")
    if status.deadline and not run.finished:
        left = (status.deadline - sight.now).total_seconds()
        text.append(f"  undone at the latest in {short(max(0.0, left))}", style="dim")
    text.append(f"\n{line(str(run.template.get('hypothesis', '')))}", style="italic")
    if run.finished:
        text.append(f"\n{line(status.message)}", style=_style(run))
    return text


def _now(sight: Sight) -> float:
    return max(0.0, sight.run.offset(sight.now) or 0.0)


def _since(sight: Sight, moment: datetime) -> float:
    return max(0.0, (sight.now - moment).total_seconds())


def _steps(run: Run, sight: Sight) -> Rows:
    table = Rows(box=None, show_header=False, padding=(0, 2, 0, 0))
    for step in run.steps:
        sign, style, text = _step(run, step, sight)
        faults = ", ".join(faults_of(run.spec_of(step)))
        table.add_row(Text(sign, style=style), Text(step.name, style=style), faults, text)
    return table


def _step(run: Run, step: Step, sight: Sight) -> tuple[str, str, str]:
    """Return sign, style and how far it came."""
    within, measures = run.objective(step), step.measures
    if step.injected_at is None:
        return _unbegun(run, step)
    if step.recovered_at:
        met = (measures.recovered_after or 0.0) <= seconds(within)
        text = f"recovered after {short(measures.recovered_after)}, objective {within}"
        return ("✓", "green", text) if met else ("✗", "red", text)
    if run.finished:
        return "✗", "red", "undone, recovery not seen"
    if step.undone_at:
        return "▶", "cyan", f"undone, watching recovery within {within}"
    if step.revert_at:
        return "▶", "cyan", "undoing"
    left = (step.hold_until - sight.now).total_seconds() if step.hold_until else None
    held = "injecting" if left is None else f"in force, undo in {short(max(0.0, left))}"
    return "▶", "red", held


def _unbegun(run: Run, step: Step) -> tuple[str, str, str]:
    if run.finished or run.steps[run.status.step] != step:
        return "·", "dim", ""
    if run.status.phase == WAITING:
        return "?", "bold yellow", f"waits for a yes: cafectl approve {run.name}"
    return "·", "dim", run.status.phase.lower()


def _probes(sight: Sight, width: int) -> Rows:
    run = sight.run
    end = run.offset(run.status.finished_at) if run.finished else _now(sight)
    room = max(10, width - NAME_WIDTH - LAST_WIDTH - 4)
    on = spark.scale(end or 0.0, room)
    table = Rows(box=None, show_header=False, padding=(0, 1, 0, 0))
    table.add_column(width=NAME_WIDTH, no_wrap=True)
    table.add_column(width=room, no_wrap=True)
    table.add_column(width=LAST_WIDTH, no_wrap=True)
    for probe in run.probes:
        table.add_row(probe.name, spark.line(probe.samples, on), _last(probe))
    table.add_row("", spark.ruler(list(_marks(run)), on), Text(LEGEND, style="dim"))
    return table


def _marks(run: Run) -> Iterator[tuple[float, str, str]]:
    for step in run.steps:
        for name, sign, style in MARKS:
            at = run.offset(getattr(step, name))
            if at is not None:
                yield at, sign, style


def _last(probe: Probe) -> Text:
    if not probe.samples:
        return Text("no sample yet", style="dim")
    last = probe.samples[-1]
    if last.good:
        return Text(f"{last.milliseconds} ms")
    what = probe.trouble or last.result
    return Text(what, style=spark.STYLES[last.result])


def _targets(run: Run, sight: Sight) -> Rows:
    table = Rows(box=None, show_header=False, padding=(0, 2, 0, 0))
    standing = sorted(run.status.journal, key=lambda entry: not entry.open)
    for entry in standing[:SHOWN_TARGETS]:
        state, style = _state(entry, sight)
        target = Text(entry.target.name, overflow="ellipsis")
        table.add_row(Text(state, style=style), entry.fault, target, Text(entry.trouble))
    more = len(standing) - SHOWN_TARGETS
    if more > 0:
        table.add_row("", f"and {more} more", "", "")
    return table


def _state(entry: Entry, sight: Sight) -> tuple[str, str]:
    if not entry.open:
        return entry.state, "yellow" if entry.state == "Diverged" else "green"
    if entry.in_force_at:
        return f"in force {short(_since(sight, entry.in_force_at))}", "red"
    return ("injected" if entry.state == "Injected" else "injecting"), "magenta"
