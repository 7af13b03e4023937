"""`python -m dev.gate check|test|terraform|kind-test`: runs checks and tests, times and sums them.

Called by the Makefile. Every step runs even after one failed, so that one run shows all that is
wrong; the last lines are a table and the counts of all test runs together.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dev.kind.cluster import Cluster
from dev.release import own_cluster, up
from dev.steps import say
from dev.system import ROOT, ProblemError, ensure_programs, main, show
from dev.terraform.check import REPORT, check
from dev.terraform.lint import lint
from dev.terraform.programs import mirror, terraform
from dev.test_run import Counts, TestRun, read_counts
from dev.tools import tool

_TYPED = ("operator/src", "cli/src", "localaws/src", "services/*/src", "dev")
#: What `make generate` runs; with --check they only compare.
_GENERATORS = ("cloudcafe_operator.generate", "cafe_kit.schemas", "dev.terraform.actions")
#: Compiled before the tests that use them: a test has less time than a compiler takes.
_TOOLS = ("kubectl", "helm", "helm-unittest", "kubeconform")
#: A process a core, each with servers of its own; a file stays in one, with what it shares.
_PARALLEL = ("--numprocesses=auto", "--maxprocesses=4", "--dist=loadfile")
_SERVERS = ("/usr/lib/postgresql/15/bin/postgres", "redis-server")


@dataclass
class Result:
    """What a step came to."""

    name: str
    succeeded: bool
    seconds: float
    counts: Counts = field(default_factory=Counts)
    unsteady: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """A name and what to run; `report` is the JUnit file that it leaves, if it is no TestRun."""

    name: str
    run: Callable[[], bool]
    report: Path | None = None


def checks() -> list[Step]:
    """Return what looks at the sources without running them."""
    typed = sorted(str(path) for pattern in _TYPED for path in ROOT.glob(pattern))
    return [
        _program("lint", "ruff", "check", "--quiet"),
        _program("format", "ruff", "format", "--check", "--quiet"),
        _program("types", "mypy", "--exclude", "/tests/", *typed),
        _program("layers", "lint-imports", "--no-logo"),
        Step("generated files", _generated_are_fresh),
    ]


def tests() -> list[Step]:
    """Return the tests that need no pods."""
    slow = ["-m", "integration and not cluster"]
    return [
        Step("tools", lambda: all(tool(name).exists() for name in _TOOLS)),
        _pytest(
            "fast tests",
            ["-m", "not cluster and not integration and not terraform"],
            beside=_PARALLEL,
            prepare=_servers,
        ),
        *terraform_tests(),
        _pytest("integration tests", slow, beside=_PARALLEL, again=True, prepare=_servers),
    ]


def terraform_tests() -> list[Step]:
    """Return what judges terraform/, and what tests that judge."""
    return [
        # compiled apart, so that the next step's time is that of the checks
        Step("terraform's programs", lambda: all(path.exists() for path in _terraform_programs())),
        Step("terraform", lambda: all([check(), lint()]), REPORT),
        _pytest("terraform tests", ["-m", "terraform", "dev/tests", "tests/terraform"]),
    ]


def kind_tests() -> list[Step]:
    """Return the chart on real pods, and what must hold there."""
    return [
        Step("cluster with the chart", _cluster),
        _pytest("cluster tests", ["-m", "cluster", "tests/cluster"], again=True),
    ]


def gate(steps: list[Step]) -> bool:
    """Run all steps, print the table; return whether all succeeded."""
    results = [_run(step) for step in steps]
    width = max(len(result.name) for result in results)
    print()
    for result in results:
        verdict = "ok" if result.succeeded else "FAILED"
        print(f"  {result.name:{width}}  {result.seconds:5.0f} s  {verdict}")
        for test in result.unsteady:
            print(f"  {'':{width}}           unsteady, passed by itself only: {test}")
    total = sum((result.counts for result in results), Counts())
    broken = [result for result in results if not result.succeeded]
    # a step without tests that failed counts as one failure
    failed = total.failed + sum(1 for result in broken if not result.counts.failed)
    passed = total.passed + sum(
        1 for result in results if result.succeeded and not result.counts.passed
    )
    print(f"\n{passed} passed, {failed} failed, {total.skipped} skipped")
    return not broken


def _generated_are_fresh() -> bool:
    """Compare all that is generated, also after the first difference."""
    runs = [show(sys.executable, "-m", name, "--check", cwd=ROOT) for name in _GENERATORS]
    return not any(runs)


def _cluster() -> bool:
    """Bring the cluster up; a gate of record begins with a new one."""
    if os.environ.get("CI") and own_cluster() is None:
        Cluster().down()
    return up().exists()


def _run(step: Step) -> Result:
    say(f"{step.name} …")
    began = time.monotonic()
    if step.report:
        step.report.unlink(missing_ok=True)
    try:
        succeeded = step.run()
    except ProblemError as problem:
        print(f"error: {problem}", file=sys.stderr)
        succeeded = False
    result = Result(step.name, succeeded, time.monotonic() - began)
    if isinstance(step.run, TestRun):
        result.counts, result.unsteady = step.run.counts, step.run.unsteady
    elif step.report:
        result.counts = read_counts(step.report)
    say(f"{step.name}: {'ok' if succeeded else 'FAILED'} in {result.seconds:.0f} s")
    return result


def _terraform_programs() -> list[Path]:
    return [terraform(), mirror(), tool("tflint")]


def _program(name: str, *command: str) -> Step:
    return Step(name, lambda: show(*command, cwd=ROOT) == 0)


def _pytest(name: str, select: Sequence[str], **options: Any) -> Step:
    return Step(name, TestRun(name, select, **options))


def _servers() -> None:
    """The services' tests start a PostgreSQL and a Redis of their own."""
    ensure_programs("the services' tests", *_SERVERS)


def _command() -> None:
    parser = argparse.ArgumentParser(prog="python -m dev.gate", description=__doc__)
    parser.add_argument("command", choices=["check", "test", "terraform", "kind-test"])
    steps: dict[str, Callable[[], list[Step]]] = {
        "check": checks,
        "kind-test": kind_tests,
        "terraform": terraform_tests,
        "test": lambda: [*checks(), *tests(), *kind_tests()],
    }
    if not gate(steps[parser.parse_args().command]()):
        sys.exit(1)


if __name__ == "__main__":
    main(_command)
