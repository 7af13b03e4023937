"""The gate adds up what its steps came to."""

import pytest

from dev.gate import Counts, Step, gate, read_counts
from dev.system import ProblemError


def test_counts_are_read_from_the_report_of_a_run(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite tests="10" failures="2" errors="1" skipped="3"/></testsuites>'
    )

    assert read_counts(report) == Counts(passed=4, failed=3, skipped=3)


def test_a_run_that_left_no_report_counts_nothing(tmp_path):
    assert read_counts(tmp_path / "none.xml") == Counts()


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
