"""A run as a story: what happened and when, told from what the operator stored. Pure.

`cafectl watch` prints what is new in it, the report shows all of it. Nothing depends on having
looked at the right moment, so a watcher that was away misses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from cafectl.chaos.duration import short
from cafectl.chaos.record import Entry, Step
from cafectl.chaos.view import Run
from cafectl.plain import line

Tone = Literal["plain", "bad", "good", "act"]
TROUBLES = ("UndoBlocked", "Progressing")


@dataclass(frozen=True, slots=True)
class Told:
    """One sentence; `at` in seconds since the run's start."""

    at: float
    word: str
    text: str
    tone: Tone = "plain"


def story(run: Run) -> tuple[Told, ...]:
    """Return all that is known, in the order of time; each sentence on one line."""
    told = [*_begin(run), *_steps(run), *_troubles(run), *_books(run)]
    ordered = (*sorted(told, key=lambda one: one.at), *_end(run))
    return tuple(replace(one, word=line(one.word), text=line(one.text)) for one in ordered)


def _begin(run: Run) -> Iterator[Told]:
    if run.status.started_at:
        yield Told(0.0, "Started", f"hypothesis: {run.template.get('hypothesis', '')}")
    stop = run.status.stop
    if stop:
        yield Told(run.offset(stop.at) or 0.0, stop.reason, stop.message, "bad")


def _steps(run: Run) -> Iterator[Told]:
    for step in run.steps:
        yield from _approval(run, step)
        begun = run.offset(step.injected_at)
        if begun is None:
            continue
        names = ", ".join(dict.fromkeys(entry.fault for entry in run.entries(step)))
        yield Told(begun, "Injecting", f"step {step.name}: {names}", "act")
        revert = run.offset(step.revert_at)
        if revert is not None:
            yield Told(revert, "Undoing", f"step {step.name}", "act")
        for entry in run.entries(step):
            yield from _entry(run, entry)
        yield from _users(run, step, begun)


def _approval(run: Run, step: Step) -> Iterator[Told]:
    asked, agreed = run.offset(step.approval_asked_at), run.offset(step.approved_at)
    if asked is not None:
        message = (run.spec_of(step).get("approval") or {}).get("message") or "may it begin?"
        how = f"cafectl approve {run.name} -n {run.namespace}"
        yield Told(asked, "ApprovalNeeded", f"step {step.name}: {message} To agree: {how}", "act")
    if agreed is not None:
        yield Told(agreed, "Approved", f"step {step.name}", "good")


def _entry(run: Run, entry: Entry) -> Iterator[Told]:
    name = entry.target.name
    begun, in_force = run.offset(entry.injected_at), run.offset(entry.in_force_at)
    if in_force is not None:
        after = short(max(0.0, in_force - (begun or in_force)))
        yield Told(in_force, "InForce", f"{entry.fault} on {name}, {after} after its injection")
    undone = run.offset(entry.undone_at)
    if undone is not None:
        detail = f": {entry.detail}" if entry.detail else ""
        diverged = entry.state == "Diverged"
        text = f"{entry.fault} on {name}{detail}"
        yield Told(undone, entry.state, text, "bad" if diverged else "act")
    whole = run.offset(entry.healthy_at)
    if whole is not None:
        yield Told(whole, "WholeAgain", f"{entry.target.group or name}")


def _users(run: Run, step: Step, begun: float) -> Iterator[Told]:
    measures = step.measures
    seen = run.noticed(step)
    if seen:
        probe, sample = seen
        after = max(0.0, sample.at - begun)
        text = f"after {short(after)} by {probe.name}, {sample.result}"
        yield Told(begun + after, "Noticed", text, "bad")
    origin = run.counted_from(step) or begun
    if measures.recovered_after is not None and step.recovered_at is not None:
        counted = "the injection" if origin == begun else "the undo"
        text = f"{short(measures.recovered_after)} after {counted}; " + (
            "nobody had noticed" if measures.noticed_after is None else "users are served"
        )
        confirmed = run.offset(step.recovered_at) or origin
        yield Told(max(confirmed, origin + measures.recovered_after), "Recovered", text, "good")


def _troubles(run: Run) -> Iterator[Told]:
    for condition in run.status.conditions:
        standing = condition.status == ("True" if condition.type == "UndoBlocked" else "False")
        if condition.type in TROUBLES and standing:
            at = run.offset(condition.last_transition_time) or 0.0
            yield Told(at, condition.reason, condition.message, "bad")


def _books(run: Run) -> Iterator[Told]:
    for one in run.status.books:
        good = one.outcome == "Balanced"
        text = one.message or f"{one.orders} orders agree in all books"
        yield Told(
            run.offset(one.at) or 0.0,
            f"Books{one.outcome}",
            f"{one.probe}: {text}",
            "good" if good else "bad",
        )


def _end(run: Run) -> Iterator[Told]:
    finished = run.offset(run.status.finished_at)
    if run.finished:
        good = run.status.verdict in {"Passed", ""}
        word = run.status.verdict or ("Previewed" if run.is_preview else "Finished")
        yield Told(finished or 0.0, word, run.status.message, "good" if good else "bad")
