"""Business metrics: merged, few calls, bounded, and never a burden."""

import asyncio
import math
from datetime import UTC, datetime

import httpx
import pytest
from botocore.exceptions import ClientError
from cafe_kit.app import build_application
from cafe_kit.cloudwatch import MAX_NAMES, BusinessMetrics, add_cloudwatch
from cafe_kit.errors import UnavailableError
from cafe_kit.fakes import FakeAws
from cafe_kit.metrics import Metrics
from cafe_kit.settings import KitSettings
from hypothesis import given
from hypothesis import strategies as st

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
TOKEN = "service-token-for-tests"


def business(aws, metrics=None):
    return BusinessMetrics(aws, "menu", metrics or Metrics("menu"), clock=lambda: AT)


def values(aws):
    return {one["MetricName"]: one["StatisticValues"] for one in aws.metric_data}


def dropped(metrics, reason):
    name = "cafe_business_metrics_dropped_total"
    return metrics.registry.get_sample_value(name, {"reason": reason})


def away(parameters):
    raise UnavailableError("away")


async def test_many_values_of_a_name_are_one_statistic_set():
    aws = FakeAws()
    told = business(aws)
    for seconds in (0.2, 0.1, 0.6):
        told.time("BrewSeconds", seconds)
    await told.flush()
    [datum] = aws.metric_data
    assert datum["MetricName"] == "BrewSeconds"
    assert datum["Dimensions"] == [{"Name": "Service", "Value": "menu"}]
    assert datum["Unit"] == "Seconds"
    assert datum["Timestamp"] == AT
    statistics = datum["StatisticValues"]
    assert statistics["SampleCount"] == 3
    assert statistics["Sum"] == pytest.approx(0.9)
    assert (statistics["Minimum"], statistics["Maximum"]) == (0.1, 0.6)
    assert aws.calls[0][1]["Namespace"] == "CloudCafe"


async def test_nothing_is_sent_when_nothing_happened():
    aws = FakeAws()
    told = business(aws)
    told.count("Cups")
    await told.flush()
    await told.flush()
    assert len(aws.calls) == 1


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20))
def test_the_sets_say_what_the_values_say(numbers):
    aws = FakeAws()
    told = business(aws)
    for number in numbers:
        told.gauge("Tables", number)
    asyncio.run(told.flush())
    statistics = values(aws)["Tables"]
    assert statistics["SampleCount"] == len(numbers)
    assert statistics["Sum"] == pytest.approx(sum(numbers), abs=1e-3)
    assert (statistics["Minimum"], statistics["Maximum"]) == (min(numbers), max(numbers))


async def test_names_are_bounded_and_what_is_dropped_is_counted():
    aws, metrics = FakeAws(), Metrics("menu")
    told = business(aws, metrics)
    for index in range(MAX_NAMES + 5):
        told.count(f"Name{index}")
    told.count("Name0")
    await told.flush()
    assert len(aws.metric_data) == MAX_NAMES
    assert values(aws)["Name0"]["Sum"] == 2
    assert dropped(metrics, "too-many-names") == 5
    told.count("AfterAFlush")
    await told.flush()
    assert dropped(metrics, "too-many-names") == 6


async def test_a_call_carries_at_most_a_thousand(monkeypatch):
    monkeypatch.setattr("cafe_kit.cloudwatch.MAX_NAMES", 2500)
    aws = FakeAws()
    told = business(aws)
    for index in range(2500):
        told.count(f"Name{index}")
    await told.flush()
    assert [len(p["MetricData"]) for _, p in aws.calls] == [1000, 1000, 500]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
async def test_a_value_that_cloudwatch_would_refuse_spoils_nothing(value):
    aws, metrics = FakeAws(), Metrics("menu")
    told = business(aws, metrics)
    told.gauge("Tables", value)
    told.gauge("Tables", 4)
    await told.flush()
    assert values(aws)["Tables"]["SampleCount"] == 1
    assert dropped(metrics, "not-a-number") == 1


async def test_what_cloudwatch_did_not_take_goes_with_the_next_flush():
    aws = FakeAws()
    told = business(aws)
    told.count("Cups", 2)
    aws.rules["put_metric_data"] = away
    await told.flush()
    told.count("Cups", 3)
    aws.rules.clear()
    await told.flush()
    assert values(aws)["Cups"] == {"SampleCount": 2, "Sum": 5, "Minimum": 2, "Maximum": 3}


async def test_what_cloudwatch_refuses_for_good_is_dropped_and_counted():
    def refuse(parameters):
        raise ClientError({"Error": {"Code": "InvalidParameterValue"}}, "PutMetricData")

    aws, metrics = FakeAws(), Metrics("menu")
    told = business(aws, metrics)
    told.count("Cups")
    aws.rules["put_metric_data"] = refuse
    await told.flush()
    assert dropped(metrics, "refused") == 1
    aws.rules.clear()
    await told.flush()
    assert aws.metric_data == []


def served(aws, **settings):
    application = build_application(
        "menu", "Menu", KitSettings(service_token=TOKEN, **settings), []
    )
    return application, add_cloudwatch(application, aws)


async def test_requests_errors_and_latency_are_told_by_themselves():
    aws = FakeAws()
    application, told = served(aws)

    @application.public.get("/broken")
    async def broken() -> None:
        raise UnavailableError("away")

    transport = httpx.ASGITransport(application.public)
    async with httpx.AsyncClient(transport=transport, base_url="http://menu") as client:
        await client.get("/livez")
        await client.get("/broken")
    await told.flush()
    assert values(aws)["Requests"]["Sum"] == 2
    assert values(aws)["Errors"]["Sum"] == 1
    assert values(aws)["LatencySeconds"]["SampleCount"] == 2


async def test_it_flushes_now_and_then_and_at_the_end_before_anything_is_closed():
    aws, ends = FakeAws(), []
    application, told = served(aws, cloudwatch_seconds=0.01)
    flushed = asyncio.Event()

    async def close():
        ends.append(len(aws.metric_data))

    async def last_words(stopping):
        await stopping.wait()
        told.count("LastWords")

    application.closers.append(close)
    application.workers["speaker"] = last_words
    aws.rules["put_metric_data"] = lambda _parameters: flushed.set()
    async with application.running():
        told.count("Cups")
        await asyncio.wait_for(flushed.wait(), 2)
    assert values(aws)["LastWords"]["Sum"] == 1, "also what the last worker said"
    assert ends == [2]


async def test_an_end_without_cloudwatch_is_an_end_too(monkeypatch):
    class Silent(FakeAws):
        async def call(self, service, operation, **parameters):
            await asyncio.Event().wait()

    monkeypatch.setattr("cafe_kit.cloudwatch.LAST_FLUSH_SECONDS", 0.01)
    application, told = served(Silent())
    async with application.running():
        told.count("Cups")
