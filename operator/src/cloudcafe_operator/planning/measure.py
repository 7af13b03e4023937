"""What users saw of a step, from the samples alone. Pure; seconds since the run's start.

Recovered means IN_A_ROW good samples of every probe, with no outage after them; what its tolerance
explains is none (`outage.py`). A sample that was under way when the fault began met the fault: it
belongs to what came after, not to what was before.

A way back, as a writer that gets its role back, disturbs users once more. Where all was well before
it began, the recovery that is measured is the one from the fault; what the way back did is in the
bad seconds and the orders, and must be over as well before the run is closed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cloudcafe_operator.planning.outage import IN_A_ROW, fewest, outage
from cloudcafe_operator.planning.samples import (
    Sample,
    Samples,
    decode,
    gaps,
    interval_of,
    intervals,
)
from cloudcafe_operator.resources.duration import seconds
from cloudcafe_operator.resources.experiment import ExperimentSpec, ExperimentStep
from cloudcafe_operator.resources.probe import Probe
from cloudcafe_operator.resources.run import JournalEntry, Measures, RunStatus, StepStatus, Window

SLACK_S = 5.0
FAIL_BACK = "failBack"  # in what a momentary fault captured: its undo is a way back


@dataclass(frozen=True, slots=True)
class Steadiness:
    """Whether a baseline can be trusted; `steady` None: too few samples yet."""

    steady: bool | None
    message: str = ""


def judge_baseline(spec: ExperimentSpec, samples: Samples, since: float) -> Steadiness:
    """Judge the samples begun since the baseline did."""
    for probe in spec.steady_state.measured:
        seen = [one for one in samples.get(probe.name, ()) if one.at >= since]
        if len(seen) < IN_A_ROW:
            return Steadiness(None, f"probe {probe.name} has {len(seen)} of {IN_A_ROW} samples")
        share = _failed_percent(seen)
        if share > probe.tolerance.failed_percent:
            return Steadiness(
                False,
                f"probe {probe.name} failed in {share:g}% of the baseline and its tolerance is "
                f"{probe.tolerance.failed_percent}%: repair the system first, nothing was touched",
            )
    guards = {rule.probe for rule in spec.stop_when} - {p.name for p in spec.steady_state.measured}
    for name in sorted(guards):
        last = [one for one in samples.get(name, ()) if one.at >= since][-1:]
        if not last:
            return Steadiness(None, f"probe {name} of stopWhen was not seen yet")
        if not last[0].good:
            return Steadiness(
                False, f"probe {name} of stopWhen is bad already: nothing was touched"
            )
    return Steadiness(True)


def served_again(spec: ExperimentSpec, samples: Samples, since: float) -> bool:
    """Whether every probe ended with enough good samples in a row, all begun after `since`."""
    for probe in spec.steady_state.measured:
        last = [one for one in samples.get(probe.name, ()) if one.at >= since][-IN_A_ROW:]
        if len(last) < IN_A_ROW or not all(one.good for one in last):
            return False
    return True


def patience(spec: ExperimentSpec, promised: float, probes: Sequence[Probe]) -> float:
    """Return for how many seconds a row of samples is waited for that was promised in so many.

    Each of these has IN_A_ROW of them by then, and what came a little late is measured and told.
    """
    longest = spec.limits.max_duration
    slowest = max(seconds(probe.timeout) for probe in probes)
    row = max(IN_A_ROW * interval_of(probe, longest) for probe in probes)
    return max(promised, row) + slowest + SLACK_S


def failing_for(samples: Sequence[Sample], now: float) -> float:
    """Return for how long there has been no good sample, counted from the first bad one."""
    bad_since: float | None = None
    for one in reversed(samples):
        if one.good:
            break
        bad_since = one.at
    return 0.0 if bad_since is None else now - bad_since


def unanswered_for(samples: Sequence[Sample], now: float, watched: float) -> float:
    """Return for how long whom a probe asks has said nothing, while somebody was asking.

    `watched` is for how long this process has asked: an operator that was down has no answers.
    """
    last = max((one.at for one in samples), default=-math.inf)
    return min(now - last, watched)


def measure(
    spec: ExperimentSpec, status: RunStatus, samples: Samples, step: StepStatus
) -> Measures:
    """Return a step's measures as far as they are known now."""
    begun = _offset(status, step.injected_at)
    if begun is None:
        return step.measures
    counted = {probe.name for probe in spec.steady_state.measured}
    samples = {name: found for name, found in samples.items() if name in counted}
    revert, undone = _offset(status, step.revert_at), _offset(status, step.undone_at)
    noticed, recovered = _outage(spec, samples, begun)
    end = recovered if recovered is not None else undone if noticed is None else None
    in_force = _wanted(spec, step).recovery.while_in_force
    by_then = _before_way_back(status, step, samples, in_force=in_force)
    if by_then and served_again(spec, by_then, begun):
        noticed, recovered = _outage(spec, by_then, begun)
    origin, whole = begun, _whole(status, step, begun)
    if not step.momentary and revert is not None:
        if in_force and noticed is not None:  # targets are whole after the undo, users before
            whole = None if whole is None else begun
        else:
            origin = revert
    orders = {probe.name for probe in spec.steady_state.probes if probe.order}
    bought = [s for name in orders for s in samples.get(name, ()) if s.ended > begun]
    everything = [one for found in samples.values() for one in found]
    bad = bad_seconds(samples, intervals(spec), begun)
    since = _last_recovery(status, begun)
    budget = spec.steady_state.objective.budget_seconds
    return Measures(
        in_force_after=_in_force_after(status, step, begun),
        noticed_after=_rounded(noticed, begun),
        recovered_after=_recovered_after(noticed, recovered, origin, whole),
        outage=None if noticed is None or recovered is None else round(recovered - noticed, 2),
        undone_after=None if revert is None else _rounded(undone, revert),
        bad_seconds=bad,
        budget_burnt_percent=round(100 * bad / budget, 3),
        orders_refused=sum(one.result == "refused" for one in bought),
        orders_delayed=sum(one.result == "delayed" for one in bought),
        before=window(one for one in everything if since <= one.at and one.ended <= begun),
        during=window(
            one for one in everything if one.ended > begun and one.at < (end or math.inf)
        ),
        after=window(one for one in everything if end is not None and one.at >= end),
        gaps=gaps(samples, intervals(spec)),
    )


def unwatched(spec: ExperimentSpec, status: RunStatus, step: StepStatus) -> tuple[str, ...]:
    """Return the measured probes that could not notice a step's fault, for want of samples.

    A probe watched if it began enough of them before the fault was over, and for half of its hold
    at least: who saw the first second of a minute cannot say that nobody noticed. What happened at
    once may be seen for as long as its targets are not whole, and until users were served again.
    """
    begun, over = _offset(status, step.injected_at), _offset(status, step.undone_at)
    if begun is None or over is None:
        return ()
    lasted = (_offset(status, step.revert_at) or over) - begun
    if step.momentary:
        lasted = max(lasted, (_whole(status, step, begun) or begun) - begun)
        over = max(over, _offset(status, step.recovered_at) or over)
    samples, every = decode(status.probes), intervals(spec)

    def watched(probe: Probe) -> bool:
        seen = sum(begun <= one.at < over for one in samples.get(probe.name, ()))
        enough = seen >= fewest(probe.tolerance.failed_percent)
        return enough and 2 * seen * every[probe.name] >= lasted

    return tuple(probe.name for probe in spec.steady_state.measured if not watched(probe))


def _outage(
    spec: ExperimentSpec, samples: Samples, begun: float
) -> tuple[float | None, float | None]:
    """Return when users noticed first, and when they were served again."""
    found = [
        outage(samples.get(probe.name, ()), begun, probe.tolerance.failed_percent)
        for probe in spec.steady_state.measured
    ]
    met = [one for one in found if one is not None]
    back = [one.recovered for one in met if one.recovered is not None]
    noticed = min((one.noticed for one in met), default=None)
    return noticed, max(back) if back and len(back) == len(met) else None


def _before_way_back(
    status: RunStatus, step: StepStatus, samples: Samples, *, in_force: bool
) -> Samples:
    """Return the samples that ended before a way back began, or an undo that is to help nobody.

    None where targets were not whole before a way back.
    """
    entries, revert = _entries(status, step), _offset(status, step.revert_at)
    if revert is None or not (in_force or step.momentary):
        return {}
    whole = _whole(status, step, 0.0)
    there = whole is not None and whole <= revert
    if not in_force and not (there and any(one.captured.get(FAIL_BACK) for one in entries)):
        return {}
    return {name: [one for one in found if one.ended <= revert] for name, found in samples.items()}


def _last_recovery(status: RunStatus, begun: float) -> float:
    """Return when the step before had recovered: what it broke is not how things were before."""
    ends = (_offset(status, step.recovered_at) for step in status.steps)
    return max((end for end in ends if end is not None and end <= begun), default=0.0)


def bad_seconds(samples: Samples, every: Mapping[str, float], since: float) -> float:
    """Return in how many seconds some probe was not served; two at once count once.

    A bad sample stands for the time until its probe's next one.
    """
    spans = sorted(
        (max(one.at, since), max(one.at, since) + every.get(name, 1.0))
        for name, found in samples.items()
        for one in found
        if one.ended > since and not one.good
    )
    total, until = 0.0, -math.inf
    for begin, end in spans:
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return round(total, 2)


def window(samples: Iterable[Sample]) -> Window:
    """Summarise; percentiles are of the good samples, nearest rank."""
    seen = list(samples)
    times = sorted(one.milliseconds for one in seen if one.good)
    return Window(
        samples=len(seen),
        failed_percent=_failed_percent(seen),
        p50_milliseconds=_percentile(times, 50),
        p99_milliseconds=_percentile(times, 99),
    )


def _recovered_after(
    noticed: float | None, recovered: float | None, origin: float, whole: float | None
) -> float | None:
    """Recovered is when users are served again and the targets are whole again, both."""
    if whole is None or (noticed is not None and recovered is None):
        return None
    return round(max(0.0, whole - origin, (recovered or 0.0) - origin), 2)


def _whole(status: RunStatus, step: StepStatus, begun: float) -> float | None:
    """Return when the last of the step's targets was seen whole again; None while one was not."""
    seen = [_offset(status, entry.healthy_at) for entry in _entries(status, step)]
    known = [moment for moment in seen if moment is not None]
    return max([begun, *known]) if len(known) == len(seen) else None


def _wanted(spec: ExperimentSpec, step: StepStatus) -> ExperimentStep:
    return next(one for one in spec.steps if one.name == step.name)


def _entries(status: RunStatus, step: StepStatus) -> list[JournalEntry]:
    names = [one.name for one in status.steps]
    return [entry for entry in status.journal if names[entry.step] == step.name]


def _in_force_after(status: RunStatus, step: StepStatus, begun: float) -> float | None:
    seen = [_offset(status, entry.in_force_at) for entry in _entries(status, step)]
    known = [moment for moment in seen if moment is not None]
    return _rounded(max(known), begun) if known and len(known) == len(seen) else None


def _offset(status: RunStatus, moment: datetime | None) -> float | None:
    if moment is None or status.started_at is None:
        return None
    return (moment - status.started_at).total_seconds()


def _rounded(moment: float | None, origin: float) -> float | None:
    return None if moment is None else round(max(0.0, moment - origin), 2)


def _failed_percent(samples: Sequence[Sample]) -> float:
    bad = sum(not one.good for one in samples)
    return round(100 * bad / len(samples), 1) if samples else 0.0


def _percentile(ordered: Sequence[int], percent: int) -> int | None:
    if not ordered:
        return None
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
