"""`cafectl stores` and `cafectl plan`: the fleet as the operator sees it.

Both only read what the operator wrote: the stores' status, and the plan in its ConfigMap.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from typing import Annotated, Any

import typer
from kubernetes import client
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cafectl.chaos.cluster import GROUP, VERSION, Gone, Unreachable, asked
from cafectl.chaos.commands import Namespace
from cafectl.chaos.errors import told

PLAN = "cloudcafe-rush-plan"
PAGE = 500
EVERY_S = 2.0
BAR = 24
NOT_READY = 1
console = Console()
Manifest = Mapping[str, Any]


def stores(
    *,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Only this namespace; all where left out.")
    ] = "",
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show every store: open, Ready and why, a coffee's time, books, drift, its next rush.

    Exit codes: 0 all are Ready; 1 some are not; 2 it cannot be told.
    """
    with told():
        found = read(namespace)
        if as_json:
            typer.echo(json.dumps(found, indent=2))
        elif watch:
            _live(namespace, found)
        else:
            console.print(stores_table(found, datetime.now(UTC)))
            console.print(summary(found), highlight=False)
        raise typer.Exit(NOT_READY if any(row["ready"] != "True" for row in found) else 0)


def plan(
    *,
    namespace: Namespace = "cloudcafe",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show the next 24 hours: expected orders a minute, and the replicas that are made ready.

    Rushes begin here ten minutes early: by then what serves them must be there. The namespace is
    the operator's.
    """
    with told():
        try:
            config = asked(
                lambda api: api.read_namespaced_config_map(PLAN, namespace), client.CoreV1Api
            )
        except Gone:
            raise Gone(
                f"ConfigMap {PLAN} in namespace {namespace}: the operator writes it half a minute "
                "after its start; -n names its namespace"
            ) from None
        levels = json.loads(config.data["plan.json"])
        if as_json:
            typer.echo(json.dumps(levels, indent=2))
            return
        console.print(plan_table(levels, datetime.now(UTC)))
        console.print(f"{config.data['stores']} stores. Times are {_zone()}.", highlight=False)


def read(namespace: str = "") -> list[dict[str, Any]]:
    """Return a row for each store, sorted by name; page by page."""
    rows: list[dict[str, Any]] = []
    token: str | None = None
    while True:
        answer = asked(partial(_page, namespace=namespace, token=token))
        rows += [row_of(one) for one in answer["items"]]
        token = answer["metadata"].get("continue")
        if not token:
            return sorted(rows, key=lambda row: (row["namespace"], row["name"]))


def _page(api: Any, *, namespace: str, token: str | None) -> Any:
    options = {"limit": PAGE, **({"_continue": token} if token else {})}
    if namespace:
        return api.list_namespaced_custom_object(GROUP, VERSION, namespace, "cafestores", **options)
    return api.list_cluster_custom_object(GROUP, VERSION, "cafestores", **options)


def row_of(store: Manifest) -> dict[str, Any]:
    """Return what the table shows of a store; what is not known yet is empty."""
    spec, status = store["spec"], store.get("status") or {}
    conditions = {one["type"]: one for one in status.get("conditions") or ()}
    ready = conditions.get("Ready", {})
    rush = status.get("nextRush") or {}
    return {
        "namespace": store["metadata"]["namespace"],
        "name": store["metadata"]["name"],
        "tier": spec.get("tier", ""),
        "accepting": status.get("acceptingOrders", False),
        "nextChange": status.get("nextChange", ""),
        "ready": ready.get("status", "Unknown"),
        "reason": ready.get("reason", ""),
        "coffeeMs": (status.get("orderPath") or {}).get("totalMs"),
        "ledger": conditions.get("LedgerBalanced", {}).get("status", "Unknown"),
        "drift": len(status.get("drift") or ()),
        "rush": rush.get("name", ""),
        "rushStart": rush.get("start", ""),
        "rushOrdersPerMinute": rush.get("ordersPerMinute"),
    }


def stores_table(rows: Sequence[Mapping[str, Any]], now: datetime) -> Table:
    """Return the fleet as a table."""
    table = Table(box=None, pad_edge=False)
    for name in ("Store", "Tier", "Open", "Ready", "Why", "Coffee", "Ledger", "Drift", "Next rush"):
        table.add_column(name, justify="right" if name in ("Coffee", "Drift") else "left")
    for row in rows:
        coffee = "-" if row["coffeeMs"] is None else f"{row['coffeeMs']} ms"
        table.add_row(
            f"{row['namespace']}/{row['name']}",
            row["tier"],
            _opens(row, now),
            _answer(row["ready"]),
            row["reason"],
            coffee,
            _answer(row["ledger"]),
            Text(str(row["drift"]), style="yellow" if row["drift"] else ""),
            _rush(row, now),
        )
    return table


def summary(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the fleet in a sentence."""
    ready = sum(row["ready"] == "True" for row in rows)
    accepting = sum(bool(row["accepting"]) for row in rows)
    differing = sum(row["ledger"] == "False" for row in rows)
    books = f"{differing} with books that differ"
    return f"{len(rows)} stores: {ready} ready, {accepting} open, {books}."


def plan_table(levels: Sequence[Mapping[str, Any]], now: datetime) -> Table:
    """Return the plan as a table; what is over is left out."""
    following = [later["at"] for _, later in pairwise(levels)] + [""]
    ahead = [
        level
        for level, until in zip(levels, following, strict=True)
        if not until or datetime.fromisoformat(until) > now
    ]
    services = sorted({name for level in ahead for name in level["minReplicas"]})
    most = max((level["ordersPerMinute"] for level in ahead), default=0)
    table = Table(box=None, pad_edge=False)
    table.add_column("From")
    table.add_column("Orders/min", justify="right")
    table.add_column("")
    for name in services:
        table.add_column(name, justify="right")
    for level in ahead:
        rate = level["ordersPerMinute"]
        table.add_row(
            f"{datetime.fromisoformat(level['at']).astimezone():%a %H:%M}",
            str(rate),
            "█" * round(BAR * rate / most) if most else "",
            *(str(level["minReplicas"].get(name, "")) for name in services),
        )
    return table


def _live(namespace: str, found: list[dict[str, Any]]) -> None:
    with Live(stores_table(found, datetime.now(UTC)), console=console, auto_refresh=False) as live:
        try:
            while True:
                time.sleep(EVERY_S)
                try:
                    live.update(stores_table(read(namespace), datetime.now(UTC)), refresh=True)
                except Unreachable as problem:
                    live.update(Text(str(problem), style="yellow"), refresh=True)
        except KeyboardInterrupt:
            return


def _opens(row: Mapping[str, Any], now: datetime) -> Text:
    word, style = ("yes", "green") if row["accepting"] else ("no", "")
    until = f", {_when(row['nextChange'], now)}" if row["nextChange"] else ""
    return Text.assemble((word, style), until)


def _rush(row: Mapping[str, Any], now: datetime) -> str:
    if not row["rush"]:
        return ""
    begins = datetime.fromisoformat(row["rushStart"])
    when = "now" if begins <= now else _when(row["rushStart"], now)
    return f"{row['rush']} {when}, {row['rushOrdersPerMinute']}/min"


def _answer(status: str) -> Text:
    return Text(status, style={"True": "green", "False": "red"}.get(status, "yellow"))


def _when(moment: str, now: datetime) -> str:
    at = datetime.fromisoformat(moment).astimezone()
    return f"{at:%H:%M}" if at.date() == now.astimezone().date() else f"{at:%a %H:%M}"


def _zone() -> str:
    return datetime.now().astimezone().tzname() or "local"
