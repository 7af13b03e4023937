"""The plan's tables: what is over is left out, what AWS gets ready has its time."""

import io
import time
from datetime import UTC, datetime

import pytest
from cafectl.plan import (
    changes_table,
    coming_changes,
    coming_levels,
    ending,
    levels_table,
    outdated,
)
from cafectl.terminal import Terminal

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def in_utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def shown(table):
    console = Terminal(width=160, record=True, file=io.StringIO())
    console.print(table)
    return [line.rstrip() for line in console.export_text().splitlines()]


def level(at, orders, **replicas):
    return {"at": at, "ordersPerMinute": orders, "minReplicas": replicas}


def change(at, before, after, note=""):
    what = {"resource": "cloudcafe", "what": "ACU at least", "note": note}
    return {"at": at, "from": before, "to": after, **what}


def test_the_plan_leaves_out_what_is_over_and_shows_the_level_that_is_on():
    levels = [
        level("2026-03-02T06:00:00Z", 0, order=2),
        level("2026-03-02T07:20:00Z", 6000, order=5),
        level("2026-03-02T09:30:00Z", 3000, order=3),
    ]
    lines = shown(levels_table(coming_levels(levels, NOW)))
    assert [line.split()[:3] for line in lines[1:]] == [
        ["Mon", "07:20", "6000"],
        ["Mon", "09:30", "3000"],
    ]
    assert lines[1].count("█") == 2 * lines[2].count("█")


def test_a_plan_without_any_rush_has_no_bars():
    levels = coming_levels([level("2026-03-02T06:00:00Z", 0)], NOW)
    assert shown(levels_table(levels))[1].split() == ["Mon", "06:00", "0"]


def test_what_is_later_than_a_day_is_left_out():
    levels = [level("2026-03-02T06:00:00Z", 0), level("2026-03-03T08:01:00Z", 7)]
    assert [one["ordersPerMinute"] for one in coming_levels(levels, NOW)] == [0]
    changes = [change("2026-03-02T07:59:00Z", 1, 2), change("2026-03-03T08:01:00Z", 2, 1)]
    assert coming_changes(changes, NOW) == []


def test_a_change_of_aws_has_its_time_its_figures_and_what_stays():
    changes = coming_changes(
        [
            change("2026-03-02T11:50:00Z", 0.5, 4.0),
            change("2026-03-02T14:00:00Z", 4.0, 0.5, "stays"),
        ],
        NOW,
    )
    lines = shown(changes_table(changes))
    assert lines[1].split() == ["Mon", "11:50", "cloudcafe", "ACU", "at", "least", "0.5", "4"]
    assert lines[2].endswith("4  0.5  stays")
    assert ending("3", changes, "UTC") == "3 stores. Times are UTC."


def test_a_plan_that_leaves_aws_alone_says_so():
    assert ending("3", [], "CET") == "3 stores. Times are CET. AWS is left as it is."


def test_a_plan_that_nobody_keeps_to_any_more_says_so():
    fresh, old = level("2026-03-02T07:00:00Z", 0), level("2026-02-28T18:00:00Z", 0)
    assert outdated([fresh], NOW) == ""
    assert "is the operator running?" in outdated([old], NOW)
    assert outdated([], NOW) == ""
