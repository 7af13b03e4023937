"""Metrics of single stores: a value for each order, in few values and few calls."""

from datetime import UTC, datetime

import pytest
from cafe_kit.errors import UnavailableError
from cafe_kit.fakes import FakeAws
from cafe_kit.metrics import Metrics
from cafe_kit.store_metrics import MAX_STORES, MAX_VALUES, STORES_A_CALL, StoreMetrics, rounded
from hypothesis import given
from hypothesis import strategies as st

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


def told(aws, metrics=None):
    return StoreMetrics(aws, metrics or Metrics("order"), clock=lambda: AT)


def values(aws, name):
    return [
        (datum["Dimensions"][0]["Value"], dict(zip(datum["Values"], datum["Counts"], strict=True)))
        for datum in aws.metric_data
        if datum["MetricName"] == name
    ]


async def test_the_share_that_failed_is_the_average_and_seconds_keep_their_percentiles():
    aws = FakeAws()
    stores = told(aws)
    for seconds in (0.101, 0.1, 0.4):
        stores.order("corner", seconds, failed=False)
    stores.order("corner", 2.0, failed=True)
    stores.order("station", 0.1, failed=False)
    await stores.flush()
    assert values(aws, "OrderFailures") == [("corner", {0.0: 3, 1.0: 1}), ("station", {0.0: 1})]
    assert values(aws, "OrderSeconds") == [
        ("corner", {0.1: 2, 0.4: 1, 2.0: 1}),
        ("station", {0.1: 1}),
    ]
    assert {datum["Timestamp"] for datum in aws.metric_data} == {AT}
    assert aws.calls[0][1]["Namespace"] == "CloudCafe"


async def test_what_was_sent_is_not_sent_again():
    aws = FakeAws()
    stores = told(aws)
    stores.order("corner", 0.1, failed=False)
    await stores.flush()
    await stores.flush()
    assert len(aws.calls) == 1


async def test_many_stores_go_in_few_calls():
    aws = FakeAws()
    stores = told(aws)
    for number in range(2 * STORES_A_CALL + 1):
        stores.order(f"store-{number}", 0.1, failed=False)
    await stores.flush()
    assert len(aws.calls) == 3


async def test_stores_beyond_the_bound_are_dropped_and_counted():
    metrics = Metrics("order")
    stores = told(FakeAws(), metrics)
    for number in range(MAX_STORES + 3):
        stores.order(f"store-{number}", 0.1, failed=False)
    name = "cafe_business_metrics_dropped_total"
    assert metrics.registry.get_sample_value(name, {"reason": "too-many-stores"}) == 3


async def test_cloudwatch_away_loses_the_interval_and_nothing_else():
    def away(_parameters):
        raise UnavailableError("away")

    aws, metrics = FakeAws(), Metrics("order")
    stores = told(aws, metrics)
    stores.order("corner", 0.1, failed=False)
    aws.rules["put_metric_data"] = away
    await stores.flush()
    aws.rules.clear()
    stores.order("corner", 0.2, failed=False)
    await stores.finish()
    assert values(aws, "OrderSeconds") == [("corner", {0.2: 1})]
    name = "cafe_business_metrics_dropped_total"
    assert metrics.registry.get_sample_value(name, {"reason": "stores-refused"}) == 2


@given(st.floats(0, 1e9))
def test_a_rounded_value_is_close_and_within_bounds(seconds):
    found = rounded(seconds)
    assert 0.0001 <= found <= 100
    if 0.0001 <= seconds <= 100:
        assert found == pytest.approx(seconds, rel=0.051)


async def test_no_datum_has_more_values_than_cloudwatch_takes():
    aws = FakeAws()
    stores = told(aws)
    for number in range(5000):
        stores.order("corner", number / 1000 + 0.0001, failed=False)
    await stores.flush()
    assert max(len(datum["Values"]) for datum in aws.metric_data) <= MAX_VALUES
    counted = sum(sum(found.values()) for _, found in values(aws, "OrderSeconds"))
    assert counted == 5000
