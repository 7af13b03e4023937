"""`cafectl stores`: the fleet as the operator sees it, live.

It only reads what the operator wrote: the stores' status, page by page, and how busy they are, for
all of them in one ConfigMap.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any

import typer
from kubernetes import client
from rich.console import Group
from rich.live import Live
from rich.text import Text

from cafectl.catalogue import version
from cafectl.chaos.cluster import (
    GROUP,
    TIMEOUT_S,
    Gone,
    Refused,
    Unreachable,
    asked,
)
from cafectl.chaos.commands import OperatorNamespace
from cafectl.chaos.errors import told
from cafectl.terminal import Rows, Terminal, print_whole

STORES = "cafestores"
ACTIVITY = "cloudcafe-fleet"
LEASE = "cloudcafe-operator"
OLD = timedelta(minutes=1)  # while guests order, the operator writes each quarter of a minute
PAGE = 500
EVERY_S = 2.0
SHARE = 10  # of ten thousand stores, reading must not become what the API server does all day
NOT_READY = 1
console = Terminal()
Manifest = Mapping[str, Any]
Activity = Mapping[str, list[float | None]]
COLUMNS = (
    "Store", "Tier", "Open", "Orders/min", "p95", "Ready", "Why", "Coffee", "Ledger", "Drift",
    "USD/month", "Next rush",
)  # fmt: skip
FIGURES = ("Orders/min", "p95", "Coffee", "Drift", "USD/month")


def stores(
    *,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Only this namespace; all where left out.")
    ] = "",
    operator_namespace: OperatorNamespace = "cloudcafe",
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show every store: open, how busy, Ready and why, a coffee's time, books, drift, cost, rush.

    Orders a minute and p95, from placed to confirmed, are guests' of the last five minutes.

    Exit codes: 0 all are Ready; 1 some are not; 2 it cannot be told.
    """
    with told():
        found = read(namespace, operator_namespace)
        if as_json:
            typer.echo(json.dumps(found, indent=2))
        elif watch:
            _live(lambda: read(namespace, operator_namespace), found)
        else:
            print_whole(console, stores_table(found, datetime.now(UTC)))
            console.print(summary(found), highlight=False)
        raise typer.Exit(NOT_READY if any(row["ready"] != "True" for row in found) else 0)


def read(namespace: str = "", operator_namespace: str = "cloudcafe") -> list[dict[str, Any]]:
    """Return a row for each store, sorted by name; page by page."""
    busy = activity(operator_namespace, datetime.now(UTC))
    rows: list[dict[str, Any]] = []
    token: str | None = None
    while True:
        answer = asked(partial(_page, namespace=namespace, token=token))
        rows += [row_of(one, busy) for one in answer["items"]]
        token = answer["metadata"].get("continue")
        if not token:
            return sorted(rows, key=lambda row: (row["namespace"], row["name"]))


def activity(operator_namespace: str, now: datetime) -> Activity | None:
    """Return orders a minute and p95 by store id; None where they are old or not for us to see.

    An operator writes nothing while nobody orders: its Lease tells whether it is there.
    """
    try:
        found = asked(
            lambda api: api.read_namespaced_config_map(
                ACTIVITY, operator_namespace, _request_timeout=TIMEOUT_S
            ),
            client.CoreV1Api,
        )
        said = json.loads(found.data["activity.json"])
        old = now - datetime.fromisoformat(said["at"]) > OLD
        if said["fleet"] is None or (old and (said["stores"] or not _led(operator_namespace, now))):
            return None
    except (Gone, Refused):  # who sees the stores of a namespace need not see the operator's
        return None
    stores: Activity = said["stores"]
    return stores


def _led(operator_namespace: str, now: datetime) -> bool:
    """Whether an operator leads."""
    lease = asked(
        lambda api: api.read_namespaced_lease(
            LEASE, operator_namespace, _request_timeout=TIMEOUT_S
        ),
        client.CoordinationV1Api,
    ).spec
    return bool(lease.holder_identity) and now - lease.renew_time <= OLD


def _page(api: Any, *, namespace: str, token: str | None) -> Any:
    options = {
        "limit": PAGE,
        "_request_timeout": TIMEOUT_S,
        **({"_continue": token} if token else {}),
    }
    kind = (GROUP, version(STORES))
    if namespace:
        return api.list_namespaced_custom_object(*kind, namespace, STORES, **options)
    return api.list_cluster_custom_object(*kind, STORES, **options)


def row_of(store: Manifest, busy: Activity | None = None) -> dict[str, Any]:
    """Return what the table shows of a store; what is not known yet is empty."""
    spec, status = store["spec"], store.get("status") or {}
    conditions = {one["type"]: one for one in status.get("conditions") or ()}
    ready = conditions.get("Ready", {})
    rush = status.get("nextRush") or {}
    quiet = [None, None] if busy is None else [0.0, None]
    rate, p95 = (busy or {}).get(status.get("storeId", ""), quiet)
    return {
        "namespace": store["metadata"]["namespace"],
        "name": store["metadata"]["name"],
        "tier": spec.get("tier", ""),
        "accepting": status.get("acceptingOrders", False),
        "nextChange": status.get("nextChange", ""),
        "ordersPerMinute": rate,
        "p95Ms": p95,
        "ready": ready.get("status", "Unknown"),
        "reason": ready.get("reason", ""),
        "coffeeMs": (status.get("orderPath") or {}).get("totalMs"),
        "ledger": conditions.get("LedgerBalanced", {}).get("status", "Unknown"),
        "drift": len(status.get("drift") or ()),
        "monthlyUsd": (status.get("costEstimate") or {}).get("monthlyUSD"),
        "rush": rush.get("name", ""),
        "rushStart": rush.get("start", ""),
        "rushOrdersPerMinute": rush.get("ordersPerMinute"),
    }


def stores_table(rows: Sequence[Mapping[str, Any]], now: datetime) -> Rows:
    """Return the fleet as a table."""
    table = Rows(box=None, pad_edge=False)
    for name in COLUMNS:
        table.add_column(name, justify="right" if name in FIGURES else "left")
    for row in rows:
        table.add_row(
            f"{row['namespace']}/{row['name']}",
            row["tier"],
            _opens(row, now),
            _figure(row["ordersPerMinute"], ""),
            _figure(row["p95Ms"], " ms"),
            _answer(row["ready"]),
            row["reason"],
            _figure(row["coffeeMs"], " ms"),
            _answer(row["ledger"]),
            Text(str(row["drift"]), style="yellow" if row["drift"] else ""),
            str(row["monthlyUsd"] or "-"),
            _rush(row, now),
        )
    return table


def summary(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the fleet in a sentence."""
    ready = sum(row["ready"] == "True" for row in rows)
    accepting = sum(bool(row["accepting"]) for row in rows)
    differing = sum(row["ledger"] == "False" for row in rows)
    books = f"{differing} with books that differ"
    rates = [row["ordersPerMinute"] for row in rows if row["ordersPerMinute"] is not None]
    orders = f", {sum(rates):g} orders a minute" if rates else ""
    costs = [float(row["monthlyUsd"]) for row in rows if row["monthlyUsd"]]
    cost = f", {sum(costs):.2f} USD a month" if costs else ""
    stores = "1 store" if len(rows) == 1 else f"{len(rows)} stores"
    return f"{stores}: {ready} ready, {accepting} open, {books}{orders}{cost}."


def _live(again: Callable[[], list[dict[str, Any]]], found: list[dict[str, Any]]) -> None:
    with Live(_screen(found), console=console, auto_refresh=False) as live:
        try:
            took = 0.0
            while True:
                time.sleep(max(EVERY_S, SHARE * took))
                began = time.monotonic()
                try:
                    live.update(_screen(again()), refresh=True)
                except Unreachable as problem:
                    live.update(Text(str(problem), style="yellow"), refresh=True)
                took = time.monotonic() - began
        except KeyboardInterrupt:
            return


def _screen(rows: Sequence[Mapping[str, Any]]) -> Group:
    return Group(stores_table(rows, datetime.now(UTC)), summary(rows))


def _figure(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:g}{unit}"


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
