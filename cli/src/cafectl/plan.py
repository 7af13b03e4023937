"""`cafectl plan`: the next 24 hours as the operator plans them.

It reads the plan in the operator's ConfigMap: expected orders with the replicas that serve them,
and what AWS will have ready from when.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Annotated, Any

import typer
from kubernetes import client

from cafectl.chaos.cluster import TIMEOUT_S, Gone, asked
from cafectl.chaos.commands import Namespace
from cafectl.chaos.errors import told
from cafectl.terminal import Rows, Terminal, print_whole

PLAN = "cloudcafe-rush-plan"
SHOWN = timedelta(hours=24)
OUTDATED = timedelta(hours=2)
BAR = 24
console = Terminal()
problems = Terminal(stderr=True)
Said = Mapping[str, Any]


def plan(
    *,
    namespace: Namespace = "cloudcafe",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show the next 24 hours: expected orders a minute, replicas, and AWS's capacity.

    Rushes begin early here, each thing by the time it needs: by then what serves them must be
    there. The namespace is the operator's.
    """
    with told():
        levels, changes, stores = read(namespace)
        now = datetime.now(UTC)
        if old := outdated(levels, now):
            problems.trouble("outdated", old)
        levels, changes = coming_levels(levels, now), coming_changes(changes, now)
        if as_json:
            typer.echo(json.dumps({"levels": levels, "capacity": changes}, indent=2))
            return
        print_whole(console, levels_table(levels))
        if changes:
            console.print()
            print_whole(console, changes_table(changes))
        console.print(ending(stores, changes, _zone()), highlight=False)


def read(namespace: str) -> tuple[list[Said], list[Said], str]:
    """Return the levels, the changes of AWS and how many stores are in the plan."""
    try:
        found = asked(
            lambda api: api.read_namespaced_config_map(PLAN, namespace, _request_timeout=TIMEOUT_S),
            client.CoreV1Api,
        )
    except Gone:
        raise Gone(
            f"ConfigMap {PLAN} in namespace {namespace}: the operator writes it half a minute "
            "after its start; -n names its namespace"
        ) from None
    data = found.data
    changes = data.get("capacity.json", "[]")  # an older operator writes none
    return json.loads(data["plan.json"]), json.loads(changes), data["stores"]


def coming_levels(levels: Sequence[Said], now: datetime) -> list[Said]:
    """Return the level that is on and those of the next 24 hours."""
    following = [later["at"] for _, later in pairwise(levels)] + [""]
    return [
        level
        for level, until in zip(levels, following, strict=True)
        if (not until or _moment(until) > now) and _moment(level["at"]) <= now + SHOWN
    ]


def coming_changes(changes: Sequence[Said], now: datetime) -> list[Said]:
    """Return the changes of the next 24 hours."""
    return [one for one in changes if now < _moment(one["at"]) <= now + SHOWN]


def levels_table(levels: Sequence[Said]) -> Rows:
    """Return the levels as a table."""
    services = sorted({name for level in levels for name in level["minReplicas"]})
    most = max((level["ordersPerMinute"] for level in levels), default=0)
    table = Rows(box=None, pad_edge=False)
    table.add_column("From")
    table.add_column("Orders/min", justify="right")
    table.add_column("")
    for name in services:
        table.add_column(name, justify="right")
    for level in levels:
        rate = level["ordersPerMinute"]
        table.add_row(
            _clock(level["at"]),
            str(rate),
            "█" * round(BAR * rate / most) if most else "",
            *(str(level["minReplicas"].get(name, "")) for name in services),
        )
    return table


def changes_table(changes: Sequence[Said]) -> Rows:
    """Return what AWS will have ready as a table; what stays is marked."""
    table = Rows(box=None, pad_edge=False)
    for name in ("At", "AWS", "What", "From", "To", ""):
        table.add_column(name, justify="right" if name in ("From", "To") else "left")
    for one in changes:
        table.add_row(
            _clock(one["at"]),
            one["resource"],
            one["what"],
            f"{one['from']:g}",
            f"{one['to']:g}",
            one["note"],
        )
    return table


def ending(stores: str, changes: Sequence[Said], zone: str) -> str:
    """Return what a reader must know besides."""
    aws = "" if changes else " AWS is left as it is."
    return f"{stores} stores. Times are {zone}.{aws}"


def outdated(levels: Sequence[Said], now: datetime) -> str:
    """Say that nobody keeps to the plan any more: it is written anew each hour."""
    since = _moment(levels[0]["at"]) if levels else now
    if now - since < OUTDATED:
        return ""
    return f"This is the plan of {_clock(levels[0]['at'])}: is the operator running?"


def _clock(at: str) -> str:
    return f"{_moment(at).astimezone():%a %H:%M}"


def _moment(at: str) -> datetime:
    return datetime.fromisoformat(at)


def _zone() -> str:
    return datetime.now().astimezone().tzname() or "local"
