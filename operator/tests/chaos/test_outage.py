"""What is an outage, and what a probe's tolerance explains."""

from datetime import UTC, datetime, timedelta

import pytest
from cloudcafe_operator.planning.measure import measure, unwatched
from cloudcafe_operator.planning.outage import IN_A_ROW, LONGEST, fewest, least, outage
from cloudcafe_operator.planning.samples import Sample, encode
from cloudcafe_operator.resources.experiment import ExperimentSpec
from cloudcafe_operator.resources.run import RunStatus, StepStatus
from hypothesis import given
from hypothesis import strategies as st

from tests.crash.engines import all_finished, drive
from tests.crash.worlds import World, experiment, experiment_spec

MARKS = st.text(alphabet="+-~", max_size=60)
TOLERANCES = st.integers(1, 50)
START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def row(text):
    """Return one sample a second: + good, - refused, ~ delayed."""
    marks = {"+": "good", "-": "refused", "~": "delayed"}
    return tuple(Sample(float(at), marks[mark], 10) for at, mark in enumerate(text))


@given(MARKS, st.integers(0, 20))
def test_where_nothing_is_tolerated_the_first_bad_sample_is_the_outage(marks, since):
    found = outage(row(marks), since, 0)
    bad = [at for at, mark in enumerate(marks) if mark != "+" and at + 0.01 > since]
    if not bad:
        assert found is None
        return
    well = len(marks) - 1 - bad[-1]
    back = float(bad[-1] + 1) if well >= IN_A_ROW else None
    assert (found.noticed, found.recovered) == (max(bad[0], since), back)


@given(TOLERANCES, st.integers(0, 100), st.integers(1, 2000))
def test_what_fails_evenly_within_the_tolerance_is_no_outage(percent, phase, length):
    period = -(-100 // percent)
    marks = "".join("-" if (at + phase) % period == 0 else "+" for at in range(length))
    assert outage(row(marks), 0.0, percent) is None


@given(TOLERANCES, st.integers(0, 600), st.integers(0, 20))
def test_a_short_outage_in_a_long_hold_is_noticed_and_over_though_some_failures_go_on(
    percent, begin, more
):
    period = 2 * -(-100 // percent)
    lasted = fewest(percent) + more
    marks = [
        "-" if begin <= at < begin + lasted or (at + period // 2) % period == 0 else "+"
        for at in range(begin + lasted + 400)
    ]
    found = outage(row("".join(marks)), 0.0, percent)
    assert begin - period <= found.noticed <= begin + lasted - fewest(percent)
    assert begin + lasted <= found.recovered <= begin + lasted + 2 * IN_A_ROW + 1


@given(MARKS, st.integers(0, 100))
def test_more_tolerance_never_makes_an_outage_longer(marks, percent):
    strict, mild = outage(row(marks), 0.0, 0), outage(row(marks), 0.0, percent)
    if mild is None:
        return
    assert strict.noticed <= mild.noticed
    assert strict.recovered is None or mild.recovered <= strict.recovered


def test_half_of_all_failing_is_an_outage_where_a_fifth_is_tolerated():
    assert outage(row("+-" * 40), 0.0, 20) is not None
    assert outage(row("+++-" * 20), 0.0, 20) is None


@given(st.integers(1, LONGEST), st.integers(0, 99))
def test_more_bad_samples_are_needed_of_more_and_where_more_is_tolerated(length, percent):
    assert least(length, percent) <= least(length + 1, percent)
    assert least(length, percent) <= least(length, percent + 1)


def test_it_is_as_the_documentation_says():
    rows = {percent: fewest(percent) for percent in (0, 1, 5, 10, 20, 50)}
    assert rows == {0: 1, 1: 2, 5: 3, 10: 3, 20: 5, 50: 10}
    assert least(20, 20) == 11


def tolerant(percent):
    spec = experiment_spec("podKill")
    for probe in spec["steadyState"]["probes"]:
        probe["tolerance"] = {"failedPercent": percent}
    return ExperimentSpec.model_validate(spec)


def run_of(**moments):
    at = {name: START + timedelta(seconds=second) for name, second in moments.items()}
    step = StepStatus(name="break", momentary=True, **at)
    return RunStatus(started_at=START, steps=(step,)), step


def test_a_steps_measures_are_of_the_outage_and_its_bad_seconds_of_all():
    status, step = run_of(injected_at=5, revert_at=25, undone_at=25, recovered_at=31)
    samples = {"coffee": row("+++++++-++------++-+++++-++++++"), "menu": row("+" * 31)}
    found = measure(tolerant(20), status, samples, step)
    assert (found.noticed_after, found.recovered_after, found.outage) == (5, 14, 9)
    assert found.bad_seconds == 9


def test_who_is_too_tolerant_to_notice_in_so_short_a_time_did_not_watch():
    status, step = run_of(injected_at=5, revert_at=9, undone_at=9, recovered_at=12)
    seen = {"menu": row("+" * 12), "coffee": row("+" * 12)}  # seven of each after the injection
    status = status.model_copy(update={"probes": encode(seen)})
    assert unwatched(tolerant(20), status, step) == ()
    assert unwatched(tolerant(50), status, step) == ("menu", "coffee")


@pytest.mark.parametrize("noise", [False, True])
@pytest.mark.parametrize("fault", ["podPartition", "podKill"])
async def test_a_probe_that_fails_now_and_then_decides_no_verdict(fault, noise):
    world, item, asked = World(), experiment(fault), []
    menu = {**item["spec"]["steadyState"]["probes"][0], "tolerance": {"failedPercent": 20}}
    item["spec"]["steadyState"] = {"baseline": "20s", "probes": [menu]}
    item["spec"]["steps"][0] |= {"hold": "40s", "recovery": {"within": "30s"}}
    world.kubernetes.seed(item)

    def answer(*_):
        asked.append(1)
        return (503, {}) if noise and len(asked) % 10 == 5 else (200, {})

    world.http.mount("menu:8080", answer)
    await drive(world, until=all_finished, ticks=200)
    status = world.runs()[0]["status"]
    assert "noticedAfter" not in status["steps"][0]["measures"]
    assert status["verdict"] == {"podPartition": "Inconclusive", "podKill": "Passed"}[fault]
    assert status["steps"][0]["measures"]["recoveredAfter"] <= 2
