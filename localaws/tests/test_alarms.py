"""In which state an alarm is, from the figures of its periods."""

from __future__ import annotations

import pytest
from localaws.alarms import Rule, judge

ABOVE = "GreaterThanThreshold"


def state(values, *, was="OK", comparison=ABOVE, datapoints=1, missing="missing"):
    return judge(Rule(comparison, 2.0, datapoints, missing), values, was)[0]


@pytest.mark.parametrize(
    ("comparison", "breaching", "well"),
    [
        (ABOVE, 3, 2),
        ("GreaterThanOrEqualToThreshold", 2, 1),
        ("LessThanThreshold", 1, 2),
        ("LessThanOrEqualToThreshold", 2, 3),
    ],
)
def test_a_figure_breaches_as_its_comparison_says(comparison, breaching, well):
    assert state([breaching], comparison=comparison) == "ALARM"
    assert state([well], was="ALARM", comparison=comparison) == "OK"


def test_so_many_of_the_periods_must_breach_as_the_alarm_asks():
    assert state([3, 1, 3], datapoints=2) == "ALARM"
    assert state([3, 1, 1], datapoints=2) == "OK"


@pytest.mark.parametrize(
    ("missing", "silent", "partly"),
    [
        ("missing", "INSUFFICIENT_DATA", "ALARM"),  # judged by the one figure that there is
        ("notBreaching", "OK", "OK"),
        ("breaching", "ALARM", "ALARM"),
        ("ignore", "as it was", "as it was"),
    ],
)
def test_a_period_without_a_figure_counts_as_the_alarm_treats_it(missing, silent, partly):
    assert state([None, None], was="as it was", datapoints=2, missing=missing) == silent
    assert state([3, None], was="as it was", datapoints=2, missing=missing) == partly


def test_an_alarm_on_an_anomaly_stays_as_it_is():
    assert state([9], was="OK", comparison="GreaterThanUpperThreshold") == "OK"


def test_the_reason_names_the_figures_and_the_threshold():
    assert judge(Rule(ABOVE, 2.0), [3.5], "OK")[1] == (
        "Threshold Crossed: 3.5 GreaterThanThreshold 2"
    )
