"""The gate adds up what its steps came to."""

import pytest

from dev.gate import Step, gate
from dev.system import ProblemError
from dev.test_run import Counts, TestRun


def test_the_last_line_counts_steps_without_tests_too(capsys):
    succeeded = gate([Step("lint", lambda: True), Step("types", lambda: False)])

    assert not succeeded
    assert capsys.readouterr().out.splitlines()[-1] == "1 passed, 1 failed, 0 skipped"


def test_a_step_that_meets_a_problem_fails_and_the_next_one_still_runs(capsys):
    ran = []

    def problem():
        raise ProblemError("no engine")

    succeeded = gate([Step("cluster", problem), Step("lint", lambda: bool(ran.append(1)) or True)])

    assert not succeeded
    assert ran
    assert "error: no engine" in capsys.readouterr().err


@pytest.mark.parametrize("verdicts", [[True], [True, True]])
def test_succeeds_when_all_steps_do(verdicts):
    assert gate([Step(f"step {i}", lambda v=verdict: v) for i, verdict in enumerate(verdicts)])


def test_what_passed_by_itself_only_is_named_in_the_table(capsys):
    assert gate([Step("slow", Unsteady("slow", []))])
    assert "unsteady, passed by itself only: t.py::test_it" in capsys.readouterr().out


class Unsteady(TestRun):
    """A run whose one test passed at the second try."""

    def __call__(self):
        self.counts, self.unsteady = Counts(passed=1), ("t.py::test_it",)
        return True
