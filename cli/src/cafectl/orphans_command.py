"""`cafectl orphans`: what vanished stores and runs left behind, and its removal."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Annotated, Literal

import typer

from cafectl import orphans_cluster
from cafectl.chaos.errors import told
from cafectl.orphans import (
    Alive,
    Orphan,
    SweepError,
    Tagged,
    as_they_are,
    find,
    kept_on_purpose,
    remove,
)
from cafectl.orphans_aws import AwsSweep
from cafectl.plain import line
from cafectl.terminal import Rows, Terminal, print_whole

FOUND, UNKNOWN = 1, 2
console = Terminal()
problems = Terminal(stderr=True)


def orphans(
    *,
    delete: Annotated[
        bool, typer.Option("--delete", help="Remove what is found, after asking.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    output: Annotated[
        Literal["table", "json"], typer.Option("--output", "-o", help="How it is shown.")
    ] = "table",
) -> None:
    """Find what stores and chaos runs that are no more left on AWS and in the cluster.

    Looks at the account and region of the environment, and at the cluster of kubectl's context:
    what the stores of another cluster own in the same account and region would look like orphans.
    What a store with deletionPolicy Retain left is none. Secrets can be restored for 7 days,
    in which a new store of that name waits for its key.

    Exit codes: 0 there are none, or all were removed; 1 there are some; 2 it cannot be told.
    """
    with told():
        try:
            raise typer.Exit(FOUND if _swept(output, delete=delete, yes=yes) else 0)
        except SweepError as problem:
            problems.trouble("cannot be told", problem)
            raise typer.Exit(UNKNOWN) from problem


def _swept(output: str, *, delete: bool, yes: bool) -> int:
    """Show the orphans, remove them where that is wished; return how many are left."""
    sweep = _Sweep()
    listed = sweep.tagged()
    alive = orphans_cluster.alive()  # after the list: who is born meanwhile owns nothing on it
    resources = as_they_are(sweep, listed, alive)
    found = find(resources, alive)
    if output == "json":
        typer.echo(json.dumps([_row(one) for one in found], indent=2))
    else:
        _show(found, alive, kept=kept_on_purpose(resources))
    if not delete or not found:
        return len(found)
    able = [one for one in found if one.remedy != "by hand"]
    if not yes and not typer.confirm(f"Remove {len(able)} of them?", err=True):
        return len(found)
    alive = orphans_cluster.alive()  # a person takes their time, in which runs begin
    return len(found) - sum(_removed(sweep, one, alive) for one in able)


def _removed(sweep: _Sweep, orphan: Orphan, alive: Alive) -> bool:
    try:
        done = remove(sweep, orphan, alive)
    except SweepError as problem:
        problems.trouble("not removed", problem)
        return False
    word = "removed" if done else "left, it is none any more"
    problems.print(line(f"{orphan.kind} {orphan.name}: {word}"), highlight=False, soft_wrap=True)
    return done


class _Sweep(AwsSweep):
    """AWS, and the network policies in the cluster."""

    def tagged(self) -> list[Tagged]:
        return [*super().tagged(), *orphans_cluster.policies()]

    def delete(self, orphan: Orphan) -> None:
        if orphan.arn.startswith(orphans_cluster.POLICY):
            orphans_cluster.delete_policy(orphan)
        else:
            super().delete(orphan)


def _row(orphan: Orphan) -> dict[str, str]:
    shown = dataclasses.asdict(orphan)
    return {name: shown[name] for name in ("kind", "name", "arn", "owner", "why", "remedy")}


def _show(found: Sequence[Orphan], alive: Alive, *, kept: int) -> None:
    if found:
        table = Rows(box=None, pad_edge=False)
        for heading in ("Kind", "Name", "ARN", "Owner", "Why", "Remedy"):
            table.add_column(heading, overflow="fold")
        for one in found:
            cells = (one.kind, one.name, one.arn, one.owner, one.why, one.remedy)
            table.add_row(*cells)
        print_whole(console, table)
    left = f"{kept} more were kept on purpose." if kept else ""
    console.print(
        f"{len(found)} orphans; the cluster has {len(alive.stores)} stores and "
        f"{len(alive.runs)} runs that are not over. {left}".rstrip(),
        highlight=False,
    )
