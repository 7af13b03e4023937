"""A run that was let in can store everything that it may come to."""

import json

from cloudcafe_operator.planning import outcomes
from cloudcafe_operator.planning.room import MOST_BYTES, SAMPLE, TROUBLE, lacking
from cloudcafe_operator.planning.samples import MOST_GAPS, MOST_SAMPLES, Sample, encode, gaps
from cloudcafe_operator.planning.steps import Observed
from cloudcafe_operator.resources.experiment import ExperimentSpec
from cloudcafe_operator.resources.run import (
    JournalEntry,
    Measures,
    Run,
    RunSpec,
    RunStatus,
    StepStatus,
    Stop,
    Target,
    Window,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.crash.engines import all_finished, drive
from tests.crash.worlds import World, experiment, experiment_spec
from tests.fakes import FakeClock

ETCD = 1_572_864
OVERHEAD = 20_000  # metadata, with managedFields
NOW = FakeClock().now()
WINDOW = Window(samples=20_000, failed_percent=99.9, p50_milliseconds=60_000, p99_milliseconds=1)


def run_of(probes, steps, status=None):
    spec = experiment_spec("podKill")
    spec["steadyState"]["probes"] = [
        {"name": f"{'p' * 36}-{n:02}", "http": {"url": "http://menu:8080/m"}} for n in range(probes)
    ]
    spec["steps"] = [{**spec["steps"][0], "name": f"{'s' * 36}-{n:02}"} for n in range(steps)]
    return Run(
        name="r",
        namespace="n",
        uid="u",
        resource_version="1",
        created_at=NOW,
        spec=RunSpec(
            experiment={"name": "e", "uid": "u", "generation": 1},
            template=ExperimentSpec.model_validate(spec),
        ),
        status=status or RunStatus(),
    )


def target(number):
    return Target(id=f"Pod/{'n' * 63}/{number:03}{'p' * 100}", name="p" * 100, uid="u" * 36)


def at_its_largest(run, targets, captured):
    """Return the status with every field as long as it can get."""
    entry = {
        "step": 19,
        "slot": 9,
        "fault": "securityGroupLockdown",
        "state": "Injecting",
        "claimed_by": "cloudcafe-operator-6f7c8d9b5-abcde-01234567",
        **dict.fromkeys(
            ("claimed_at", "injected_at", "in_force_at", "healthy_at", "undone_at"), NOW
        ),
        "trouble": "t" * TROUBLE,
        "detail": "somebody else's stress burns there now, and goes on",
    }
    journal = tuple(
        JournalEntry(target=one, captured=captured, injected=captured, **entry) for one in targets
    )
    measures = Measures(
        **dict.fromkeys(("in_force_after", "noticed_after", "recovered_after", "outage"), 7199.99),
        before=WINDOW,
        during=WINDOW,
        after=WINDOW,
        gaps=(f"7100.0s-7199.9s {'p' * 40}",) * MOST_GAPS,
    )
    moments = dict.fromkeys(("injected_at", "hold_until", "revert_at", "undone_at"), NOW)
    steps = [
        StepStatus(name=one.name, measures=measures, **moments) for one in run.spec.template.steps
    ]
    samples = {
        probe.name: [Sample(7199.99, "refused", 60_000)] * MOST_SAMPLES
        for probe in run.spec.template.steady_state.probes
    }
    probes = encode(samples, dict.fromkeys(samples, "w" * 200))
    stop = Stop(reason="TooLargeShare", message="m" * 40_000, at=NOW)
    return RunStatus(journal=journal, steps=steps, probes=probes, stop=stop, message="m" * 40_000)


@settings(max_examples=25, deadline=None)
@given(
    probes=st.integers(1, 10),
    steps=st.integers(1, 20),
    entries=st.integers(0, 500),
    captured=st.integers(0, 20_000),
)
def test_what_is_let_in_fits_into_etcd_whatever_becomes_of_it(probes, steps, entries, captured):
    run = run_of(probes, steps)
    targets = [target(n) for n in range(entries)]
    content = {"rules": "r" * captured}
    if lacking(run, [(one, content) for one in targets]):
        return
    manifest = {
        "spec": run.spec.manifest(),
        "status": at_its_largest(run, targets, content).manifest(),
    }
    size = len(json.dumps(manifest, separators=(",", ":")))
    assert size < MOST_BYTES
    assert size + OVERHEAD < ETCD


def test_what_the_limits_allow_of_pods_has_room():
    run = run_of(10, 20)
    captured = {"uid": "u" * 36, "workload": "Deployment order", "ready": 3}
    assert lacking(run, [(target(n), captured) for n in range(500)]) == ""


def test_what_is_held_already_counts():
    held = at_its_largest(run_of(1, 1), [target(n) for n in range(60)], {"rules": "r" * 10_000})
    run = run_of(1, 1, held)
    assert "narrow the selectors, or make it several" in lacking(run, [(target(99), {})])


async def test_a_run_without_room_is_refused_before_anything_is_touched(monkeypatch):
    monkeypatch.setattr("cloudcafe_operator.planning.room.MOST_BYTES", 10_000)
    world = World()
    world.kubernetes.seed(experiment("podKill"))
    await drive(world, until=all_finished)
    status = world.runs()[0]["status"]
    assert status["stop"]["reason"] == "TooManyInAll"
    assert "its object has room for 10 kB" in status["message"]
    assert world.injections()["podKill"] == 0


def test_the_longest_sample_is_as_long_as_is_reckoned_with():
    text = encode({"p": [Sample(7199.99, "refused", 60_000)] * 2})[0].samples
    assert len(text) + 1 == 2 * SAMPLE


def test_of_very_many_gaps_the_longest_are_told():
    moments, at = [], 0.0
    for number in range(100):
        at += 10 + number
        moments.append(Sample(at, "good", 1))
    told = gaps({"p": moments}, {"p": 1.0})
    assert len(told) == MOST_GAPS
    assert told[-1].endswith(f"{at:.1f}s")


def test_what_is_said_of_a_stuck_undo_is_bounded():
    entry = JournalEntry(
        step=0,
        slot=0,
        fault="podKill",
        target=target(1),
        state="Injected",
        claimed_by="me",
        claimed_at=NOW,
    )
    run = run_of(1, 1, RunStatus(journal=(entry,)))
    observed = Observed(run=run, now=NOW, identity="me")
    told = outcomes.troubled(observed, 0, "p" * 5000, "kubectl " + "x" * 100)
    (kept,) = told.status.journal
    assert len(kept.trouble) <= TROUBLE
    assert "by hand: kubectl" in kept.trouble
