"""The verdict of a run, and one sentence why. Pure.

Green is earned: the baseline was steady, the fault was seen in force while the probes were
asking, users were served again within the objective, and undo was read back. Whatever touched
nothing, or what nobody can tell from that, is Inconclusive.
"""

from __future__ import annotations

from dataclasses import dataclass

from cloudcafe_operator.planning.measure import unwatched
from cloudcafe_operator.planning.words import counted
from cloudcafe_operator.resources.duration import seconds, short
from cloudcafe_operator.resources.experiment import ExperimentSpec
from cloudcafe_operator.resources.run import JournalEntry, RunStatus, Verdict

ABORTS = (
    "Deleted", "Halted", "StopCondition", "ProtectedHours", "DeadlineExceeded", "NotApproved",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its sentence."""

    verdict: Verdict
    message: str


def judge(spec: ExperimentSpec, status: RunStatus) -> Judgement:
    """Judge a run whose journal is closed."""
    if status.stop:  # ended by somebody or something, or it could not begin
        aborted = status.stop.reason in ABORTS
        return Judgement("Aborted" if aborted else "Inconclusive", status.stop.message)
    return (
        _not_recovered(spec, status)
        or _unbalanced(status)
        or _in_doubt(status)
        or _lapsed(status)
        or _unwatched(spec, status)
        or _unproven(status)
        or _books_in_doubt(spec, status)
        or _passed(spec, status)
    )


def slowest(status: RunStatus) -> float | None:
    """Return the longest recovery of all steps, in seconds; None while one is not known."""
    known = [step.measures.recovered_after for step in status.steps if step.injected_at]
    times = [one for one in known if one is not None]
    return max(times) if times and len(times) == len(known) else None


def _not_recovered(spec: ExperimentSpec, status: RunStatus) -> Judgement | None:
    for wanted, step in zip(spec.steps, status.steps, strict=False):
        within = wanted.recovery.within
        took = step.measures.recovered_after
        if step.injected_at is None:
            return Judgement("Inconclusive", f"step {step.name} was never reached")
        if took is None or step.recovered_at is None:
            return Judgement(
                "Failed",
                f"step {step.name}: users were not served again, or targets not whole, "
                f"within {within}",
            )
        if took > seconds(within):
            return Judgement(
                "Failed",
                f"step {step.name}: users were served again after {short(took)}, "
                f"the objective was {within}",
            )
    return None


def _unbalanced(status: RunStatus) -> Judgement | None:
    """Users being served again is not enough: what they bought must stand in all books."""
    for one in status.books:
        if one.outcome == "Damaged":
            return Judgement(
                "Failed",
                f"users were served again, but the books of probe {one.probe} do not balance: "
                f"{counted(one.findings, 'finding')}, the first: {one.message}",
            )
        if one.outcome == "Pending":
            return Judgement(
                "Failed",
                f"users were served again, but the books of probe {one.probe} did not balance in "
                f"time: {one.message}",
            )
    return None


def _books_in_doubt(spec: ExperimentSpec, status: RunStatus) -> Judgement | None:
    answers = {one.probe: one for one in status.books}
    for probe in spec.steady_state.ledgers:
        answer = answers.get(probe.name)
        if answer is None:
            return Judgement("Inconclusive", f"probe {probe.name}: the books were not compared")
        if answer.outcome != "Balanced":
            return Judgement("Inconclusive", f"probe {probe.name}: {answer.message}")
    return None


def _in_doubt(status: RunStatus) -> Judgement | None:
    if not status.journal:
        return Judgement("Inconclusive", "nothing was touched")
    for entry in status.journal:
        if entry.in_force_at is None:
            return Judgement(
                "Inconclusive", f"{entry.fault} was never seen in force on {entry.target.name}"
            )
        if entry.forestalled_at is not None:
            return Judgement(
                "Inconclusive",
                f"{entry.target.name}: somebody else removed it first, or did to it what "
                f"{entry.fault} does",
            )
        if entry.state == "Diverged":
            return Judgement(
                "Inconclusive",
                f"{entry.target.name} was changed by somebody else meanwhile and their value was "
                f"kept: {entry.detail}",
            )
    return None


def _lapsed(status: RunStatus) -> Judgement | None:
    """What ended before its undo was not what recovery is counted from."""
    slots: dict[tuple[int, int], list[JournalEntry]] = {}
    for entry in status.journal:
        slots.setdefault((entry.step, entry.slot), []).append(entry)
    for entries in slots.values():
        if all(entry.lapsed_at is not None for entry in entries):
            return Judgement(
                "Inconclusive",
                f"{entries[0].fault} was not in force any more on {entries[0].target.name} when "
                "its hold ended: it ended by itself, or somebody else undid it",
            )
    return None


def _unwatched(spec: ExperimentSpec, status: RunStatus) -> Judgement | None:
    """That no probe noticed anything is only known where all of them were asking."""
    for step in status.steps:
        missing = unwatched(spec, status, step) if step.measures.noticed_after is None else ()
        if missing:
            said = "probe" if len(missing) == 1 else "probes"
            return Judgement(
                "Inconclusive",
                f"step {step.name}: nobody can say whether users noticed the fault: {said} "
                f"{', '.join(missing)} had too few answers while it was in force",
            )
    return None


def _unproven(status: RunStatus) -> Judgement | None:
    """What can be read of some faults is a wish: they count once somebody was hit."""
    for step in status.steps:
        if step.unproven and step.measures.noticed_after is None:
            said = f"step {step.name}: no probe noticed the fault, and {step.unproven}"
            return Judgement("Inconclusive", said)
    return None


def _passed(spec: ExperimentSpec, status: RunStatus) -> Judgement:
    took = short(slowest(status) or 0.0)
    within = max((step.recovery.within for step in spec.steps), key=seconds)
    if all(step.measures.noticed_after is None for step in status.steps):
        return Judgement("Passed", f"no probe noticed the fault; all was whole again after {took}")
    return Judgement("Passed", f"users were served again after {took}, the objective was {within}")
