"""`cafectl stores`: the fleet as the operator sees it, live.

It only reads what the operator wrote: the stores' status, page by page, and how busy they are, for
all of them in one ConfigMap.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any

import typer
from kubernetes import client
from rich.live import Live
from rich.text import Text

from cafectl.catalogue import version
from cafectl.chaos.cluster import (
    GROUP,
    HOME,
    LEASE,
    TIMEOUT_S,
    Gone,
    Refused,
    Unreachable,
    asked,
)
from cafectl.chaos.commands import OperatorNamespace
from cafectl.chaos.errors import told
from cafectl.fleet_table import Fleet, screen, stores_table, summary
from cafectl.terminal import Terminal, print_whole

STORES = "cafestores"
ACTIVITY = "cloudcafe-fleet"
OLD = timedelta(minutes=1)  # while guests order, the operator writes each quarter of a minute
NAMED = 1000  # so many stores the order service names, the busiest first
PAGE = 500
EVERY_S = 2.0
SHARE = 10  # of ten thousand stores, reading must not become what the API server does all day
NOT_READY = 1
console = Terminal()
Manifest = Mapping[str, Any]
Figures = tuple[float | None, float | None]  # orders a minute, p95 in ms


@dataclass(frozen=True, slots=True)
class Activity:
    """What guests do: in all stores, and in those that are named, by their id."""

    orders_per_minute: float
    stores: Mapping[str, Sequence[float | None]]

    def of(self, store_id: str) -> Figures:
        """Return a store's figures; one that is not named may still be less busy than those."""
        if (found := self.stores.get(store_id)) is not None:
            rate, p95 = found
            return rate, p95
        return (0.0, None) if len(self.stores) < NAMED else (None, None)


def stores(
    *,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Only this namespace; all where left out.")
    ] = "",
    operator_namespace: OperatorNamespace = HOME,
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
            typer.echo(json.dumps(found.rows, indent=2))
        elif watch:
            show = _live if console.is_terminal else _again_and_again
            with suppress(KeyboardInterrupt):
                show(lambda: read(namespace, operator_namespace), found)
        else:
            _print(found)
        raise typer.Exit(NOT_READY if any(row["ready"] != "True" for row in found.rows) else 0)


def read(namespace: str = "", operator_namespace: str = HOME) -> Fleet:
    """Return a row for each store, sorted by name, and the orders of all; page by page."""
    busy = activity(operator_namespace, datetime.now(UTC))
    rows: list[dict[str, Any]] = []
    token: str | None = None
    while True:
        answer = asked(partial(_page, namespace=namespace, token=token))
        rows += [row_of(one, busy) for one in answer["items"]]
        token = answer["metadata"].get("continue")
        if not token:
            rows.sort(key=lambda row: (row["namespace"], row["name"]))
            return Fleet(rows, busy.orders_per_minute if busy and not namespace else None)


def activity(operator_namespace: str, now: datetime) -> Activity | None:
    """Return how busy the stores are; None where that is old or not for us to see.

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
    return Activity(said["fleet"][0], said["stores"])


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
    rate, p95 = (None, None) if busy is None else busy.of(status.get("storeId", ""))
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


def _print(found: Fleet) -> None:
    print_whole(console, stores_table(found.rows, datetime.now(UTC)))
    console.print(summary(found), highlight=False)


def _again_and_again(again: Callable[[], Fleet], found: Fleet) -> None:
    """Print the fleet whenever it has changed: a pipe has no screen that could be redrawn."""
    _print(found)
    for seen in _readings(again):
        if isinstance(seen, Unreachable):
            console.print(str(seen), highlight=False)
        elif seen != found:
            found = seen
            _print(found)


def _readings(again: Callable[[], Fleet]) -> Iterator[Fleet | Unreachable]:
    """Read for ever; yield what was read, or why nothing was."""
    took = 0.0
    while True:
        time.sleep(max(EVERY_S, SHARE * took))
        began = time.monotonic()
        try:
            seen: Fleet | Unreachable = again()
        except Unreachable as problem:
            seen = problem
        took = time.monotonic() - began
        yield seen


def _live(again: Callable[[], Fleet], found: Fleet) -> None:
    with Live(
        screen(console, found, datetime.now(UTC)), console=console, auto_refresh=False
    ) as live:
        for seen in _readings(again):
            if isinstance(seen, Unreachable):
                live.update(Text(str(seen), style="yellow"), refresh=True)
            else:
                live.update(screen(console, seen, datetime.now(UTC)), refresh=True)
