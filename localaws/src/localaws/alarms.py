"""When a metric alarm is in ALARM, as CloudWatch judges it. Pure.

`emulators/monitoring.py` judges ministack's alarms by it. Source: "Configuring how CloudWatch
alarms treat missing data" of the user guide. Periods end now instead of on the minute, so that a
fault of seconds is seen in seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

OK, ALARM, UNKNOWN = "OK", "ALARM", "INSUFFICIENT_DATA"
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}
SILENCE = {"missing": UNKNOWN, "breaching": ALARM, "notBreaching": OK}
"""The state where nothing at all was measured; `ignore` keeps the one that was."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What an alarm compares, in how many of its periods, and what one without a figure means."""

    comparison: str
    threshold: float
    datapoints: int = 1
    missing: str = "missing"


def judge(rule: Rule, values: Sequence[float | None], state: str) -> tuple[str, str]:
    """Return the alarm's state and the reason.

    `values` are those of its periods, None where nothing was measured; `state` is the one it is in,
    and stays where the comparison is not known here (of anomaly bands).
    """
    breaches = COMPARISONS.get(rule.comparison)
    if breaches is None:
        return state, f"the embedded AWS does not judge {rule.comparison}"
    known = [value for value in values if value is not None]
    if not known:
        return SILENCE.get(rule.missing, state), "Insufficient Data: nothing was measured"
    if rule.missing == "ignore" and len(known) < rule.datapoints:
        return state, "Insufficient Data: too little was measured"
    breaching = [value for value in known if breaches(value, rule.threshold)]
    silent = len(values) - len(known) if rule.missing == "breaching" else 0
    # with "missing" the alarm goes by what there is
    needed = min(rule.datapoints, len(known)) if rule.missing == "missing" else rule.datapoints
    found = ALARM if len(breaching) + silent >= needed else OK
    said = ", ".join(f"{value:g}" for value in breaching or known)
    crossed = "Threshold Crossed" if found == ALARM else "Threshold not crossed"
    return found, f"{crossed}: {said} {rule.comparison} {rule.threshold:g}"
