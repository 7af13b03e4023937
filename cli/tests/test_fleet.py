"""The fleet's tables: what is known is shown, what is not is not invented."""

import io
import time
from datetime import UTC, datetime

import pytest
from cafectl.fleet import plan_table, row_of, stores_table, summary
from rich.console import Console

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SPEC = {"city": "Lisbon", "timezone": "Europe/Lisbon", "currency": "EUR", "tier": "standard"}


@pytest.fixture(autouse=True)
def in_utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def store(name="corner", **status):
    meta = {"namespace": "default", "name": name}
    return {"metadata": meta, "spec": SPEC, "status": status}


def shown(table):
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(table)
    return [line.rstrip() for line in console.export_text().splitlines()]


def ready(status="True", reason="Ready", ledger="True"):
    return [
        {"type": "Ready", "status": status, "reason": reason},
        {"type": "LedgerBalanced", "status": ledger, "reason": "Balanced"},
    ]


def test_a_store_that_was_just_made_shows_nothing_it_does_not_know():
    row = row_of({"metadata": {"namespace": "default", "name": "new"}, "spec": SPEC})
    assert (row["ready"], row["ledger"], row["coffeeMs"]) == ("Unknown", "Unknown", None)
    assert " - " in shown(stores_table([row], NOW))[1]


def test_an_open_store_shows_until_when_and_its_next_rush():
    rush = {"name": "lunch", "start": "2026-03-02T12:00:00Z", "ordersPerMinute": 40}
    row = row_of(
        store(
            acceptingOrders=True,
            nextChange="2026-03-03T19:00:00Z",
            nextRush=rush,
            orderPath={"totalMs": 210},
            conditions=ready(),
        )
    )
    line = shown(stores_table([row], NOW))[1]
    for word in ("default/corner", "yes, Tue 19:00", "210 ms", "lunch 12:00, 40/min"):
        assert word in line


def test_a_rush_that_has_begun_is_now():
    rush = {"name": "morning", "start": "2026-03-02T07:30:00Z", "ordersPerMinute": 40}
    line = shown(stores_table([row_of(store(nextRush=rush))], NOW))[1]
    assert line.endswith("morning now, 40/min")


def test_the_fleet_in_a_sentence():
    rows = [
        row_of(store(acceptingOrders=True, conditions=ready())),
        row_of(store("two", conditions=ready("False", "Rejected", ledger="False"))),
    ]
    assert summary(rows) == "2 stores: 1 ready, 1 open, 1 with books that differ."


def test_the_plan_leaves_out_what_is_over_and_shows_the_level_that_is_on():
    levels = [
        {"at": "2026-03-02T06:00:00Z", "ordersPerMinute": 0, "minReplicas": {"order": 2}},
        {"at": "2026-03-02T07:20:00Z", "ordersPerMinute": 6000, "minReplicas": {"order": 5}},
        {"at": "2026-03-02T09:30:00Z", "ordersPerMinute": 3000, "minReplicas": {"order": 3}},
    ]
    lines = shown(plan_table(levels, NOW))
    assert [line.split()[:3] for line in lines[1:]] == [
        ["Mon", "07:20", "6000"],
        ["Mon", "09:30", "3000"],
    ]
    assert lines[1].count("█") == 2 * lines[2].count("█")


def test_a_plan_without_any_rush_has_no_bars():
    levels = [{"at": "2026-03-02T06:00:00Z", "ordersPerMinute": 0, "minReplicas": {}}]
    assert shown(plan_table(levels, NOW))[1].split() == ["Mon", "06:00", "0"]
