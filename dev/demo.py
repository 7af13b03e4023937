"""`python -m dev.demo`: the story of CloudCafe in one terminal, on the cluster of `make up`.

A store opens, customers order steadily, Aurora fails over, a pod is killed; the events are shown
as they come, a table says what each fault cost, and the books are compared. Everything that happens
here is a kubectl command that is shown, so that a reader can do the same on a cluster of their own.
"""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import yaml
from cafectl.runs import Measured, measured
from rich.console import Console
from rich.table import Table

from dev import shell
from dev.cafectl import audit, guests
from dev.kubectl import NAMESPACE, command, kubeconfig, kubectl
from dev.steps import say, step
from dev.system import ROOT, ProblemError, main, wait_until

CONSENT = "cloudcafe.dev/chaos"
STORE = "espresso-soho"
EXPERIMENTS = ("03-aurora-failover", "13-pod-kill")
ORDERS_PER_SECOND = 4
_RUN_LIMIT_S = 180.0
TABLE_WIDTH = 120  # wider than many terminals: a wrapped line reads better than a cut figure
HEADINGS = (
    "Fault",
    "Targets",
    "Noticed after",
    "RTO",
    "Orders",
    "Refused tries",
    "Delayed (worst)",
    "Lost",
    "Verdict",
)
_STORY = (
    "custom-columns=KIND:.involvedObject.kind,NAME:.involvedObject.name,"
    "REASON:.reason,MESSAGE:.message"
)


@dataclass(frozen=True)
class Chapter:
    """One fault of the story: what the run measured and what the customers saw."""

    fault: str
    run: Measured
    account: dict[str, Any]


def shown(*words: str) -> str:
    """Run kubectl and show the command as a reader would type it."""
    say(f"$ kubectl -n {NAMESPACE} {' '.join(words)}")
    return kubectl(*words)


def story() -> None:
    """Tell it."""
    if consent() != "allowed":
        raise ProblemError(
            f"namespace {NAMESPACE} has not agreed to chaos: "
            f"kubectl label namespace {NAMESPACE} {CONSENT}=allowed"
        )
    began = datetime.now(UTC)
    with events_as_they_come():
        open_the_store()
        chapters = [break_it(name) for name in EXPERIMENTS]
    with step("the books: does every order have its charge, its stock, its points, its row?"):
        balanced = audit("--since", began.isoformat(timespec="seconds"), "--settle", "5s")
    console = Console()
    console.width = max(console.width, TABLE_WIDTH)
    console.print(table(chapters))
    lost = sum(chapter.account["lost"] + chapter.account["twice"] for chapter in chapters)
    green = all(chapter.run.verdict == "Passed" for chapter in chapters)
    print(_FAREWELL.format(shell="\n    ".join(shell.lines(kubeconfig()))))
    if lost or not green or not balanced:
        raise ProblemError(
            "an order was lost or doubled, a run did not pass, or the books differ: see above"
        )


def consent() -> str:
    """Return what the namespace's label says about chaos."""
    found = json.loads(kubectl("get", "namespace", NAMESPACE, "-o", "json"))
    return str(found["metadata"].get("labels", {}).get(CONSENT, ""))


@contextmanager
def events_as_they_come() -> Iterator[None]:
    """Show the events of stores and chaos runs while the block runs."""
    watch = command("get", "events", "--watch-only", "--no-headers", "-o", _STORY)
    with subprocess.Popen(
        watch, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    ) as watching:
        lines = watching.stdout
        assert lines is not None

        def tell() -> None:
            for line in lines:
                kind, _, rest = line.strip().partition(" ")
                if kind in {"CafeStore", "ChaosExperiment", "ChaosRun"}:
                    name, reason, message = rest.split(maxsplit=2)
                    say(f"  {kind} {name}: {reason}: {message}")

        teller = threading.Thread(target=tell, daemon=True)
        teller.start()
        try:
            yield
        finally:
            watching.terminate()
            teller.join(timeout=5)


def open_the_store() -> None:
    """Apply the ten-line store and wait until a coffee can be bought."""
    with step("a store opens"):
        shown("apply", "-f", f"chaos/stores/{STORE}.yaml")
        shown("wait", "--for=condition=Ready", f"cafestore/{STORE}", "--timeout=120s")
    print(shown("get", "cafestores"))


def break_it(name: str) -> Chapter:
    """Run one experiment under a steady trickle of orders."""
    experiment = yaml.safe_load((ROOT / f"chaos/experiments/{name}.yaml").read_text())
    called = experiment["metadata"]["name"]
    # a finished experiment is not repeated by applying it again: make room for a new one
    kubectl("delete", "chaosexperiment", called, "--ignore-not-found", "--wait", "--timeout=120s")
    hypothesis = experiment["spec"].get("hypothesis", "")
    with step(f"{name}: {hypothesis}"), guests(STORE, ORDERS_PER_SECOND) as ordering:
        shown("apply", "-f", f"chaos/experiments/{name}.yaml")
        finished = wait_for_run(called)
    return Chapter(fault=name, run=measured(finished), account=ordering.account)


def wait_for_run(experiment: str) -> dict[str, Any]:
    """Return the experiment's run once it has a verdict."""
    found: list[dict[str, Any]] = []

    def finished() -> bool:
        runs = json.loads(kubectl("get", "chaosruns", "-o", "json"))["items"]
        found[:] = [
            one
            for one in runs
            if one["spec"]["experiment"]["name"] == experiment
            and one.get("status", {}).get("phase") == "Finished"
        ]
        return bool(found)

    wait_until(finished, f"the run of {experiment} to finish", _RUN_LIMIT_S)
    return found[0]


def table(chapters: list[Chapter]) -> Table:
    """Return what the faults cost."""
    shown_table = Table(title="What it cost", title_justify="left")
    for heading in HEADINGS:
        shown_table.add_column(heading, no_wrap=heading == "Fault")
    for chapter in chapters:
        cost = chapter.account
        shown_table.add_row(
            chapter.fault,
            str(chapter.run.targets),
            chapter.run.noticed,
            chapter.run.recovered,
            str(cost["acknowledged"]),
            str(cost["refused_tries"]),
            f"{cost['delayed']} ({cost['longest_wait_s']:.1f} s)",
            str(cost["lost"]),
            chapter.run.verdict,
        )
    return shown_table


_FAREWELL = """
The cluster is still up. Look around:
    {shell}
    kubectl -n cloudcafe get cafestores,chaosexperiments,chaosruns
    kubectl -n cloudcafe describe chaosrun
    kubectl -n cloudcafe get events -w
Break something else: kubectl -n cloudcafe apply -f chaos/experiments/04-dynamodb-throttle.yaml
Take it down: make down
"""

if __name__ == "__main__":
    main(story)
