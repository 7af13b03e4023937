"""`cafectl run, watch, preview, approve, halt, resume`: what acts, or waits for what acts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cafectl.chaos import approval, start, verdict
from cafectl.chaos import halt as lever
from cafectl.chaos.cluster import HOME, ApiServer, Chaos
from cafectl.chaos.duration import is_duration, seconds
from cafectl.chaos.errors import told
from cafectl.chaos.follow import SystemClock, follow, latest
from cafectl.chaos.history import compare
from cafectl.chaos.preview import shown
from cafectl.chaos.tellers import teller
from cafectl.chaos.view import Run
from cafectl.chaos.write import write_junit
from cafectl.plain import line
from cafectl.terminal import Terminal

console = Terminal()
clock = SystemClock()

Namespace = Annotated[
    str, typer.Option("--namespace", "-n", envvar="CAFE_NAMESPACE", help="Of the experiment.")
]
OperatorNamespace = Annotated[
    str, typer.Option(envvar="CAFE_OPERATOR_NAMESPACE", help="Of the operator.")
]
What = Annotated[
    str,
    typer.Argument(
        help="A file, a scenario of chaos/ by number or name (03, aurora-failover), or an "
        "experiment that is in the cluster."
    ),
]
Name = Annotated[str, typer.Argument(help="A run, or an experiment: then its latest run.")]
Junit = Annotated[
    Path | None, typer.Option("--junit", help="Write JUnit XML here, for a pipeline.")
]
Follow = Annotated[bool, typer.Option(help="Follow the run until it is over.")]


def run(
    what: What,
    *,
    namespace: Namespace = "cloudcafe",
    wait: Follow = True,
    junit: Junit = None,
) -> None:
    """Run an experiment and follow it: the exit code is its verdict.

    A file or scenario is applied first; where no run begins, that is taken back. An experiment that
    ran before is run once more, one with a schedule now, too. Where it repeats itself all its runs
    are followed, and the first that did not pass gives the code.
    """
    chaos = ApiServer(namespace)
    with told():
        begun = start.start(chaos, what, clock=clock)
        if not wait:
            typer.echo(begun.name)
            return
        finished = [_followed(chaos, begun.name)]
        while again := start.next_repetition(chaos, finished[-1], clock=clock):
            console.print(f"\n{again.name}: repetition {again.repetition}", highlight=False)
            finished.append(_followed(chaos, again.name))
        if junit:
            write_junit(finished, junit)
        if len(finished) > 1 and (found := compare(finished).interval):
            console.print(f"\n{found.sentence}", highlight=False, soft_wrap=True)
        codes = [verdict.code(one) for one in finished]
        raise typer.Exit(next((code for code in codes if code), verdict.PASSED))


def watch(
    name: Name,
    *,
    namespace: Namespace = "cloudcafe",
    junit: Junit = None,
) -> None:
    """Follow a run: phase, steps, probes, targets, what is in force.

    In a terminal a live picture, elsewhere a line for each thing that happens. A lost connection
    is sat out. Leaving with Ctrl-C does not stop the run.
    """
    chaos = ApiServer(namespace)
    with told():
        finished = _followed(chaos, latest(chaos, name).name)
        if junit:
            write_junit([finished], junit)
        raise typer.Exit(verdict.code(finished))


def preview(what: What, *, namespace: Namespace = "cloudcafe") -> None:
    """Show exactly what a run would hit, call and need; nothing is touched.

    Exit codes: 0 it would be accepted; 1 it would be refused, and why; 2 it cannot be told.
    """
    chaos = ApiServer(namespace)
    with told():
        found = start.preview(chaos, what, clock=clock, tell=lambda _: None)
        for part in shown(found):
            console.print(part, soft_wrap=True)
        raise typer.Exit(verdict.code(found))


def approve(name: Name, *, namespace: Namespace = "cloudcafe") -> None:
    """Agree to the next step of a run that waits for a human's yes."""
    chaos = ApiServer(namespace)
    with told():
        waiting = latest(chaos, name)
        step = approval.approve(chaos, waiting)
        typer.echo(line(f"agreed: step {step} of {waiting.name} may begin once users are served"))


def _duration(text: str) -> str:
    """Refuse what is no duration, before anything is done."""
    if not is_duration(text):
        raise typer.BadParameter(f"{text!r} is no duration: 90s, 5m or 1h30m")
    return text


def halt(
    reason: Annotated[str, typer.Option(help="Why, for whoever finds it.")] = "",
    *,
    namespace: Namespace = "cloudcafe",
    operator_namespace: OperatorNamespace = HOME,
    within: Annotated[
        str, typer.Option(callback=_duration, help="How long to wait until all is undone.")
    ] = "2m",
) -> None:
    """Stop all chaos: running runs are undone at once, new ones refused until `resume`.

    All chaos is that of all namespaces; where you may not list their runs, that is said.

    Exit codes: 0 nothing is in force any more; 1 something still is after --within; 2 not halted.
    """
    chaos = ApiServer(namespace, operator_namespace)
    with told():
        unknown = lever.halt(chaos, reason)
        typer.echo("halted: runs are undone, new ones are refused until cafectl resume")
        if unknown:
            typer.echo(
                line(f"only if the operator is in namespace {operator_namespace}: {unknown}")
            )
        left = lever.wait_until_undone(chaos, seconds(within), clock=clock)
        for one in left.runs:
            stuck = "; ".join(entry.trouble for entry in one.status.journal if entry.trouble)
            name = f"{one.namespace}/{one.name}"
            typer.echo(line(f"{name} is not undone yet ({one.status.phase}) {stuck}"))
        if not left.runs:
            where = f"namespace {namespace}" if left.unseen else "any namespace"
            typer.echo(f"nothing is in force in {where}")
        if left.unseen:
            typer.echo(line(f"runs of other namespaces were not looked at: {left.unseen}"))
        raise typer.Exit(1 if left.runs else 0)


def resume(
    *, namespace: Namespace = "cloudcafe", operator_namespace: OperatorNamespace = HOME
) -> None:
    """Lift the halt: runs may begin again."""
    chaos = ApiServer(namespace, operator_namespace)
    with told():
        lifted = lever.resume(chaos)
        typer.echo("runs may begin again" if lifted else "nothing was halted")


def _followed(chaos: Chaos, name: str) -> Run:
    try:
        with teller(console) as tell:
            return follow(chaos, name, clock=clock, tell=tell)
    except KeyboardInterrupt as interrupt:
        typer.echo(
            f"\n{name} goes on. Look again: cafectl watch {name}. "
            f"Undo it now: kubectl -n {chaos.namespace} delete chaosrun {name}",
            err=True,
        )
        raise typer.Exit(verdict.INTERRUPTED) from interrupt
