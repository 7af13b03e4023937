"""The fleet in figures: bounded, true at once, and free while nothing happens."""

import json
import math

import pytest
from cafe_order import activity as of_order
from cloudcafe_operator import metrics
from cloudcafe_operator.effects.fleet import MOST_LABELS, SHOWN
from cloudcafe_operator.errors import Unavailable, UserError
from cloudcafe_operator.planning.fleet import Activity, Fleet, Standing, fleet
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest

from tests.fakes.stores import ID, REF, StoreWorld


@pytest.fixture
def world():
    return StoreWorld()


def keeper(world):
    return world.reconciler.fleet


def value(gauge):
    return gauge._value.get()


def shown(world):
    found = world.kubernetes.find("ConfigMap", SHOWN, "cloudcafe")
    return json.loads(found["data"]["activity.json"])


async def test_a_store_counts_as_it_stands_and_no_longer_when_it_is_gone(world):
    await world.apply()
    await world.settle()
    await keeper(world).round()
    assert value(metrics.stores.labels("True")) == 1
    assert value(metrics.stores_accepting) == 1
    assert value(metrics.stores_monthly_usd) > 0
    assert value(metrics.stores_balanced.labels("Unknown")) == 1
    await world.kubernetes.delete(REF)
    await world.settle()
    await keeper(world).round()
    assert value(metrics.stores.labels("True")) == 0
    assert value(metrics.stores_accepting) == 0
    assert value(metrics.stores_monthly_usd) == 0


async def test_a_store_that_is_refused_is_not_ready(world):
    await world.apply(stock=[{"sku": "unicorn", "quantity": 1}])
    with pytest.raises(UserError):
        await world.reconcile()
    await keeper(world).round()
    assert value(metrics.stores.labels("False")) == 1


async def test_what_guests_do_is_measured_and_shown(world):
    world.cafe.busy = {ID: (12.4, 310), "default.harbour": (40.0, None)}
    await keeper(world).round()
    assert value(metrics.orders_per_minute) == 52.4
    assert value(metrics.order_wait) == 0.31
    assert shown(world) == {
        "at": "2026-03-01T09:00:00Z",
        "fleet": [52.4, 310],
        "stores": {"default.harbour": [40.0, None], ID: [12.4, 310]},
    }


async def test_a_fleet_without_orders_costs_no_writes(world):
    await keeper(world).round()
    before = len(world.recorder.writes)
    for _ in range(5):
        world.clock.advance(15)
        await keeper(world).round()
    assert len(world.recorder.writes) == before


async def test_a_new_leader_shows_again_only_what_is_new(world):
    world.cafe.busy = {ID: (12.4, 310)}
    await keeper(world).round()
    before = len(world.recorder.writes)
    world.restart()
    await keeper(world).round()
    assert len(world.recorder.writes) == before
    world.cafe.busy = {ID: (13.0, 310)}
    await keeper(world).round()
    assert shown(world)["fleet"] == [13.0, 310]


async def test_figures_that_stay_the_same_are_shown_as_todays_while_there_are_orders(world):
    world.cafe.busy = {ID: (0.2, 310)}
    await keeper(world).round()
    for _ in range(4):
        world.clock.advance(15)
        await keeper(world).round()
    assert shown(world)["at"] == "2026-03-01T09:01:00Z"


@pytest.mark.parametrize("text", ["hello", "[]", "null", "7"])
async def test_what_a_person_wrote_there_is_replaced(world, text):
    await keeper(world).round()
    world.kubernetes.find("ConfigMap", SHOWN, "cloudcafe")["data"]["activity.json"] = text
    world.restart()
    await keeper(world).round()
    assert shown(world)["stores"] == {}


async def test_an_order_service_that_is_away_leaves_the_stores_counted(world):
    await world.apply()
    await world.settle()
    world.http.mount("order:8080", lambda *_: (503, {"title": "away"}))
    with pytest.raises(Unavailable):
        await keeper(world).round()
    assert value(metrics.stores.labels("True")) == 1


async def test_in_an_outage_what_guests_do_is_soon_not_known_and_not_as_before(world):
    world.cafe.busy = {ID: (120.0, 310)}
    await keeper(world).round()
    world.http.mount("order:8080", lambda *_: (503, {"title": "away"}))
    world.clock.advance(15)
    with pytest.raises(Unavailable):
        await keeper(world).round()
    assert value(metrics.orders_per_minute) == 120.0  # one answer that is missing is no outage
    for _ in range(8):
        world.clock.advance(15)
        with pytest.raises(Unavailable):
            await keeper(world).round()
    assert math.isnan(value(metrics.orders_per_minute))
    assert math.isnan(value(metrics.order_wait))
    assert shown(world)["fleet"] is None
    assert len(world.recorder.writes) == 2  # the figures, and once that they are not known
    world.open_services()
    await keeper(world).round()
    assert value(metrics.orders_per_minute) == shown(world)["fleet"][0] == 120.0


async def test_an_operator_that_was_never_answered_says_nothing_of_guests(world):
    world.http.mount("order:8080", lambda *_: (503, {"title": "away"}))
    with pytest.raises(Unavailable):
        await keeper(world).round()
    assert math.isnan(value(metrics.orders_per_minute))
    assert world.recorder.writes == []


async def test_no_store_has_a_metric_of_its_own_unless_asked_and_then_the_busiest_only(world):
    world.cafe.busy = {f"default.s{number}": (float(number), 5) for number in range(300)}
    await keeper(world).round()
    assert b'store="' not in generate_latest()
    asked = world.operator(store_metrics=True).fleet
    await asked.round()
    text = generate_latest().decode()
    assert text.count('cloudcafe_store_orders_per_minute{store="') == MOST_LABELS
    assert 'cloudcafe_store_orders_per_minute{store="default.s299"} 299.0' in text
    world.cafe.busy = {}
    await asked.round()
    assert b'store="' not in generate_latest()


def test_the_order_service_says_what_is_read():
    busy = of_order.Busy(orders_per_minute=3.5, p95_milliseconds=None)
    store = of_order.BusyStore(store_id=ID, orders_per_minute=3.5, p95_milliseconds=40)
    said = of_order.Activity(fleet=busy, stores=[store]).model_dump(mode="json", by_alias=True)
    assert Activity.model_validate(said).figures() == {
        "fleet": [3.5, None],
        "stores": {ID: [3.5, 40]},
    }


answers = st.sampled_from(["True", "False", "Unknown"])


@given(st.lists(st.builds(Standing, answers, answers, st.booleans(), st.booleans()), max_size=30))
def test_every_store_is_counted_once(standings):
    found = fleet((one, 1) for one in standings)
    assert isinstance(found, Fleet)
    assert sum(found.ready.values()) == sum(found.books.values()) == len(standings)
    assert found.drifted == sum(one.drifted for one in standings)
