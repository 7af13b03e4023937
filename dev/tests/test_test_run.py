"""A run of pytest, and the second try of what failed beside others: with real tests in a folder."""

import subprocess
import sys

import pytest

from dev.test_run import MOST_AGAIN, Counts, TestRun, read_counts

FINE = "def test_fine(): pass\n"
BROKEN = "def test_broken(): assert False\n"
SKIPPED = "import pytest\n@pytest.mark.skip\ndef test_skipped(): pass\n"
#: Fails where another process of the same run has its file, as a neighbour would disturb it.
DISTURBED = """
import pathlib
def test_disturbed():
    mark = pathlib.Path(__file__).with_suffix(".mark")
    first = not mark.exists()
    mark.touch()
    assert not first
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run pytest, without our plugins, for what the given files say."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("CI", raising=False)

    def pytest_in(_, *options, cwd):
        command = (sys.executable, "-m", "pytest", *options)
        return subprocess.run(command, cwd=tmp_path, check=False, capture_output=True).returncode

    def found(*files, again=True):
        for number, text in enumerate(files):
            (tmp_path / f"test_{number}.py").write_text(text)
        made = TestRun("of files", [str(tmp_path)], again=again, pytest=pytest_in)
        made.folder = tmp_path / "reports"
        return made

    return found


def test_what_fails_once_passes_by_itself_and_is_named(run):
    one = run(FINE, DISTURBED, SKIPPED)
    assert one()
    assert one.counts == Counts(passed=2, failed=0, skipped=1)
    assert [name.rpartition("::")[2] for name in one.unsteady] == ["test_disturbed"]


def test_a_defect_fails_again(run):
    one = run(FINE, DISTURBED, BROKEN)
    assert not one()
    assert one.counts == Counts(passed=2, failed=1)
    assert [name.rpartition("::")[2] for name in one.unsteady] == ["test_disturbed"]


def test_without_leave_nothing_is_asked_again(run):
    one = run(DISTURBED, again=False)
    assert not one()
    assert (one.counts, one.unsteady) == (Counts(failed=1), ())


def test_many_failures_are_not_a_neighbours(run):
    one = run(*[DISTURBED] * (MOST_AGAIN + 1))
    assert not one()
    assert (one.counts, one.unsteady) == (Counts(failed=MOST_AGAIN + 1), ())


def test_a_file_that_cannot_be_read_is_no_neighbours_either(run):
    one = run(FINE, "import nothing_of_this_name\n")
    assert not one()
    assert one.unsteady == ()


def test_a_run_that_breaks_before_it_tests_anything_is_not_saved_by_the_one_before(run):
    one = run(DISTURBED)
    assert one()
    note = one.folder / "of-files.cache/v/cache/lastfailed"
    note.write_text('{"test_0.py::test_disturbed": true}')
    working = one.pytest
    one.pytest = lambda *options, cwd: (
        working(*options, cwd=cwd) if "--last-failed" in options else 1
    )
    assert not one()
    assert (one.counts, one.unsteady) == (Counts(), ())


def test_a_second_run_begins_anew(run):
    one = run(FINE, DISTURBED)
    assert one()
    assert one()
    assert (one.counts, one.unsteady) == (Counts(passed=2), ())


def test_counts_are_read_from_the_report_of_a_run(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite tests="10" failures="2" errors="1" skipped="3"/></testsuites>'
    )

    assert read_counts(report) == Counts(passed=4, failed=3, skipped=3)


def test_a_run_that_left_no_report_counts_nothing(tmp_path):
    assert read_counts(tmp_path / "none.xml") == Counts()
