"""Whether a stop condition of a run holds, or cannot be known any more. Pure; used by `run.py`.

An unknown stop condition is not a safe one: a run that nobody can stop is undone.
"""

from __future__ import annotations

from cloudcafe_operator.planning.measure import failing_for, unanswered_for
from cloudcafe_operator.planning.samples import interval_of
from cloudcafe_operator.planning.steps import Observed
from cloudcafe_operator.resources.duration import seconds, short
from cloudcafe_operator.resources.experiment import ExperimentSpec, StopWhen


def stop_condition(observed: Observed) -> str:
    """Say which stop condition ends the run; only while something may be in force."""
    if observed.run.status.phase not in ("Injecting", "Holding"):
        return ""
    spec = observed.run.spec.template
    for rule in spec.stop_when:
        samples = observed.samples.get(rule.probe, ())
        trouble = observed.troubles.get(rule.probe, "")
        met = f": {trouble}" if trouble else ""
        lasted = failing_for(samples, observed.sampled_until)
        if 0 < lasted >= seconds(rule.failing_for):  # 0s was allowed once
            return f"probe {rule.probe} had no good sample for {short(lasted)}" + met
        silent = unanswered_for(samples, observed.sampled_until, observed.watched_seconds)
        if silent >= _patience(spec, rule):
            return (
                f"probe {rule.probe} of stopWhen had no answer for {short(silent)}, and what is "
                "not known to be safe is undone" + met
            )
    return ""


def _patience(spec: ExperimentSpec, rule: StopWhen) -> float:
    """Return the seconds without any answer after which a stop condition counts as unknown.

    As long as it may fail, but never so short that a slow answer would look like none.
    """
    probe = next(one for one in spec.steady_state.sampled if one.name == rule.probe)
    slow = 2 * interval_of(probe, spec.limits.max_duration) + seconds(probe.timeout)
    return max(seconds(rule.failing_for), slow)
