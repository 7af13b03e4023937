"""`cafectl orphans`: what vanished stores and runs left behind, and its removal."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import typer

from cafectl import orphans_cluster
from cafectl.chaos.cluster import Misconfigured, NoCluster, Unreachable
from cafectl.chaos.errors import told
from cafectl.orphans import (
    Alive,
    Orphan,
    SweepError,
    as_they_are,
    elsewhere,
    find,
    kept_on_purpose,
    remove,
)
from cafectl.orphans_aws import AwsSweep
from cafectl.orphans_tags import UID, Tagged, tells
from cafectl.plain import line
from cafectl.terminal import Rows, Terminal, print_whole

FOUND, UNKNOWN = 1, 2
ALONE = "--only-cluster"
console = Terminal()
problems = Terminal(stderr=True)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which cluster is swept for; see `Alive`."""

    cluster: str
    alone: bool = False
    gone: bool = False

    def alive(self) -> Alive:
        """Return who lives there now."""
        if self.gone:
            return Alive({}, frozenset(), self.cluster, gone=True)
        return orphans_cluster.alive(self.cluster, alone=self.alone)


def orphans(
    *,
    delete: Annotated[
        bool, typer.Option("--delete", help="Remove what is found, after asking.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    only_cluster: Annotated[
        bool,
        typer.Option(
            ALONE,
            help="No other cluster uses this account and region: what tells no cluster is of "
            "this one, and may be removed.",
        ),
    ] = False,
    cluster: Annotated[
        str,
        typer.Option(
            metavar="UID",
            help="Sweep for this cluster, which is lost for good, and not for kubectl's: all that "
            "tells it is an orphan.",
        ),
    ] = "",
    output: Annotated[
        Literal["table", "json"], typer.Option("--output", "-o", help="How it is shown.")
    ] = "table",
) -> None:
    """Find what stores and chaos runs that are no more left on AWS and in the cluster.

    Looks at the account and region of the environment, and at the cluster of kubectl's context.
    What tells another cluster by its tags is none: it is only counted. What was made before
    anything told its cluster is shown and left to you. What a store with deletionPolicy Retain
    left is none. Secrets can be restored for 7 days, in which a new store of that name waits for
    its key.

    Exit codes: 0 there are none, or all were removed; 1 there are some; 2 it cannot be told,
    also where nothing tells the cluster of --cluster.
    """
    with told():
        try:
            scope = _lost(cluster, alone=only_cluster) if cluster else _here(alone=only_cluster)
            raise typer.Exit(FOUND if _swept(scope, output, delete=delete, yes=yes) else 0)
        except SweepError as problem:
            problems.trouble("cannot be told", problem)
            raise typer.Exit(UNKNOWN) from problem


def _here(*, alone: bool) -> Scope:
    """Return the cluster of kubectl's context."""
    return Scope(orphans_cluster.uid(), alone=alone)


def _lost(cluster: str, *, alone: bool) -> Scope:
    """Return a cluster that is lost; refuse one that is here."""
    if alone:
        raise SweepError(f"--cluster is for one that shared the account: leave {ALONE} away")
    if not UID.fullmatch(cluster):
        raise SweepError(
            f"{cluster} is no uid of a cluster: take it from the last lines of `cafectl orphans`; "
            "it is that of its namespace kube-system"
        )
    try:
        here = orphans_cluster.uid()
    except NoCluster:  # so it is not the one that is meant
        here = ""
    except (Unreachable, Misconfigured) as problem:
        raise SweepError(
            f"{problem}, so it may be cluster {cluster}, and alive: choose a context that answers; "
            "where there is none any more, unset KUBECONFIG or kubectl config unset current-context"
        ) from problem
    if here == cluster:
        raise SweepError(
            f"{cluster} is the cluster of kubectl's context, and it answers: leave --cluster away "
            "to find what is left there; to end it, delete its stores first"
        )
    return Scope(cluster, gone=True)


def _swept(scope: Scope, output: str, *, delete: bool, yes: bool) -> int:
    """Show the orphans, remove them where that is wished; return how many are left."""
    sweep = _Sweep()
    listed = sweep.tagged()
    if not scope.gone:
        listed += orphans_cluster.policies(scope.cluster)
    alive = scope.alive()  # after the lists: who is born meanwhile owns nothing on them
    resources = as_they_are(sweep, listed, alive)
    if scope.gone and not any(scope.cluster in tells(one) for one in resources):
        raise SweepError(
            f"nothing here tells cluster {scope.cluster}: compare it, the account and the region; "
            "what was found before is gone"
        )
    found = find(resources, alive)
    if output == "json":
        typer.echo(json.dumps([_row(one) for one in found], indent=2))
    elif found:
        _show(found)
    for sentence in _summary(found, resources, alive):  # also what was not judged
        where = problems if output == "json" else console
        where.print(line(sentence), highlight=False, soft_wrap=True)
    if not delete or not found:
        return len(found)
    able = [one for one in found if one.remedy != "by hand"]
    sure = f"Is cluster {scope.cluster} gone for good? " if scope.gone else ""
    if not yes and not typer.confirm(f"{sure}Remove {len(able)} of them?", err=True):
        return len(found)
    alive = scope.alive()  # a person takes their time, in which runs begin
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

    def delete(self, orphan: Orphan) -> None:
        if orphan.arn.startswith(orphans_cluster.POLICY):
            orphans_cluster.delete_policy(orphan)
        else:
            super().delete(orphan)


def _row(orphan: Orphan) -> dict[str, str]:
    shown = dataclasses.asdict(orphan)
    names = ("kind", "name", "arn", "owner", "cluster", "why", "remedy")
    return {name: shown[name] for name in names}


def _show(found: Sequence[Orphan]) -> None:
    table = Rows(box=None, pad_edge=False)
    for heading in ("Kind", "Name", "ARN", "Owner", "Why", "Remedy"):
        table.add_column(heading, overflow="fold")
    for one in found:
        cells = (one.kind, one.name, one.arn, one.owner, one.why, one.remedy)
        table.add_row(*cells)
    print_whole(console, table)


def _summary(found: Sequence[Orphan], resources: Sequence[Tagged], alive: Alive) -> list[str]:
    kept = kept_on_purpose(resources, alive)
    left = f" {kept} more were kept on purpose." if kept else ""
    if alive.gone:
        return [f"{len(found)} orphans of cluster {alive.cluster}.{left}"]
    lives = f"{len(alive.stores)} stores and {len(alive.runs)} runs that are not over"
    said = [f"{len(found)} orphans; the cluster has {lives}.{left}"]
    if untold := sum(not one.cluster for one in found if not alive.alone):
        said.append(
            f"{untold} of them tell no cluster: cafectl orphans {ALONE} where no other uses this "
            "account and region."
        )
    return [*said, *(_of_another(*one) for one in elsewhere(resources, alive).items())]


def _of_another(uid: str, number: int) -> str:
    if not UID.fullmatch(uid):  # anybody may have written it: it is no part of a command
        return f"{number} more belong to what is no cluster: {uid}"
    return (
        f"{number} more belong to another cluster, {uid}: cafectl orphans --cluster {uid} where "
        "that cluster is gone."
    )
