"""The fleet's tables: what is known is shown, what is not is not invented."""

import io
import json
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from cafectl import fleet
from cafectl.chaos.cluster import Gone, Refused
from cafectl.fleet import row_of, stores_table, summary
from cafectl.terminal import Terminal
from kubernetes import client

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
    assert summary(rows) == "2 stores: 1 ready, 1 open, 1 with books that differ."


def test_how_busy_a_store_is_stands_in_its_row_and_the_fleets_sum_below():
    busy = {"default.corner": [12.4, 310], "default.two": [30.0, None]}
    rows = [
        row_of(store(storeId="default.corner", conditions=ready()), busy),
        row_of(store("two", storeId="default.two"), busy),
        row_of(store("three", storeId="default.three"), busy),
    ]
    lines = shown(stores_table(rows, NOW))
    assert "12.4  310 ms" in lines[1]
    assert [row["ordersPerMinute"] for row in rows] == [12.4, 30.0, 0.0]
    assert summary(rows).endswith(", 42.4 orders a minute.")


def test_a_price_is_shown_where_the_operator_knows_one():
    priced = {"monthlyUSD": "3.40", "pricedOn": "2026-11-01"}
    rows = [row_of(store(costEstimate=priced)), row_of(store("two", costEstimate=priced))]
    assert "3.40" in shown(stores_table(rows, NOW))[1]
    assert summary(rows).endswith(", 6.80 USD a month.")


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
    answered(monkeypatch, "2026-03-02T07:59:30Z", {"default.corner": [3.0, 40]})
    assert fleet.activity("cloudcafe", NOW) == {"default.corner": [3.0, 40]}
    answered(monkeypatch, "2026-03-02T07:58:30Z", {"default.corner": [3.0, 40]})
    assert fleet.activity("cloudcafe", NOW) is None


@pytest.mark.parametrize(
    "lease", [None, ("operator-1", "07:50:00"), (None, "07:59:58")], ids=["hidden", "dead", "gone"]
)
def test_without_an_operator_a_fleet_is_not_called_idle(monkeypatch, lease):
    answered(monkeypatch, "2026-03-02T07:59:30Z", {}, lease=lease)
    assert fleet.activity("cloudcafe", NOW) == {}
    answered(monkeypatch, "2026-03-01T08:00:00Z", {}, lease=lease)
    assert fleet.activity("cloudcafe", NOW) is None


def test_what_the_operator_does_not_know_is_not_shown(monkeypatch):
    answered(monkeypatch, "2026-03-02T07:59:58Z", {}, of_all=None)
    assert fleet.activity("cloudcafe", NOW) is None


def test_a_fleet_without_orders_is_at_zero_however_long_ago_that_was_written(monkeypatch):
    answered(monkeypatch, "2026-03-01T08:00:00Z", {}, lease=("operator-1", "07:59:58"))
    assert fleet.activity("cloudcafe", NOW) == {}
    assert row_of(store(storeId="default.corner"), {})["ordersPerMinute"] == 0.0


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
