"""The next step of a chaos run: one pure function over everything that was observed.

Called by `handlers/chaos.py` in a loop: observe, `next_step`, execute, observe again, until it
says Wait. All knowledge of the order of things is here; `precedence.py` says who decides.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from cloudcafe_operator.planning import outcomes
from cloudcafe_operator.planning.approval import approving, begin_step
from cloudcafe_operator.planning.claims import OWN_CLAIM_S, claimed
from cloudcafe_operator.planning.guards import protection, reach
from cloudcafe_operator.planning.measure import judge_baseline, measure, patience, served_again
from cloudcafe_operator.planning.moments import HOLD, START
from cloudcafe_operator.planning.pause import paused_midway
from cloudcafe_operator.planning.precedence import Desire, Facts, desired
from cloudcafe_operator.planning.steps import (
    TICK_S,
    Audit,
    Capture,
    Check,
    Done,
    Hold,
    Inject,
    LetGo,
    Look,
    Observed,
    Preflight,
    Step,
    Store,
    Story,
    Undo,
    Wait,
    changed,
    deferred,
    with_step,
)
from cloudcafe_operator.planning.stop import stop_condition
from cloudcafe_operator.resources.duration import seconds, short
from cloudcafe_operator.resources.run import JournalEntry, Phase, RunStatus, StepStatus

SAVE_S = 5.0  # between two stores of samples alone; they are stored all together
SLOWEST_SAVE_S = 30.0  # a run of two hours is stored 300 times and not 1,440
SAVES = 20  # a process that dies loses at most so large a part of what was seen
EARLY: tuple[Phase, ...] = ("Pending", "Preflight", "Baseline")


def next_step(observed: Observed) -> Step:
    """Return the one thing to do now."""
    run, status = observed.run, observed.run.status
    if status.phase == "Finished":
        return LetGo() if run.held and not status.open_entries else Done()
    wish = desired(facts(observed))
    if wish.kind == "Abort" and status.stop is None:
        return outcomes.stop(observed, wish.reason, wish.message)
    if not run.held and not run.deleting and run.spec.template.mode == "Run":
        return Hold()
    step = PHASES[status.phase](observed, wish)
    unsaved = observed.unsaved_seconds >= save_every(observed.offset)
    if isinstance(step, Wait) and observed.samples and unsaved:
        return Store(observed.status)
    return step


def save_every(offset: float) -> float:
    """Return the seconds between two stores of samples alone, at so many since the start."""
    return min(SLOWEST_SAVE_S, max(SAVE_S, offset / SAVES))


def facts(observed: Observed) -> Facts:
    """Return who has what to say about the run at this moment."""
    status = observed.run.status
    return Facts(
        deleted="the run was deleted" if observed.run.deleting else observed.experiment_gone,
        halted=observed.halted,
        stop=stop_condition(observed),
        protected=_protected(observed),
        deadline=_deadline(observed),
        hold_over=status.phase == "Holding" and _hold_over(observed),
        paused=observed.paused,
    )


def _protected(observed: Observed) -> str:
    """Say whose protected hours have begun while something is in force."""
    run = observed.run
    if run.status.phase not in ("Injecting", "Holding"):
        return ""
    touched = reach((entry.target for entry in run.status.journal), run.namespace)
    return protection(observed.guards, touched, observed.wall or observed.now)


def _deadline(observed: Observed) -> str:
    longest = observed.run.spec.template.limits.max_duration
    over = _is_over(observed, observed.run.status.deadline, START, longest)
    return f"the run took longer than limits.maxDuration {longest}" if over else ""


def _hold_over(observed: Observed) -> bool:
    status = observed.run.status
    hold = observed.run.spec.template.steps[status.step].hold
    return _is_over(observed, _present(status).hold_until, HOLD, hold)


def _is_over(observed: Observed, end: datetime | None, begun: str, lasts: str) -> bool:
    """Whether it is over by the clock, or by what was counted since it began."""
    counted = observed.counted.get(begun, 0.0)
    return end is not None and (observed.now >= end or counted >= seconds(lasts))


def _present(status: RunStatus) -> StepStatus:
    return status.steps[status.step]


def _pending(observed: Observed, wish: Desire) -> Step:
    """Start the clock of the run before anything is looked at."""
    if wish.kind == "Pause":
        return Wait(TICK_S)
    spec, now = observed.run.spec.template, observed.now
    steps = tuple(outcomes.step_status(step.name) for step in spec.steps)
    status = changed(
        observed.run.status,
        phase="Preflight",
        phase_since=now,
        started_at=now,
        deadline=now + timedelta(seconds=seconds(spec.limits.max_duration)),
        fault=outcomes.fault_names(spec, 0),
        steps=steps,
    )
    return Store(status, (Story("Started", f"Hypothesis: {spec.hypothesis}"),))


def _preflight(observed: Observed, _: Desire) -> Step:
    return _unless_deferred(observed, "preflight", Preflight())


def _baseline(observed: Observed, wish: Desire) -> Step:
    """Begin only on a system that is steady: recovery could not be told otherwise.

    Time in which nobody watched, because the operator was down, is no baseline: it begins again.
    """
    spec, status = observed.run.spec.template, observed.run.status
    begun = outcomes.since(status, status.phase_since)
    lasted = min(observed.offset - begun, observed.watched_seconds)
    wanted = seconds(spec.steady_state.baseline)
    if wish.kind == "Pause" or lasted < wanted:
        return Wait(min(TICK_S, max(0.1, wanted - lasted)) if wish.kind == "Run" else TICK_S)
    judged = judge_baseline(spec, observed.settled, begun)
    if judged.steady:
        story = Story("BaselineSteady", f"Steady for {short(lasted)}")
        return begin_step(observed, observed.status, 0, story)
    if judged.steady is None and lasted < patience(spec, 2 * wanted, spec.steady_state.sampled):
        return Wait(TICK_S)
    met = [f"{name} met {what}" for name, what in sorted(observed.troubles.items()) if what]
    message = "; ".join([judged.message, *met])
    return outcomes.stop(observed, "BaselineNotSteady", message)


def _injecting(observed: Observed, wish: Desire) -> Step:
    status = observed.run.status
    mine = _of_step(status, lambda _: True)
    if wish.kind == "Pause":
        return paused_midway(observed, mine) if mine else Wait(TICK_S)
    if not mine:
        return _unless_deferred(observed, "capture", Capture(status.step))
    waiting = [index for index in mine if status.journal[index].state == "Injecting"]
    ready = [index for index in waiting if deferred(observed, f"inject-{index}") <= 0]
    index = (ready or waiting)[0]
    return claimed(observed, index, OWN_CLAIM_S) or _unless_deferred(
        observed, f"inject-{index}", Inject(index)
    )


def _holding(observed: Observed, wish: Desire) -> Step:
    status = observed.run.status
    if wish.kind == "Undo":
        momentary = _present(status).momentary
        asked = _of_step(status, lambda entry: not momentary or entry.in_force_at is None)
        return Look(asked, last=True) if asked else outcomes.start_undo(observed, observed.status)
    unseen = _of_step(status, lambda entry: entry.in_force_at is None)
    if unseen:
        return _unless_deferred(observed, "look", Look(unseen))
    unhealthy = _unhealthy(status) if _present(status).momentary else ()
    if unhealthy and deferred(observed, "check") <= 0:
        return Check(unhealthy)
    until = _present(status).hold_until
    left = (until - observed.now).total_seconds() if until else 0.0
    return Wait(min(TICK_S, max(0.05, left)))


def _reverting(observed: Observed, _: Desire) -> Step:
    """Undo what is open, last in first out; one that is stuck does not keep the others waiting."""
    status = observed.run.status
    waits: list[float] = []
    for index in reversed(status.open_entries):
        entry = status.journal[index]
        wait = deferred(observed, f"undo-{index}")
        if wait > 0:
            waits.append(wait)
            continue
        uncertain = entry.state == "Injecting"  # another process may be about to inject it
        step = claimed(observed, index, math.inf) if uncertain else None
        if isinstance(step, Wait):
            waits.append(step.seconds)
            continue
        return step or Undo(index)
    return Wait(min([1.0, *waits])) if waits else outcomes.all_undone(observed)


def _recovering(observed: Observed, _: Desire) -> Step:
    spec, status = observed.run.spec.template, observed.run.status
    step, wanted = status.steps[status.step], spec.steps[status.step]
    if step.recovered_at is not None:
        return _auditing(observed)
    undone = outcomes.since(status, step.undone_at)
    unhealthy = _unhealthy(status)
    if unhealthy and deferred(observed, "check") <= 0:
        return Check(unhealthy)
    if not unhealthy and served_again(spec, observed.settled, undone):
        return _next_or_finish(observed, recovered=True)
    promised = seconds(wanted.recovery.within)
    if observed.offset - undone > patience(spec, promised, spec.steady_state.measured):
        return _next_or_finish(observed, recovered=False)
    return Wait(TICK_S)


def _unhealthy(status: RunStatus) -> tuple[int, ...]:
    """Return the entries of the step whose targets were not seen whole again."""
    return _of_step(status, lambda entry: entry.healthy_at is None)


def _of_step(status: RunStatus, which: Callable[[JournalEntry], bool]) -> tuple[int, ...]:
    """Return the entries of the present step of which something holds."""
    return tuple(
        index
        for index, entry in enumerate(status.journal)
        if entry.step == status.step and which(entry)
    )


def _next_or_finish(observed: Observed, *, recovered: bool) -> Step:
    """Close the step with its measures; the next one only follows a recovery."""
    spec, status = observed.run.spec.template, observed.status
    at = observed.now if recovered else None
    status = with_step(status, status.step, recovered_at=at)
    step = status.steps[status.step]
    measures = measure(spec, status, observed.settled, step)
    status = with_step(status, status.step, measures=measures)
    story = outcomes.recovery_story(step.name, measures, recovered=recovered)
    within = seconds(spec.steps[status.step].recovery.within)
    good = recovered and (measures.recovered_after or 0.0) <= within
    last = status.step + 1 == len(spec.steps)
    if good and last and spec.steady_state.ledgers:
        return Store(status, (story, Story("ComparingBooks", "Of the orders placed meanwhile")))
    if not good or last:
        return outcomes.finish(observed, status, story)
    return begin_step(observed, status, status.step + 1, story)


def _auditing(observed: Observed) -> Step:
    """Ask the ledger probes one by one, then close the run."""
    status = observed.run.status
    answered = {one.probe for one in status.books}
    for probe in observed.run.spec.template.steady_state.ledgers:
        if probe.name not in answered:
            return _unless_deferred(observed, "audit", Audit(probe.name))
    found = ", ".join(f"{one.probe} {one.outcome}" for one in status.books)
    return outcomes.finish(observed, observed.status, Story("BooksCompared", found))


def _unless_deferred(observed: Observed, key: str, step: Step) -> Step:
    wait = deferred(observed, key)
    return Wait(min(1.0, wait)) if wait > 0 else step


PHASES: Mapping[str, Callable[[Observed, Desire], Step]] = {
    "Pending": _pending,
    "Preflight": _preflight,
    "Baseline": _baseline,
    "Approving": approving,
    "Injecting": _injecting,
    "Holding": _holding,
    "Reverting": _reverting,
    "Recovering": _recovering,
}
