"""That nobody noticed is a finding only where somebody was asking while the fault was in force."""

from datetime import UTC, datetime, timedelta

import pytest
from cloudcafe_operator.faults.registry import faults
from cloudcafe_operator.planning.measure import unwatched
from cloudcafe_operator.planning.samples import Sample, encode, gaps
from cloudcafe_operator.resources.experiment import ExperimentSpec
from cloudcafe_operator.resources.run import JournalEntry, RunStatus, StepStatus, Target
from hypothesis import given
from hypothesis import strategies as st

from tests.crash.engines import Engine, all_finished, drive
from tests.crash.worlds import World, experiment, experiment_spec
from tests.fakes.prometheus import FakePrometheus, vector

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
PROMETHEUS = "prometheus.cloudcafe:9090"
QUERY = {"url": f"http://{PROMETHEUS}/", "query": "up", "below": 0.5}
SLO = {"name": "slo", "every": "1s", "timeout": "2s", "prometheus": QUERY}
ALARM = {"name": "slo", "cloudwatch": {"alarm": "orders-fail"}}


def status(world):
    return (world.runs() or [{}])[0].get("status", {})


def watched_by(probe, hold):
    world, item = World(), experiment("dynamodbThrottle")
    item["spec"]["steadyState"] = {"baseline": "20s", "probes": [probe]}
    item["spec"]["steps"][0]["hold"] = hold
    world.kubernetes.seed(item)
    return world


async def test_a_monitor_that_is_silent_while_the_fault_is_in_force_gives_no_green():
    world, answers = watched_by(SLO, "30s"), FakePrometheus(vector("0.1"))

    def over(world):
        silent = status(world).get("phase") in ("Injecting", "Holding")
        if silent:
            world.http.unmount(PROMETHEUS)
        else:
            world.http.mount(PROMETHEUS, answers)
        return all_finished(world)

    world.http.mount(PROMETHEUS, answers)
    await drive(world, until=over)
    found = status(world)
    assert found["verdict"] == "Inconclusive"
    assert "probe slo had too few answers while it was in force" in found["message"]
    assert found["steps"][0]["measures"]["gaps"]


async def test_an_alarm_whose_metric_died_with_the_cafe_gives_no_green():
    world = watched_by(ALARM, "60s")

    def alarms(**_):
        dead = world.table.units["WriteCapacityUnits"] < 100
        return {"MetricAlarms": [{"StateValue": "INSUFFICIENT_DATA" if dead else "OK"}]}

    world.aws.on("cloudwatch", "describe_alarms", alarms)
    await drive(world, until=all_finished)
    assert status(world)["verdict"] == "Inconclusive"


@pytest.mark.parametrize("fault", ["dynamodbThrottle", "podKill"])
async def test_an_operator_that_was_away_while_it_happened_gives_no_green(fault):
    world, item = World(), experiment(fault)
    del item["spec"]["steadyState"]["probes"][1]  # whose first answer would be a bad one
    world.kubernetes.seed(item)
    engine = Engine(world)
    await engine.tick()
    while not any(entry.get("inForceAt") for entry in status(world).get("journal", [])):
        world.clock.advance(1.0)
        await engine.tick()
    engine.bury()
    world.clock.advance(60.0)
    await drive(world, until=all_finished)
    assert status(world)["verdict"] == "Inconclusive"
    assert "nobody can say whether users noticed" in status(world)["message"]


@pytest.mark.parametrize(
    ("fault", "hold"),
    [(name, hold) for name in sorted(faults()) for hold in ("1s", "2s", "4s")]
    + [(name, "0s") for name, fault in sorted(faults().items()) if fault.momentary],
)
async def test_an_honest_run_of_a_fault_is_not_in_doubt_however_short_its_hold(fault, hold):
    world, item = World(), experiment(fault)
    item["spec"]["steps"][0]["hold"] = hold
    world.kubernetes.seed(item)
    await drive(world, until=all_finished)
    found = status(world)
    assert "nobody can say" not in found["message"]
    proves_nothing = faults()[fault].unproven and not found["steps"][0]["measures"].get(
        "noticedAfter"
    )
    assert found["verdict"] == ("Inconclusive" if proves_nothing else "Passed"), found["message"]


def entry(whole):
    return JournalEntry(
        step=0, slot=0, fault="podKill", target=Target(id="Pod/shop/p", name="p"),
        state="Reverted", claimed_by="me", claimed_at=START, in_force_at=START,
        healthy_at=START + timedelta(seconds=whole),
    )  # fmt: skip


def run_of(samples, *, held, undo, whole, momentary):
    injected = 10.0
    at = {
        "injected_at": injected,
        "revert_at": injected + held,
        "undone_at": injected + held + undo,
        "recovered_at": injected + max(held + undo, whole) + 3,
    }
    step = StepStatus(
        name="break",
        momentary=momentary,
        **{name: START + timedelta(seconds=moment) for name, moment in at.items()},
    )
    probes = encode({"menu": samples, "coffee": samples})
    journal = (entry(injected + whole),)
    return RunStatus(started_at=START, steps=(step,), journal=journal, probes=probes), step


COURSES = st.fixed_dictionaries(
    {
        "held": st.floats(0.0, 60.0),
        "undo": st.floats(0.1, 5.0),
        "whole": st.floats(0.0, 60.0),
        "momentary": st.booleans(),
    }
)
SILENCES = st.none() | st.tuples(st.floats(0.0, 100.0), st.floats(0.0, 60.0))


def beats(every, phase, silence):
    """Return good samples at a steady pace; none began in the silence."""
    begin, lasted = silence or (0.0, 0.0)
    moments = (phase % every + n * every for n in range(int(200 / every)))
    return [Sample(round(at, 2), "good", 5) for at in moments if not begin <= at < begin + lasted]


@given(every=st.integers(1, 8), phase=st.floats(0.0, 8.0), course=COURSES, silence=SILENCES)
def test_who_kept_its_beat_watched_and_who_had_no_answer_did_not(every, phase, course, silence):
    spec = experiment_spec("podKill")
    for probe in spec["steadyState"]["probes"]:
        probe["every"] = f"{every}s"
    samples = beats(every, phase, silence)
    status, step = run_of(samples, **course)
    missing = unwatched(ExperimentSpec.model_validate(spec), status, step)
    begun, over = (status_of(step, name) for name in ("injected_at", "undone_at"))
    if course["momentary"]:
        over = status_of(step, "recovered_at")
    if not any(begun <= one.at < over for one in samples):
        assert missing == ("menu", "coffee")
    elif silence is None:
        assert missing == ()


def status_of(step, name):
    return (getattr(step, name) - START).total_seconds()


def row(text):
    return [Sample(float(at), "good", 5) for at, mark in enumerate(text) if mark == "+"]


def test_a_gap_of_one_probe_is_told_by_its_name_and_one_of_all_once():
    every = {"menu": 1.0, "slo": 1.0}
    away = {"menu": row("+++     ++++"), "slo": row("+++     ++++")}
    assert gaps(away, every) == ("2.0s-8.0s",)
    silent = {"menu": row("++++++++++++"), "slo": row("+++     ++++")}
    assert gaps(silent, every) == ("2.0s-8.0s slo",)
    assert gaps({"menu": row("++++++++++++"), "slo": row("+++")}, every) == ("2.0s-11.0s slo",)
    assert gaps({"menu": row("++++++++++++"), "slo": []}, every) == ("0.0s-11.0s slo",)
