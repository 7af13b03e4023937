"""How `cafectl stores` shows a fleet: a table, a sentence, and what of both a screen has room for.

Pure. A row is what `fleet.py` read of a store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Group
from rich.text import Text

from cafectl.terminal import NO_LIMIT, Rows, Terminal

Row = Mapping[str, Any]
COLUMNS = (
    "Store", "Tier", "Open", "Orders/min", "p95", "Ready", "Why", "Coffee", "Ledger", "Drift",
    "USD/month", "Next rush",
)  # fmt: skip
DISPENSABLE = ("USD/month", "Next rush", "Tier", "Coffee", "p95", "Drift", "Open", "Ledger")
FIGURES = ("Orders/min", "p95", "Coffee", "Drift", "USD/month")
CHOSEN = ("NotAcceptingOrders", "Paused", "Observed")  # why a store is not ready: its owner's wish
HEADING, NOTE, CURSOR = 1, 1, 1  # lines of a screen that are no store's


@dataclass(frozen=True, slots=True)
class Fleet:
    """Rows in order, and the orders a minute of all stores; None where only rows tell them."""

    rows: Sequence[dict[str, Any]]
    orders_per_minute: float | None = None


def stores_table(rows: Sequence[Row], now: datetime, columns: Sequence[str] = COLUMNS) -> Rows:
    """Return the fleet as a table."""
    table = Rows(box=None, pad_edge=False)
    for name in columns:
        table.add_column(name, justify="right" if name in FIGURES else "left")
    for row in rows:
        cells = _cells(row, now)
        table.add_row(*(cells[name] for name in columns))
    return table


def _cells(row: Row, now: datetime) -> dict[str, str | Text]:
    return {
        "Store": f"{row['namespace']}/{row['name']}",
        "Tier": row["tier"],
        "Open": _opens(row, now),
        "Orders/min": _figure(row["ordersPerMinute"], ""),
        "p95": _figure(row["p95Ms"], " ms"),
        "Ready": _answer(row["ready"]),
        "Why": row["reason"],
        "Coffee": _figure(row["coffeeMs"], " ms"),
        "Ledger": _answer(row["ledger"]),
        "Drift": Text(str(row["drift"]), style="yellow" if row["drift"] else ""),
        "USD/month": str(row["monthlyUsd"] or "-"),
        "Next rush": _rush(row, now),
    }


def summary(fleet: Fleet) -> str:
    """Return the fleet in a sentence."""
    rows = fleet.rows
    ready = sum(row["ready"] == "True" for row in rows)
    accepting = sum(bool(row["accepting"]) for row in rows)
    differing = sum(row["ledger"] == "False" for row in rows)
    books = f"{differing} with books that differ"
    costs = [float(row["monthlyUsd"]) for row in rows if row["monthlyUsd"]]
    cost = f", {sum(costs):.2f} USD a month" if costs else ""
    stores = "1 store" if len(rows) == 1 else f"{len(rows)} stores"
    return f"{stores}: {ready} ready, {accepting} open, {books}{_orders(fleet)}{cost}."


def _orders(fleet: Fleet) -> str:
    """Say how many orders a minute; of some stores at least those of the stores that are named."""
    if fleet.orders_per_minute is not None:
        return f", {fleet.orders_per_minute:g} orders a minute"
    rates = [row["ordersPerMinute"] for row in fleet.rows]
    known = [rate for rate in rates if rate is not None]
    if not known:
        return ""
    least = "" if len(known) == len(rates) else "at least "
    return f", {least}{round(sum(known), 1):g} orders a minute"


def screen(console: Terminal, fleet: Fleet, now: datetime) -> Group:
    """Return what a screen has room for: the sentence, and the rows that matter most."""
    sentence = Text(summary(fleet))
    room = console.height - len(sentence.wrap(console, console.width)) - HEADING - CURSOR
    rows, left_out = fleet.rows, 0
    if len(rows) > room:
        rows = sorted(rows, key=_importance)[: max(0, room - NOTE)]
        left_out = len(fleet.rows) - len(rows)
    note = [Text(f"{left_out} more are not shown.")]
    return Group(sentence, _fitting(console, rows, now), *(note if left_out else []))


def _fitting(console: Terminal, rows: Sequence[Row], now: datetime) -> Rows:
    """Return a table with a line for each row: what the width has no room for goes first."""
    for dropped in range(len(DISPENSABLE) + 1):
        shown = [name for name in COLUMNS if name not in DISPENSABLE[:dropped]]
        table = stores_table(rows, now, shown)
        for column in table.columns:
            column.no_wrap, column.overflow = True, "ellipsis"
        wide = console.options.update(max_width=NO_LIMIT)
        if console.measure(table, options=wide).maximum <= console.width:
            break
    return table


def _importance(row: Row) -> tuple[bool, bool, bool, float, str, str]:
    """Sort what is not as it should be first, then what is busiest."""
    return (
        row["ready"] == "True" or row["reason"] in CHOSEN,
        row["ledger"] != "False",
        not row["drift"],
        -(row["ordersPerMinute"] or 0.0),
        row["namespace"],
        row["name"],
    )


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
