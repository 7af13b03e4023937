"""`cafectl history, report, explain`: what only looks."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml
from pydantic import ValidationError
from rich import box
from rich.text import Text

from cafectl.chaos import explain as explained
from cafectl.chaos.cluster import ApiServer, Chaos, Refused
from cafectl.chaos.commands import Namespace
from cafectl.chaos.duration import short
from cafectl.chaos.errors import told
from cafectl.chaos.facts import facts
from cafectl.chaos.follow import latest, runs_of
from cafectl.chaos.history import LOOKED_AT, History, compare, failed_share, percent, undone
from cafectl.chaos.junit import junit as junit_of
from cafectl.chaos.page import page
from cafectl.chaos.verdict import FAILED, PASSED, STYLES
from cafectl.chaos.view import Run, read
from cafectl.chaos.write import write
from cafectl.terminal import Rows, Terminal, print_whole

console = Terminal()
NO_NAME = re.compile(r"[^-a-z0-9.]")  # a file may name a run ../x
NO_RUN = (
    yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, ValidationError, RecursionError,
)  # fmt: skip


def history(
    experiment: Annotated[str, typer.Argument(help="An experiment of the namespace.")],
    *,
    namespace: Namespace = "cloudcafe",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Compare the runs of an experiment; say when the last one is slower than chance allows.

    Exit codes: 0 no regression, or too few runs to say; 1 a regression; 2 no runs.
    """
    with told():
        runs = runs_of(ApiServer(namespace), experiment)
        if not runs:
            raise Refused(f"{experiment} has no runs in namespace {namespace}")
        found = compare(runs)
        if as_json:
            typer.echo(json.dumps(_compared(found), indent=2))
        else:
            print_whole(console, _table(found))
            for line in _sentences(found):
                console.print(line, soft_wrap=True)
        raise typer.Exit(FAILED if found.regressions else PASSED)


def report(
    name: Annotated[
        str,
        typer.Argument(
            help="A run, an experiment (then its latest run), or a file with a ChaosRun."
        ),
    ],
    *,
    namespace: Namespace = "cloudcafe",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The page; NAME.html.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    junit: Annotated[Path | None, typer.Option(help="Write JUnit XML here as well.")] = None,
) -> None:
    """Write a run as one HTML page: timeline, recovery, what was touched, the journal and why.

    The page needs no network, prints well, and is the same for the same run. With --json the
    same facts are printed instead.
    """
    with told():
        run, past = _find(ApiServer(namespace), name)
        if junit:
            write(junit, junit_of([run]))
        if as_json:
            typer.echo(json.dumps(facts(run), indent=2, ensure_ascii=False))
            return
        place = out or Path(f"{NO_NAME.sub('-', run.name)}.html")
        write(place, page(run, past))
        typer.echo(str(place))


def explain(
    what: Annotated[
        str, typer.Argument(help="A fault, a verdict, a reason, or a run; empty: what there is.")
    ] = "",
    *,
    namespace: Namespace = "cloudcafe",
) -> None:
    """Explain a fault (what it does, undo, permissions), a reason, or how a run ended."""
    lines = explained.explain(what) if what else list(explained.overview())
    if not lines:
        with told():
            lines = explained.verdict(latest(ApiServer(namespace), what))
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def history_of(chaos: Chaos, run: Run) -> History:
    """Return a run among the earlier ones of its experiment."""
    earlier = [one for one in runs_of(chaos, run.experiment) if one.created_at <= run.created_at]
    return compare(earlier)


def _find(chaos: Chaos, name: str) -> tuple[Run, History | None]:
    path = Path(name)
    if path.suffix in {".json", ".yaml", ".yml"}:
        return _load(path), None
    run = latest(chaos, name)
    return run, history_of(chaos, run)


def _load(path: Path) -> Run:
    try:
        found = yaml.safe_load(path.read_text("utf-8"))
        return read(found)
    except OSError as problem:
        raise Refused(f"{path} cannot be read: {problem.strerror}") from problem
    except NO_RUN as problem:
        raise Refused(
            f"{path} holds no ChaosRun: write one with kubectl get chaosrun NAME -o json"
        ) from problem


def _table(found: History) -> Rows:
    table = Rows(box=box.SIMPLE, padding=(0, 1, 0, 0))
    headings = ("Run", "Began", "Verdict", "Recovered", "Noticed", "Failed", "Undone", "Seed")
    for heading in headings:
        table.add_column(heading, no_wrap=heading != "Run")
    for run in found.runs[-LOOKED_AT:]:
        begun = run.created_at.strftime("%Y-%m-%d %H:%M")
        verdict = Text(run.status.verdict, style=STYLES.get(run.status.verdict, ""))
        same = "" if run in found.comparable else " (other question)"
        noticed = [step.measures.noticed_after for step in run.steps]
        worst = max((one for one in noticed if one is not None), default=None)
        cells = (short(run.recovery()), short(worst), percent(failed_share(run)))
        seed = str(run.template.get("seed", "-"))
        table.add_row(Text(run.name + same), begun, verdict, *cells, short(undone(run)), seed)
    return table


def _sentences(found: History) -> list[Text]:
    lines = []
    if found.interval:
        one = found.interval
        lines.append(Text(one.sentence))
    lines += [Text(f"Regression: {one}.", style="red") for one in found.regressions]
    if found.remark:
        lines.append(Text(found.remark, style="dim"))
    return lines


def _compared(found: History) -> Mapping[str, Any]:
    one = found.interval
    return {
        "runs": [
            {"name": run.name, "verdict": run.status.verdict, "recoveredAfter": run.recovery()}
            for run in found.runs
        ],
        "comparable": [run.name for run in found.comparable],
        "interval": None
        if one is None
        else {"runs": one.runs, "mean": one.mean, "low": one.low, "high": one.high},
        "regressions": list(found.regressions),
    }
