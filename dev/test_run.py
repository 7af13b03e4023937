"""One run of pytest, as a step of the gate; what fails beside others is asked again by itself.

Tests on real processes share two cores with each other and, in CI, with strangers: of four thousand
one or two miss their patience now and then, each time others. So where a step allows it, at most
MOST_AGAIN failures are run once more, by themselves and one after the other. A defect fails again.
What passes then is named in the gate's table: an unsteady test is to be mended.
"""

from __future__ import annotations

import json
import os
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dev.steps import say
from dev.system import LOCAL, ROOT, show

MOST_AGAIN = 4
"""More failures than this have one cause, and it is no neighbour's."""
SOME_FAILED = 1  # pytest's exit status; any other failure is of the run itself
_Pytest = Callable[..., int]


@dataclass
class Counts:
    """Of one pytest run, or of several together."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped
        )


def read_counts(report: Path) -> Counts:
    """Return the counts of a JUnit file; none if the run left none."""
    if not report.exists():
        return Counts()
    suites = ET.parse(report).getroot().iter("testsuite")  # noqa: S314 - pytest just wrote it
    counts = Counts()
    for suite in suites:
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        counts += Counts(int(suite.get("tests", 0)) - failed - skipped, failed, skipped)
    return counts


@dataclass
class TestRun:
    """pytest with `select`; `beside` are the options that run tests beside each other.

    `counts` and `unsteady`, the tests that passed by themselves only, are of the last run.
    """

    __test__ = False  # it is no test, whatever pytest thinks of its name

    name: str
    select: Sequence[str]
    beside: Sequence[str] = ()
    again: bool = False
    prepare: Callable[[], None] = lambda: None
    pytest: _Pytest = show
    folder: Path = LOCAL / "reports"
    counts: Counts = field(default_factory=Counts)
    unsteady: tuple[str, ...] = ()

    def __call__(self) -> bool:
        """Run; whether all passed, at the second try at the latest."""
        self.counts, self.unsteady = Counts(), ()
        self.prepare()
        self._note.unlink(missing_ok=True)  # it would tell of another run, where this one breaks
        status, self.counts = self._pytest("", "--cache-clear", *self.beside)
        failures = self._failures()
        told = self.counts.failed and 0 < len(failures) <= MOST_AGAIN
        if not (self.again and status == SOME_FAILED and told):
            return status == 0
        say(f"{self.name}: once more, each by itself: {', '.join(failures)}")
        status, second = self._pytest("-again", "--last-failed")
        passed = sorted(set(failures) - set(self._failures()))
        if second.passed + second.failed != len(failures):  # it did not run them all
            return False
        first = self.counts
        self.counts = Counts(first.passed + second.passed, second.failed, first.skipped)
        self.unsteady = tuple(passed)
        return status == 0

    def _pytest(self, suffix: str, *options: str) -> tuple[int, Counts]:
        report = self.folder / f"{self._stem}{suffix}.xml"
        report.unlink(missing_ok=True)
        if os.environ.get("CI"):  # a gate of record runs in an order that can be had again
            options = (*options, "--randomly-seed=1")
        kept = f"cache_dir={self._cache}"
        status = self.pytest(
            *("pytest", "-q", f"--junitxml={report}", "-o", kept, *self.select, *options), cwd=ROOT
        )
        return status, read_counts(report)

    def _failures(self) -> list[str]:
        """Return the tests that failed last, as pytest itself notes them."""
        note = self._note
        return sorted(json.loads(note.read_text())) if note.exists() else []

    @property
    def _note(self) -> Path:
        return self._cache / "v/cache/lastfailed"

    @property
    def _stem(self) -> str:
        return self.name.replace(" ", "-")

    @property
    def _cache(self) -> Path:
        return self.folder / f"{self._stem}.cache"
