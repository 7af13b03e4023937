"""What thousands of stores allow: listed once for all who ask, its spans worked out once a day."""

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cloudcafe_operator.effects.read_guards import Guards
from cloudcafe_operator.errors import Unavailable
from cloudcafe_operator.planning.guards import Guard, Reach, protected_spans, protection
from cloudcafe_operator.planning.opening import merged, occurrences
from cloudcafe_operator.resources.store import Chaos
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import FakeClock, FakeKubernetes

RUSH = [{"start": "07:00", "end": "11:00"}]
ZONES = ("UTC", "Europe/London", "America/New_York", "Pacific/Kiritimati", "Etc/GMT+12")
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
MANY = 16


def store(name, namespace="shop"):
    return {
        "apiVersion": "cloudcafe.dev/v1alpha1",
        "kind": "CafeStore",
        "metadata": {"name": name, "namespace": namespace, "labels": {"city": "london"}},
        "spec": {
            "timezone": "Europe/London",
            "menu": [{"sku": "espresso", "price": 300}] * 20,
            "chaos": {"protectedHours": RUSH},
        },
    }


class Bench:
    """Many readers; a list takes some seconds, as one of thousands of stores does."""

    SECONDS = 8.0

    def __init__(self):
        self.clock, self.kubernetes = FakeClock(), FakeKubernetes()
        self.kubernetes.seed(store("soho"), store("fitzrovia"), store("corner", "tenant"))
        self.guards, self.listed, self.trouble = Guards(self.kubernetes, self.clock), [], None
        self.at_once = self.most = 0
        self._list, self.kubernetes.list = self.kubernetes.list, self.list

    async def list(self, resource, *, namespace, keep=None):
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        for _ in range(4):
            await asyncio.sleep(0)
            self.clock.advance(self.SECONDS / 4)
        self.at_once -= 1
        if self.trouble:
            self.listed.append([])
            raise self.trouble
        self.listed.append(await self._list(resource, namespace=namespace, keep=keep))
        return self.listed[-1]

    async def all_read(self, how, *, within=1):
        """Let many read; of each `within` one comes, then the next when time has gone on."""
        tasks = []
        for number in range(MANY):
            tasks.append(asyncio.create_task(how(["shop"])))
            if number % within == within - 1:
                await asyncio.sleep(0)
        return await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("together", [1, 4, MANY])
async def test_many_who_read_at_once_cause_one_list(together):
    bench = Bench()
    found = await bench.all_read(bench.guards.read, within=together)
    assert {tuple(one.store for one in said) for said in found} == {("shop/fitzrovia", "shop/soho")}
    assert (len(bench.listed), bench.most) == (1, 1)


async def test_of_each_store_only_what_is_judged_is_read():
    bench = Bench()
    await bench.guards.read(["shop", "tenant"])
    read = [item for items in bench.listed for item in items]
    assert [set(item["metadata"]) for item in read] == [{"name", "namespace"}] * 3
    assert [set(item["spec"]) for item in read] == [{"timezone", "chaos"}] * 3


async def test_of_many_who_wait_for_a_silent_api_each_waits_once():
    bench = Bench()
    known = await bench.guards.known(["shop"])
    bench.trouble = Unavailable("no answer within 8s")
    bench.clock.advance(31.0)
    began = bench.clock.monotonic()
    assert await bench.all_read(bench.guards.known) == [known] * MANY
    assert bench.clock.monotonic() - began == bench.SECONDS
    bench.clock.advance(0.5)
    refused = await bench.all_read(bench.guards.read)
    assert {type(one) for one in refused} == {Unavailable}
    assert len(bench.listed) == 3


async def test_what_was_read_is_known_for_half_a_minute_and_fresh_for_a_second():
    bench = Bench()
    await bench.guards.read(["shop"])
    bench.clock.advance(0.9)
    await bench.guards.read(["shop"])
    assert len(bench.listed) == 1
    bench.clock.advance(0.2)
    await bench.guards.known(["shop"])
    assert len(bench.listed) == 1
    await bench.guards.read(["shop"])
    bench.clock.advance(30.1)
    await bench.guards.known(["shop"])
    assert len(bench.listed) == 3


def guard(hours, zone, name="shop/soho"):
    return Guard(name, ZoneInfo(zone), Chaos.model_validate({"protectedHours": hours}))


def test_the_spans_of_a_day_are_worked_out_once_for_all_stores_with_the_same_hours():
    protected_spans.cache_clear()
    fleet = [guard(RUSH, "Asia/Tokyo", f"shop/store-{number}") for number in range(1000)]
    noon = datetime(2026, 3, 1, 3, tzinfo=UTC)
    for minutes in range(5):
        assert not protection(
            fleet, Reach(namespaces=frozenset({"shop"})), noon + timedelta(minutes=minutes)
        )
    assert protected_spans.cache_info().misses == 1
    assert not protection(fleet, Reach(namespaces=frozenset({"shop"})), noon + timedelta(days=1))
    assert protected_spans.cache_info().misses == 2


clocks = st.times().map(lambda at: f"{at:%H:%M}")
hours = st.builds(
    lambda days, start, end: {"days": days, "start": start, "end": end},
    st.lists(st.sampled_from(DAYS), max_size=3, unique=True),
    clocks,
    st.one_of(clocks, st.just("24:00")),
)
moments = st.timedeltas(timedelta(0), timedelta(days=364)).map(lambda after: NEW_YEAR + after)


@given(
    st.lists(hours, min_size=1, max_size=3),
    st.sampled_from(ZONES),
    moments,
)
def test_a_moment_is_protected_as_by_the_whole_timetable(given_hours, zone, now):
    one = guard(given_hours, zone)
    spans = merged(
        span
        for entry in one.chaos.protected_hours
        for span in occurrences(entry.days, (entry.start, entry.end), one.zone, now)
    )
    wanted = next((span.end for span in spans if now in span), None)
    found = one.protected_until(now)
    if wanted is None or wanted < now + timedelta(days=5):  # else it is protected all week
        assert found == wanted
    else:
        assert found > now + timedelta(days=4)


async def test_who_knows_enough_waits_for_nobody_elses_list():
    bench, answered = Bench(), asyncio.Event()
    await bench.guards.known(["shop"])
    bench.clock.advance(2.0)

    async def hangs(*_, **__):
        await answered.wait()
        return []

    bench.kubernetes.list = hangs
    reading = asyncio.create_task(bench.guards.read(["shop"]))
    await asyncio.sleep(0)
    assert len(await asyncio.wait_for(bench.guards.known(["shop"]), 5)) == 2
    answered.set()
    await reading
