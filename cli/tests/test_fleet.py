"""The fleet's tables: what is known is shown, what is not is not invented."""

import inspect
import io
import json
import re
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from cafe_order import operations
from cafectl import fleet
from cafectl.app import app
from cafectl.chaos.cluster import Gone, Refused, Unreachable
from cafectl.fleet import NAMED, Activity, row_of
from cafectl.fleet_table import CHOSEN, Fleet, screen, stores_table, summary
from cafectl.terminal import Terminal
from cloudcafe_operator.resources.reasons import REASONS
from kubernetes import client
from rich.live import Live
from typer.testing import CliRunner

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
    console = Terminal(width=160, record=True, file=io.StringIO())
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
    assert summary(Fleet(rows)) == "2 stores: 1 ready, 1 open, 1 with books that differ."


def test_how_busy_a_store_is_stands_in_its_row_and_the_fleets_sum_below():
    busy = Activity(43.5, {"default.corner": [12.4, 310], "default.two": [30.0, None]})
    rows = [
        row_of(store(storeId="default.corner", conditions=ready()), busy),
        row_of(store("two", storeId="default.two"), busy),
        row_of(store("three", storeId="default.three"), busy),
    ]
    lines = shown(stores_table(rows, NOW))
    assert "12.4  310 ms" in lines[1]
    assert [row["ordersPerMinute"] for row in rows] == [12.4, 30.0, 0.0]
    assert summary(Fleet(rows, busy.orders_per_minute)).endswith(", 43.5 orders a minute.")
    assert summary(Fleet(rows)).endswith(", 42.4 orders a minute.")  # of one namespace


def test_a_price_is_shown_where_the_operator_knows_one():
    priced = {"monthlyUSD": "3.40", "pricedOn": "2026-11-01"}
    rows = [row_of(store(costEstimate=priced)), row_of(store("two", costEstimate=priced))]
    assert "3.40" in shown(stores_table(rows, NOW))[1]
    assert summary(Fleet(rows)).endswith(", 6.80 USD a month.")


def answered(monkeypatch, at, stores, of_all=(0, None), lease=None):
    """The operator's ConfigMap, and its Lease where it may be read."""
    data = {"activity.json": json.dumps({"at": at, "fleet": of_all, "stores": stores})}

    def asked(_, api):
        if api is client.CoreV1Api:
            return SimpleNamespace(data=data)
        if lease is None:
            raise Refused('leases "cloudcafe-operator" is forbidden')
        holder, renewed = lease
        spec = SimpleNamespace(
            holder_identity=holder, renew_time=datetime.fromisoformat(f"2026-03-02T{renewed}Z")
        )
        return SimpleNamespace(spec=spec)

    monkeypatch.setattr(fleet, "asked", asked)


def test_figures_that_nobody_has_renewed_are_not_shown_as_todays(monkeypatch):
    answered(monkeypatch, "2026-03-02T07:59:30Z", {"default.corner": [3.0, 40]}, (4.5, 40))
    assert fleet.activity("cloudcafe", NOW) == Activity(4.5, {"default.corner": [3.0, 40]})
    answered(monkeypatch, "2026-03-02T07:58:30Z", {"default.corner": [3.0, 40]})
    assert fleet.activity("cloudcafe", NOW) is None


@pytest.mark.parametrize(
    "lease", [None, ("operator-1", "07:50:00"), (None, "07:59:58")], ids=["hidden", "dead", "gone"]
)
def test_without_an_operator_a_fleet_is_not_called_idle(monkeypatch, lease):
    answered(monkeypatch, "2026-03-02T07:59:30Z", {}, lease=lease)
    assert fleet.activity("cloudcafe", NOW) == Activity(0, {})
    answered(monkeypatch, "2026-03-01T08:00:00Z", {}, lease=lease)
    assert fleet.activity("cloudcafe", NOW) is None


def test_what_the_operator_does_not_know_is_not_shown(monkeypatch):
    answered(monkeypatch, "2026-03-02T07:59:58Z", {}, of_all=None)
    assert fleet.activity("cloudcafe", NOW) is None


def test_a_fleet_without_orders_is_at_zero_however_long_ago_that_was_written(monkeypatch):
    answered(monkeypatch, "2026-03-01T08:00:00Z", {}, lease=("operator-1", "07:59:58"))
    assert fleet.activity("cloudcafe", NOW) == Activity(0, {})
    assert row_of(store(storeId="default.corner"), Activity(0, {}))["ordersPerMinute"] == 0.0


def test_without_the_operators_figures_none_are_invented(monkeypatch):
    def gone(*_):
        raise Gone("no such ConfigMap")

    monkeypatch.setattr(fleet, "asked", gone)
    assert fleet.activity("cloudcafe", NOW) is None
    row = row_of(store(storeId="default.corner"), None)
    assert (row["ordersPerMinute"], row["p95Ms"]) == (None, None)


def test_who_may_not_look_into_the_operators_namespace_sees_the_stores_all_the_same(monkeypatch):
    def refused(*_):
        raise Refused('configmaps "cloudcafe-fleet" is forbidden')

    monkeypatch.setattr(fleet, "asked", refused)
    assert fleet.activity("cloudcafe", NOW) is None


def test_a_store_that_is_not_among_those_named_is_not_called_idle():
    named = {f"default.s{number}": [5.0, 100] for number in range(NAMED)}
    busy = Activity(6000.0, named)
    rows = [row_of(store("s7", storeId="default.s7"), busy)]
    rows.append(row_of(store("other", storeId="default.other"), busy))
    assert [row["ordersPerMinute"] for row in rows] == [5.0, None]
    assert summary(Fleet(rows)).endswith(", at least 5 orders a minute.")


def test_all_stores_that_the_order_service_names_are_named():
    assert inspect.signature(operations.get_activity).parameters["limit"].default == NAMED


def on_a_screen(found, *, width=160, height=12):
    console = Terminal(width=width, file=io.StringIO(), force_terminal=True)
    console.size = (width, height)
    with Live(screen(console, found, NOW), console=console, auto_refresh=False):
        first = console.file.getvalue()  # of the frames
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", first)
    return [line.rstrip() for line in text.splitlines()]


def test_in_a_pipe_a_watch_prints_the_fleet_at_once_and_whenever_it_has_changed(monkeypatch):
    out, lost = io.StringIO(), Unreachable("the API server does not answer")
    one, two = (Fleet([row_of(store(name))]) for name in ("one", "two"))
    readings, lengths = iter([one, one, lost, two]), []

    def sleep(_):
        lengths.append(len(out.getvalue()))
        if len(lengths) == 4:
            raise KeyboardInterrupt

    def read(*_):
        seen = next(readings)
        if isinstance(seen, Unreachable):
            raise seen
        return seen

    monkeypatch.setattr(fleet, "read", read)
    monkeypatch.setattr(fleet, "console", Terminal(file=out))
    monkeypatch.setattr(fleet, "time", SimpleNamespace(sleep=sleep, monotonic=time.monotonic))
    result = CliRunner().invoke(app, ["stores", "--watch"])
    assert result.exit_code == 1
    first, same, unreachable, changed = lengths
    assert 0 < first == same < unreachable < changed
    assert "does not answer" in out.getvalue()[first:unreachable]
    assert "default/two" in out.getvalue()[unreachable:changed]


@pytest.mark.parametrize("width", [160, 70])
def test_a_screen_shows_the_sentence_and_what_is_troubled_or_busy_of_a_fleet_that_is_larger(width):
    busy = Activity(70.0, {"default.s30": [50.0, 90], "default.s31": [20.0, 90]})
    rows = [
        row_of(store(f"s{number}", storeId=f"default.s{number}", conditions=ready()), busy)
        for number in range(60)
    ]
    rows[40] = row_of(store("s40", conditions=ready("False", "Rejected")), busy)
    rows[50] = row_of(store("s50", conditions=ready(ledger="False")), busy)
    lines = on_a_screen(Fleet(rows, 70.0), width=width)
    text = " ".join(lines)
    assert text.startswith("60 stores: 59 ready, 0 open, 1 with books that differ, 70 orders")
    assert len(lines) <= 12
    names = re.findall(r"default/(s\d+)", text)
    assert names[:4] == ["s40", "s50", "s30", "s31"]
    assert f"{60 - len(names)} more are not shown" in text


@pytest.mark.parametrize(
    ("status", "reason"),
    [("False", "NotAcceptingOrders"), ("Unknown", "Paused"), ("Unknown", "Observed")],
)
def test_stores_that_are_not_ready_by_their_owners_wish_push_nobody_off_a_screen(status, reason):
    busy = Activity(50.0, {"default.busy": [50.0, 90]})
    rows = [row_of(store(f"a{n}", conditions=ready(status, reason)), busy) for n in range(30)]
    rows[7] = row_of(store("a7", conditions=ready(status, reason, ledger="False")), busy)
    rows.append(row_of(store("broken", conditions=ready("False", "Rejected")), busy))
    rows.append(row_of(store("busy", storeId="default.busy", conditions=ready()), busy))
    rows.append(row_of(store("new"), busy))
    names = re.findall(r"default/(\w+)", " ".join(on_a_screen(Fleet(rows, 50.0))))
    assert names[:5] == ["broken", "new", "a7", "busy", "a0"]


def test_the_operator_gives_these_reasons():
    assert set(CHOSEN) <= REASONS.keys()


def test_a_screen_with_room_for_all_shows_them_by_name():
    rows = [row_of(store(name, conditions=ready())) for name in ("a", "b", "c")]
    rows[2] = row_of(store("c", conditions=ready("False", "Rejected")))
    text = " ".join(on_a_screen(Fleet(rows)))
    assert re.findall(r"default/(\w)", text) == ["a", "b", "c"]
    assert "not shown" not in text
