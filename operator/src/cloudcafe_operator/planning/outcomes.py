"""What an effect's outcome, or a decision, makes of a run's status. Pure.

`run.py` uses these for transitions that need no effect, `effects/execute.py` for what it found;
what was seen of targets is in `sightings.py`. Each returns a Store: the new status and the events
that tell it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from cloudcafe_operator.planning.measure import measure
from cloudcafe_operator.planning.room import TROUBLE
from cloudcafe_operator.planning.steps import (
    Observed,
    Store,
    Story,
    changed,
    with_entry,
    with_step,
)
from cloudcafe_operator.planning.verdict import ABORTS, judge, slowest
from cloudcafe_operator.planning.words import counted
from cloudcafe_operator.resources.conditions import Judgement, false, set_condition, true
from cloudcafe_operator.resources.duration import seconds, short
from cloudcafe_operator.resources.experiment import ExperimentSpec
from cloudcafe_operator.resources.run import (
    BooksAnswer,
    JournalEntry,
    Measures,
    Preview,
    RunStatus,
    StepStatus,
    Stop,
    Target,
)


def step_status(name: str) -> StepStatus:
    """Return the status of a step that has not begun."""
    return StepStatus(name=name)


def fault_names(spec: ExperimentSpec, step: int) -> str:
    """Return the faults of a step as the printer column shows them."""
    return ",".join(entry.fault for entry in spec.steps[step].faults)


def since(status: RunStatus, moment: datetime | None) -> float:
    """Return a moment in seconds since the run's start."""
    if moment is None or status.started_at is None:
        return 0.0
    return (moment - status.started_at).total_seconds()


def passed_preflight(observed: Observed, targets: int) -> Store:
    """Go on to the baseline."""
    baseline = observed.run.spec.template.steady_state.baseline
    status = judged(
        changed(observed.status, phase="Baseline", phase_since=observed.now),
        observed,
        true("Accepted", "ChecksPassed", f"{counted(targets, 'target')}, all checks passed"),
    )
    hit = counted(targets, "target")
    story = Story("PreflightPassed", f"{hit}; watching a baseline of {baseline}")
    return Store(status, (story,))


def previewed(observed: Observed, preview: Preview) -> Store:
    """Finish a run that was only a preview."""
    refused = preview.refusals
    hit = preview.total
    would = f"a run would hit {counted(hit, 'target')}"
    message = f"refused: {refused[0]}" if refused else would
    status = changed(
        observed.status,
        phase="Finished",
        phase_since=observed.now,
        finished_at=observed.now,
        preview=preview,
        targets=str(hit),
        message=message,
    )
    lines = "; ".join(f"{item.fault} on {item.target}" for item in preview.targets[:5])
    return Store(status, (Story("Previewed", f"{message}. {lines}".strip()),))


def captured(
    observed: Observed, entries: Sequence[JournalEntry], *, momentary: bool, unproven: str = ""
) -> Store:
    """Store a step's targets as Injecting: from here on there may be something to undo."""
    status = observed.status
    status = changed(
        status,
        journal=(*status.journal, *entries),
        targets=str(len(status.journal) + len(entries)),
    )
    status = with_step(status, status.step, momentary=momentary, unproven=unproven)
    names = [f"{entry.fault} on {entry.target.name}" for entry in entries]
    return Store(status, tuple(Story("Injecting", name) for name in names))


def entry_for(
    observed: Observed, *, slot: int, target: Target, captured: dict[str, Any]
) -> JournalEntry:
    """Return a new journal entry, claimed by this process."""
    status = observed.run.status
    step = observed.run.spec.template.steps[status.step]
    return JournalEntry(
        step=status.step,
        slot=slot,
        fault=step.faults[slot].fault,
        target=target,
        state="Injecting",
        captured=captured,
        claimed_by=observed.identity,
        claimed_at=observed.now,
    )


def injected(
    observed: Observed, index: int, made: dict[str, Any], *, begun: datetime, now: datetime
) -> Store:
    """Close an injection; when it was the step's last, the hold begins."""
    status = with_entry(
        observed.status, index, state="Injected", injected=made, injected_at=begun, trouble=""
    )
    entry = status.journal[index]
    step = status.steps[status.step]
    if step.injected_at is None:
        status = with_step(status, status.step, injected_at=begun)
    stories = [Story("Injected", f"{entry.fault} on {entry.target.name}")]
    if not any(e.state == "Injecting" for e in status.journal if e.step == status.step):
        hold = observed.run.spec.template.steps[status.step].hold
        until = now + timedelta(seconds=seconds(hold))
        status = with_step(status, status.step, hold_until=until)
        status = changed(status, phase="Holding", phase_since=now)
        stories.append(Story("Holding", f"for {hold}"))
    return Store(status, tuple(stories))


def start_undo(observed: Observed, status: RunStatus, lapsed: Sequence[int] = ()) -> Store:
    """End the hold; `lapsed` are the entries that were not in force any more at its end."""
    status = changed(status, phase="Reverting", phase_since=observed.now)
    status = with_step(status, status.step, revert_at=observed.now)
    stories = []
    for index in lapsed:
        status = with_entry(status, index, lapsed_at=observed.now)
        entry = status.journal[index]
        said = f"{entry.fault} on {entry.target.name} was not in force any more"
        stories.append(Story("Lapsed", said, "Warning"))
    return Store(status, (*stories, Story("Reverting", "The hold is over: undoing")))


def stop(observed: Observed, reason: str, message: str) -> Store:
    """End the run early: undo what is open, or finish at once where nothing is."""
    stopped = Stop(reason=reason, message=message, at=observed.now)
    status = changed(observed.status, stop=stopped)
    if reason not in ABORTS:
        status = judged(status, observed, false("Accepted", reason, message))
    story = Story(reason, message, "Warning")
    if not status.open_entries:
        return finish(observed, status, story)
    if status.phase != "Reverting":
        status = changed(status, phase="Reverting", phase_since=observed.now)
        status = with_step(status, status.step, revert_at=observed.now)
    return Store(status, (story, Story("Reverting", "Undoing at once")))


def undone(observed: Observed, index: int, outcome: str, detail: str) -> Store:
    """Close a journal entry; when it was the last open one, go on."""
    status = with_entry(
        observed.status,
        index,
        state=outcome,
        detail=detail,
        trouble="",
        undone_at=observed.now,
    )
    entry = status.journal[index]
    diverged = outcome == "Diverged"
    text = f"{entry.fault} on {entry.target.name}" + (f": {detail}" if detail else "")
    story = Story(outcome, text, "Warning" if diverged else "Normal")
    if not any(entry.trouble for entry in status.journal if entry.open):
        status = without_condition(status, "UndoBlocked")
    return Store(status, (story,)) if status.open_entries else _after_undo(observed, status, story)


def all_undone(observed: Observed) -> Store:
    """Go on where a step has no open entry, as after a crash between two stores."""
    return _after_undo(observed, observed.status, Story("Undone", "nothing is left to undo"))


def troubled(observed: Observed, index: int, problem: str, by_hand: str) -> Store | None:
    """Say why an undo does not get on, and what a human would run; None: it is said already."""
    message = f"{problem[: TROUBLE // 2]}. It is tried again; by hand: {by_hand}"[:TROUBLE]
    if observed.run.status.journal[index].trouble == message:
        return None
    status = with_entry(observed.status, index, trouble=message)
    status = judged(status, observed, true("UndoBlocked", "UndoFailing", message))
    return Store(status, (Story("UndoFailing", message, "Warning"),))


def hindered(observed: Observed, what: str, reason: str, problem: str) -> Store | None:
    """Say why the run waits before it has touched anything; None: it is said already."""
    old = {item.type: item.message for item in observed.run.status.conditions}
    message = f"{what}: {problem}"
    if old.get("Progressing") == message:
        return None
    new = false("Progressing", reason, message)
    story = Story(reason, message, "Warning")
    return Store(judged(observed.status, observed, new), (story,))


def _after_undo(observed: Observed, status: RunStatus, story: Story) -> Store:
    status = with_step(status, status.step, undone_at=observed.now)
    if status.stop:
        return finish(observed, status, story)
    within = observed.run.spec.template.steps[status.step].recovery.within
    status = changed(status, phase="Recovering", phase_since=observed.now)
    stories = (story, Story("Recovering", f"Undone; users should be served within {within}"))
    return Store(status, stories)


def finish(observed: Observed, status: RunStatus, story: Story) -> Store:
    """Judge the run and close it."""
    spec = observed.run.spec.template
    if status.steps and status.steps[status.step].recovered_at is None:
        step = status.steps[status.step]
        measures = measure(spec, status, observed.settled, step)
        status = with_step(status, status.step, measures=measures)
    judgement = judge(spec, status)
    took = slowest(status)
    status = changed(
        status,
        phase="Finished",
        phase_since=observed.now,
        finished_at=observed.now,
        verdict=judgement.verdict,
        message=judgement.message,
        rto="" if took is None else short(took),
    )
    good = judgement.verdict == "Passed"
    ended = Story(judgement.verdict, judgement.message, "Normal" if good else "Warning")
    status = without_condition(status, "Progressing")
    status = judged(status, observed, true("Complete", judgement.verdict, ended.message))
    return Store(status, (story, ended))


def audited(observed: Observed, answer: BooksAnswer) -> Store:
    """Note what a ledger probe found."""
    status = changed(observed.status, books=(*observed.status.books, answer))
    good = answer.outcome == "Balanced"
    message = f"{answer.probe}: {answer.message or f'{answer.orders} orders agree in all books'}"
    story = Story(f"Books{answer.outcome}", message, "Normal" if good else "Warning")
    return Store(status, (story,))


def recovery_story(step: str, measures: Measures, *, recovered: bool) -> Story:
    """Say how users fared."""
    if not recovered:
        return Story("NotRecovered", f"{step}: users are not served again", "Warning")
    if measures.noticed_after is None:
        return Story("Recovered", f"{step}: no probe noticed anything")
    after = short(measures.recovered_after or 0.0)
    noticed = short(measures.noticed_after)
    return Story("Recovered", f"{step}: noticed after {noticed}, served again after {after}")


def judged(status: RunStatus, observed: Observed, judgement: Judgement) -> RunStatus:
    """Return the status with one condition set."""
    conditions = set_condition(
        status.conditions, judgement, generation=observed.run.generation, now=observed.now
    )
    return changed(status, conditions=conditions)


def without_condition(status: RunStatus, type_: str) -> RunStatus:
    """Return the status without one condition."""
    kept = tuple(item for item in status.conditions if item.type != type_)
    return changed(status, conditions=kept)
