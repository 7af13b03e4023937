"""A run as JUnit XML: a test case for each step, the books, the undo and the verdict. Pure.

Failed is a failure; what could not be told (Inconclusive, Aborted) is an error: neither is green.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from cafectl.chaos.duration import seconds, short
from cafectl.chaos.record import Step
from cafectl.chaos.story import story
from cafectl.chaos.view import Run

Outcome = Literal["passed", "failure", "error", "skipped"]
OUTCOMES: dict[str, Outcome] = {"Passed": "passed", "Failed": "failure"}


@dataclass(frozen=True, slots=True)
class Case:
    """One test case."""

    name: str
    outcome: Outcome
    seconds: float = 0.0
    message: str = ""


def junit(runs: Iterable[Run]) -> str:
    """Return the XML of these runs, a suite for each."""
    root = ET.Element("testsuites", name="cafectl")
    for run in runs:
        root.append(_suite(run))
    ET.indent(root)
    # as bytes: of a string the declaration would name the locale's encoding
    found: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return found.decode() + "\n"


def cases(run: Run) -> list[Case]:
    """Return the test cases of a run."""
    return [*(_step(run, step) for step in run.steps), *_books(run), *_undone(run), _verdict(run)]


def _suite(run: Run) -> ET.Element:
    found = cases(run)
    counts = {
        f"{name}s" if name != "skipped" else name: str(sum(one.outcome == name for one in found))
        for name in ("failure", "error", "skipped")
    }
    took = run.offset(run.status.finished_at) or 0.0
    suite = ET.Element(
        "testsuite",
        counts,
        name=run.experiment,
        tests=str(len(found)),
        time=f"{took:.2f}",
        timestamp=run.created_at.isoformat(),
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(run):
        ET.SubElement(properties, "property", name=name, value=value)
    for one in found:
        case = ET.SubElement(
            suite, "testcase", classname=run.name, name=one.name, time=f"{one.seconds:.2f}"
        )
        if one.outcome != "passed":
            ET.SubElement(case, one.outcome, message=one.message).text = one.message
    lines = (f"+{one.at:.1f}s {one.word} {one.text}" for one in story(run))
    ET.SubElement(suite, "system-out").text = "\n".join(lines)
    return suite


def _properties(run: Run) -> Iterator[tuple[str, str]]:
    yield "namespace", run.namespace
    yield "hypothesis", str(run.template.get("hypothesis", ""))
    for step in run.steps:
        for name, value in step.measures.model_dump(exclude_none=True).items():
            if isinstance(value, int | float):
                yield f"{step.name}.{name}", str(value)


def _step(run: Run, step: Step) -> Case:
    within = run.objective(step)
    name = f"step {step.name} recovers within {within}"
    took = step.measures.recovered_after
    if step.injected_at is None:
        return Case(name, "skipped", message="the run did not come so far")
    if step.recovered_at is None or took is None:
        return Case(name, "failure", message="not seen whole again, or users not served again")
    if took > seconds(within):
        return Case(name, "failure", took, f"took {short(took)}, the objective was {within}")
    return Case(name, "passed", took)


def _books(run: Run) -> Iterator[Case]:
    answers = {one.probe: one for one in run.status.books}
    asked = (run.template.get("steadyState") or {}).get("probes", [])
    for name in (str(one["name"]) for one in asked if "ledger" in one):
        title, answer = f"books of {name} balance", answers.get(name)
        if answer is None:
            yield Case(title, "skipped", message="the run did not come so far")
        elif answer.outcome == "Balanced":
            yield Case(title, "passed")
        else:
            damaged = answer.outcome == "Damaged"
            yield Case(title, "failure" if damaged else "error", message=answer.message)


def _undone(run: Run) -> Iterator[Case]:
    for entry in run.status.journal:
        name = f"{entry.fault} on {entry.target.name} is undone"
        if entry.open:
            yield Case(name, "failure", message=entry.trouble or "still in force")
        elif entry.state == "Diverged":
            yield Case(name, "error", message=entry.detail)
        else:
            yield Case(name, "passed")


def _verdict(run: Run) -> Case:
    took = run.offset(run.status.finished_at) or 0.0
    if run.is_preview:
        refused = run.status.preview is None or run.status.preview.refusals
        return Case("preview is accepted", "failure" if refused else "passed", took, _why(run))
    outcome = OUTCOMES.get(run.status.verdict, "error")
    return Case("verdict", outcome, took, _why(run))


def _why(run: Run) -> str:
    return f"{run.status.verdict or run.status.phase}: {run.status.message}"
