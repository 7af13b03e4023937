"""What must hold for each module and environment: it validates, and its tests pass.

Called by `python -m dev.terraform check` and by `dev.gate`. Two at a time, since one terraform
and its provider keep about one core busy.
"""

from __future__ import annotations

import json
import re
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from dev.steps import say
from dev.system import LOCAL, ROOT, ProblemError, show
from dev.terraform.programs import environment, terraform
from dev.terraform.workspace import TREE, Workspace, workspace

REPORT = LOCAL / "reports" / "terraform.xml"
_AT_A_TIME = 2
#: What an environment is but for its sizes; to plan it once more would show nothing more.
_TRIED_BY_ENVIRONMENTS = {"stack"}
_RESOURCE = re.compile(r'^resource "', re.MULTILINE)
_REFUSED = re.compile(r"expect_failures\s*=\s*\[(.*?)\]", re.DOTALL)
_VARIABLE = re.compile(r'^variable "(\w+)" \{(.*?)^\}', re.MULTILINE | re.DOTALL)
_VALIDATION = re.compile(r"^\s*validation \{", re.MULTILINE)
_COMMENT = re.compile(r"^\s*(#|//).*$", re.MULTILINE)


@dataclass
class Verdict:
    """What was found in one folder."""

    name: str
    resources: int
    refused: int
    passed: int = 0
    failed: int = 0
    seconds: float = 0
    problems: list[str] = field(default_factory=list)


def folders(names: Sequence[str] = ()) -> list[Path]:
    """Return the modules, environments and the bootstrap; with names, those alone."""
    modules = [path for path in TREE.glob("modules/*") if path.name not in _TRIED_BY_ENVIRONMENTS]
    found = [*modules, *TREE.glob("envs/*"), TREE / "bootstrap"]
    there = sorted(path for path in found if list(path.glob("*.tf")))
    known = {path.name: path for path in there}
    unknown = [name for name in names if name.rstrip("/").rsplit("/", 1)[-1] not in known]
    if unknown:
        raise ProblemError(f"not in terraform/: {', '.join(unknown)}; there: {', '.join(known)}")
    return [known[name.rstrip("/").rsplit("/", 1)[-1]] for name in names] or there


def check(names: Sequence[str] = ()) -> bool:
    """Check folders, print a table; return whether all is well. Nothing to check is well."""
    chosen = folders(names)
    if not chosen:
        say("terraform: nothing in the tree yet")
        return True
    formatted = _formatted(chosen if names else [TREE])
    environment()  # build what is missing before two threads ask for it
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        # the slowest first, so that no core idles at the end
        slowest_first = sorted(chosen, key=_weight, reverse=True)
        verdicts = sorted(pool.map(judge, slowest_first), key=lambda verdict: verdict.name)
    for verdict in verdicts:
        for problem in verdict.problems:
            print(f"\n{verdict.name}: {problem}")
    print(table(verdicts))
    write_report(verdicts)
    return formatted and not any(verdict.problems for verdict in verdicts)


def judge(source: Path) -> Verdict:
    """Initialise, validate and test one folder."""
    verdict = Verdict(
        name=str(source.relative_to(TREE)),
        resources=len(_RESOURCE.findall(_text(source.glob("*.tf")))),
        refused=len(refused(source)),
    )
    began = time.monotonic()
    try:
        verdict.problems += [
            f"no test gives var.{name} a value that its validation refuses"
            for name in unproven(source)
        ]
        with workspace(source) as here:
            here.must("init", "-backend=false")
            here.must("validate")
            _test(here, verdict)
    except ProblemError as problem:
        verdict.problems.append(str(problem))
    verdict.seconds = time.monotonic() - began
    say(f"{verdict.name}: {'FAILED' if verdict.problems else 'ok'} in {verdict.seconds:.0f} s")
    return verdict


def refused(source: Path) -> list[str]:
    """Return what the tests of a folder expect to fail, such as var.cidr, once for each case."""
    written = _COMMENT.sub("", _text(source.rglob("*.tftest.hcl")))
    lists = _REFUSED.findall(written)
    return [item.strip() for one in lists for item in one.split(",") if item.strip()]


def unproven(source: Path) -> list[str]:
    """Return the variables that have a validation and no negative case."""
    cases = set(refused(source))
    variables = _VARIABLE.findall(_text(source.glob("*.tf")))
    return [
        name for name, body in variables if _VALIDATION.search(body) and f"var.{name}" not in cases
    ]


def table(verdicts: Iterable[Verdict]) -> str:
    """Return one line for each folder and one for all."""
    rows: list[tuple[str, ...]] = [
        ("", "resources", "tests", "failed", "negative cases", "seconds")
    ]
    columns = [(v.resources, v.passed, v.failed, v.refused, round(v.seconds)) for v in verdicts]
    rows += [
        (verdict.name, *map(str, numbers))
        for verdict, numbers in zip(verdicts, columns, strict=True)
    ]
    rows.append(("all", *(str(sum(column)) for column in zip(*columns, strict=True))))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    aligned = [[row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in rows]
    return "\n".join("  " + "  ".join(row) for row in aligned)


def write_report(verdicts: Iterable[Verdict]) -> None:
    """Leave the counts where `dev.gate` adds them up."""
    root = ET.Element("testsuites")
    for verdict in verdicts:
        failed = max(verdict.failed, 1 if verdict.problems else 0)
        counts = {"tests": str(verdict.passed + failed), "failures": str(failed)}
        ET.SubElement(root, "testsuite", {"name": verdict.name, **counts})
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    ET.ElementTree(root).write(REPORT)


def _test(here: Workspace, verdict: Verdict) -> None:
    done = here.run("test", "-json")
    said = [json.loads(line) for line in done.output.splitlines() if line.startswith("{")]
    for message in said:
        summary = message.get("test_summary", {})
        verdict.passed += summary.get("passed", 0)
        verdict.failed += summary.get("failed", 0) + summary.get("errored", 0)
    if verdict.passed + verdict.failed == 0:
        verdict.problems.append(f"no tests: {done.output.strip()[-2000:]}")
    elif done.status:
        verdict.problems += [_told(message) for message in said if "diagnostic" in message]


def _told(message: dict[str, object]) -> str:
    found = message["diagnostic"]
    assert isinstance(found, dict)
    where = found.get("range", {})
    place = f"{where.get('filename')}:{where.get('start', {}).get('line')}: " if where else ""
    run = message.get("@testrun", "")
    return f"{place}{run}: {found.get('summary')}: {found.get('detail', '').strip()}"


def _formatted(chosen: Sequence[Path]) -> bool:
    """Compare with what `terraform fmt` would write."""
    names = [path.relative_to(ROOT) for path in chosen]
    fmt = (terraform(), "fmt", "-check", "-diff", "-recursive")
    statuses = [show(*fmt, name, cwd=ROOT, env=environment()) for name in names]
    return not any(statuses)


def _weight(source: Path) -> tuple[bool, int]:
    # a run of an environment is one of all modules
    return source.parent.name == "envs", _text(source.rglob("*.tftest.hcl")).count("\nrun ")


def _text(files: Iterable[Path]) -> str:
    return "\n".join(file.read_text() for file in sorted(files))
