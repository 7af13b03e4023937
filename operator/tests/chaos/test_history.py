"""Runs compared with those before them."""

import pytest
from cloudcafe_operator.planning.history import recoveries, regression


def run(took, verdict="Passed", hold="5s"):
    return {
        "spec": {"template": {"steps": [{"name": "a", "hold": hold}]}},
        "status": {
            "phase": "Finished",
            "verdict": verdict,
            "steps": [{"measures": {} if took is None else {"recoveredAfter": took}}],
        },
    }


def runs(*times):
    return [run(took) for took in times]


def test_the_interval_is_from_the_fastest_to_the_slowest():
    found = recoveries(runs(4.0, 6.0, 5.0))
    assert (found.runs, found.low, found.median, found.high, found.last) == (3, 4.0, 5.0, 6.0, 5.0)


def test_runs_of_other_steps_and_runs_that_say_nothing_do_not_count():
    mine = [run(90.0, hold="1m"), run(4.0), run(70.0, "Aborted"), run(None), run(5.0)]
    found = recoveries(mine)
    assert (found.runs, found.high) == (2, 5.0)
    assert recoveries([run(None)]) is None


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ((4.0, 5.0, 6.0, 14.0), "recovery became slower: 14s, and the 3 runs before it took 4s to"),
        ((4.0, 5.0, 6.0, 6.9), ""),
        ((4.0, 5.0, 20.0, 14.0), ""),
        ((0.2, 0.2, 0.3, 0.9), ""),
        ((4.0, 5.0, 14.0), ""),
    ],
)
def test_slower_is_said_where_enough_runs_say_so(times, said):
    assert regression(runs(*times)).startswith(said)
    assert bool(regression(runs(*times))) == bool(said)


def test_a_failure_after_runs_that_passed_is_said():
    assert regression([*runs(4.0, 4.0, 4.0), run(None, "Failed")]) == (
        "it failed, and the 3 runs before it passed"
    )
    assert regression([*runs(4.0, 4.0), run(5.0, "Failed"), run(None, "Failed")]) == ""


def test_a_run_that_is_not_over_is_not_judged():
    going = run(30.0)
    going["status"]["phase"] = "Holding"
    assert regression([*runs(4.0, 4.0, 4.0), going]) == ""
