"""The pure parts of the engine: who decides, who is hit, what was measured, what it means."""

from datetime import UTC, datetime, timedelta

import pytest
from cloudcafe_operator.planning.measure import (
    bad_seconds,
    failing_for,
    judge_baseline,
    measure,
    served_again,
)
from cloudcafe_operator.planning.precedence import Facts, desired
from cloudcafe_operator.planning.samples import Sample, decode, encode, gaps, interval
from cloudcafe_operator.planning.selection import choose, how_many
from cloudcafe_operator.planning.verdict import judge
from cloudcafe_operator.resources.duration import seconds, short
from cloudcafe_operator.resources.experiment import ExperimentSpec, FaultEntry
from cloudcafe_operator.resources.run import JournalEntry, RunStatus, StepStatus, Stop, Target
from hypothesis import given
from hypothesis import strategies as st

from tests.crash.worlds import experiment_spec

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
SPEC = ExperimentSpec.model_validate(experiment_spec("podKill"))
TEXTS = st.sampled_from(["", "because"])
COUNTED = st.sampled_from(["fixed", "fixedPercent", "randomMaxPercent"])


@given(
    st.builds(
        Facts,
        deleted=TEXTS,
        halted=TEXTS,
        stop=TEXTS,
        deadline=TEXTS,
        hold_over=st.booleans(),
        paused=st.booleans(),
    )
)
def test_the_first_who_has_a_say_decides(facts):
    order = [
        (facts.deleted, ("Abort", "Deleted")),
        (facts.halted, ("Abort", "Halted")),
        (facts.stop, ("Abort", "StopCondition")),
        (facts.deadline, ("Abort", "DeadlineExceeded")),
        (facts.hold_over, ("Undo", "")),
        (facts.paused, ("Pause", "")),
        (True, ("Run", "")),
    ]
    expected = next(wish for speaks, wish in order if speaks)
    wish = desired(facts)
    assert (wish.kind, wish.reason) == expected


def targets(number):
    return [Target(id=f"Pod/shop/p{n}", name=f"p{n}") for n in range(number)]


def entry(mode, value=None):
    return FaultEntry.model_validate({"mode": mode, "value": value, "podKill": {}})


@given(st.integers(0, 40), COUNTED, st.integers(1, 100), st.text(max_size=5))
def test_never_hits_more_than_asked_and_something_where_anything_matches(n, mode, value, seed):
    chosen = choose(targets(n), entry(mode, value), seed)
    most = value if mode == "fixed" else max(1, n * value // 100)
    assert min(n, 1) <= len(chosen) <= min(n, most)
    assert choose(list(reversed(targets(n))), entry(mode, value), seed) == chosen


def test_a_new_bystander_does_not_change_who_is_hit_unless_it_is_hit_itself():
    before = choose(targets(10), entry("fixed", 3), "seed")
    after = choose(targets(11), entry("fixed", 3), "seed")
    assert len(set(before) & set(after)) >= 2


def test_modes_count_as_they_say():
    assert how_many(10, entry("one"), "s") == 1
    assert how_many(10, entry("all"), "s") == 10
    assert how_many(10, entry("fixedPercent", 30), "s") == 3
    assert how_many(3, entry("fixedPercent", 10), "s") == 1
    assert how_many(0, entry("fixedPercent", 10), "s") == 0


@pytest.mark.parametrize(
    ("text", "value"), [("30s", 30), ("5m", 300), ("1h30m", 5400), ("2h", 7200)]
)
def test_durations_are_read(text, value):
    assert seconds(text) == value


def test_durations_are_told_shortly():
    assert [short(value) for value in (0.44, 7, 59.96, 190, 3900)] == [
        "0.4s",
        "7s",
        "60s",
        "3m10s",
        "1h5m",
    ]


SAMPLES = st.lists(
    st.builds(
        Sample,
        at=st.integers(0, 720_000).map(lambda n: n / 100),
        result=st.sampled_from(["good", "refused", "delayed"]),
        milliseconds=st.integers(0, 60_000),
    ),
    max_size=30,
)


@given(st.dictionaries(st.sampled_from(["a", "b"]), SAMPLES, max_size=2))
def test_samples_survive_storing(samples):
    assert decode(encode(samples)) == {n: tuple(sorted(s)) for n, s in samples.items()}


def test_a_long_run_is_sampled_less_often_so_that_its_size_is_bounded():
    assert interval("1s", "10m") == 1
    assert interval("1s", "2h") == 4
    assert interval("5s", "10m") == 5


def row(text, begin=0.0):
    """Return one sample a second: + good, - refused, ~ delayed, a blank is none."""
    marks = {"+": "good", "-": "refused", "~": "delayed"}
    return tuple(Sample(begin + at, marks[mark], 10) for at, mark in enumerate(text) if mark != " ")


def test_a_gap_is_shown():
    assert gaps({"menu": row("+++     +++")}, {"menu": 1.0}) == ("2.0s-8.0s",)


def step_at(injected=5, revert=9, undone=10, *, momentary):
    return StepStatus(
        name="break",
        momentary=momentary,
        injected_at=START + timedelta(seconds=injected),
        revert_at=START + timedelta(seconds=revert),
        undone_at=START + timedelta(seconds=undone),
        recovered_at=START + timedelta(seconds=20),
    )


def status_of(step, **fields):
    return RunStatus(started_at=START, steps=(step,), **fields)


def test_recovery_counts_from_the_injection_where_the_fault_happens_at_once():
    step = step_at(momentary=True)
    coffee = {"coffee": row("++++++--~++++++++"), "menu": row("+" * 17)}
    measured = measure(SPEC, status_of(step), coffee, step)
    assert measured.noticed_after == 1
    assert measured.recovered_after == 4
    assert measured.outage == 3
    assert (measured.orders_refused, measured.orders_delayed) == (2, 1)
    assert measured.before.failed_percent == 0
    assert measured.during.failed_percent > 0
    assert measured.after.failed_percent == 0


def test_recovery_counts_from_the_undo_where_the_fault_lasts():
    step = step_at(momentary=False)
    measured = measure(SPEC, status_of(step), {"coffee": row("++++++------+++")}, step)
    assert measured.recovered_after == 3  # served from second 12, undone from second 9
    assert measured.undone_after == 1


@pytest.mark.parametrize(
    ("coffee", "whole", "found"),
    [
        ("++++++--++++--++++", 8, (1, 3, 2, 4)),  # the way back's outage is another
        ("++++++--++++--++--", 8, (1, 3, 2, 6)),  # also while it lasts: the run is not closed then
        ("++++++++++++--++++", 8, (None, 3, None, 2)),
        ("++++++----++--++++", 8, (1, 9, 8, 6)),  # two good samples were no recovery
        ("++++++--++++--++++", 14, (1, 9, 8, 4)),  # targets were not whole before
    ],
)
def test_a_way_back_is_no_part_of_a_recovery_that_was_complete(coffee, whole, found):
    step = step_at(revert=12, undone=15, momentary=True)
    entry = journal(captured={"failBack": True}, healthy_at=START + timedelta(seconds=whole))
    samples = {"coffee": row(coffee), "menu": row("+" * 18)}
    measured = measure(SPEC, status_of(step, journal=(entry,)), samples, step)
    numbers = (measured.noticed_after, measured.recovered_after, measured.outage)
    assert (*numbers, measured.bad_seconds) == found


def test_a_relapse_after_the_hold_counts_where_nothing_was_taken_back():
    step = step_at(revert=12, undone=12, momentary=True)
    entry = journal(healthy_at=START + timedelta(seconds=8))
    samples = {"coffee": row("++++++--++++--++++"), "menu": row("+" * 18)}
    measured = measure(SPEC, status_of(step, journal=(entry,)), samples, step)
    assert (measured.recovered_after, measured.outage) == (9, 8)


def test_a_sample_under_way_when_the_fault_began_met_the_fault():
    step = step_at(momentary=True)
    straddling = Sample(4.9, "delayed", 5200)
    samples = {"coffee": (*row("+++++"), straddling, *row("---+++++++", begin=6))}
    measured = measure(SPEC, status_of(step), samples, step)
    assert measured.noticed_after == 0
    assert measured.before.failed_percent == 0
    assert (measured.orders_refused, measured.orders_delayed) == (3, 1)
    assert measured.bad_seconds == 4


def test_what_the_step_before_broke_is_not_how_things_were_before():
    first = step_at(injected=2, revert=4, undone=4, momentary=False)
    first = first.model_copy(update={"recovered_at": START + timedelta(seconds=8)})
    second = step_at(injected=12, revert=16, undone=16, momentary=False)
    status = RunStatus(started_at=START, steps=(first, second))
    measured = measure(SPEC, status, {"coffee": row("+++---+++++++--+++++")}, second)
    assert measured.before.samples == 4
    assert measured.before.failed_percent == 0


def test_two_good_samples_are_no_recovery():
    step = step_at(momentary=True)
    measured = measure(SPEC, status_of(step), {"coffee": row("++++++---++")}, step)
    assert measured.recovered_after is None
    assert not served_again(SPEC, {"coffee": row("++"), "menu": row("++++")}, 0)


def test_a_baseline_says_which_probe_is_not_steady():
    judged = judge_baseline(SPEC, {"coffee": row("++-+"), "menu": row("++++")}, 0)
    assert judged.steady is False
    assert "probe coffee failed in 25%" in judged.message
    assert judge_baseline(SPEC, {"coffee": row("++"), "menu": row("++")}, 0).steady is None


def test_failing_counts_from_the_first_bad_sample_after_the_last_good_one():
    assert failing_for(row("++---"), 7) == 5
    assert failing_for(row("---+"), 7) == 0


def journal(**fields):
    values = {"state": "Reverted", "in_force_at": START} | fields
    return JournalEntry(
        step=0,
        slot=0,
        fault="podKill",
        target=Target(id="Pod/shop/p", name="p"),
        claimed_by="me",
        claimed_at=START,
        **values,
    )


def judged(*entries, recovered_after=4.0, recovered=True, **fields):
    measures = StepStatus(name="x").measures.model_copy(
        update={"recovered_after": recovered_after, "noticed_after": 1.0}
    )
    step = step_at(momentary=True).model_copy(
        update={"measures": measures, "recovered_at": START if recovered else None}
    )
    return judge(SPEC, status_of(step, journal=entries, **fields))


def test_green_is_earned():
    assert judged(journal()).verdict == "Passed"


@pytest.mark.parametrize(
    ("verdict", "because", "made"),
    [
        ("Inconclusive", "nothing was touched", judged),
        ("Inconclusive", "never seen in force", lambda: judged(journal(in_force_at=None))),
        ("Inconclusive", "changed by somebody", lambda: judged(journal(state="Diverged"))),
        ("Failed", "after 1m30s, the objective", lambda: judged(journal(), recovered_after=90.0)),
        ("Failed", "not served again", lambda: judged(journal(), recovered=False)),
        ("Aborted", "the lever", lambda: judged(journal(), stop=stop("Halted", "the lever"))),
        ("Inconclusive", "none", lambda: judged(journal(), stop=stop("NoTargets", "none"))),
    ],
)
def test_every_other_verdict_says_why(verdict, because, made):
    found = made()
    assert found.verdict == verdict
    assert because in found.message


def stop(reason, message):
    return Stop(reason=reason, message=message, at=START)


def test_seconds_in_which_two_probes_were_bad_count_once():
    samples = {"a": row("+--+"), "b": row("+-+-")}
    assert bad_seconds(samples, {"a": 1.0, "b": 1.0}, 0.0) == 3.0
    assert bad_seconds(samples, {"a": 1.0, "b": 5.0}, 0.0) == 7.0
    assert bad_seconds(samples, {"a": 1.0, "b": 1.0}, 3.0) == 1.0
    assert bad_seconds({"a": row("+++")}, {"a": 1.0}, 0.0) == 0.0


def test_the_error_budget_is_what_the_objective_leaves():
    status = status_of(step_at(injected=2, momentary=True))
    found = measure(SPEC, status, {"menu": row("++----++++")}, status.steps[0])
    assert (found.bad_seconds, found.budget_burnt_percent) == (4.0, 0.154)  # of 43.2 minutes


@given(st.lists(st.sampled_from("+-"), max_size=40))
def test_bad_seconds_are_never_more_than_the_time_itself(marks):
    samples = {"a": row("".join(marks)), "b": row("".join(reversed(marks)))}
    found = bad_seconds(samples, {"a": 1.0, "b": 1.0}, 0.0)
    assert marks.count("-") <= found <= len(marks)
