"""What a fleet of stores costs in calls, on the bare control plane and the counting stand-in.

Counts alone: they are the same on every machine. The story is lived once, each test looks at one
part of it. `make bench-stores` measures the same with times, and beside other operators.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from tests.bench.apart import change_apart
from tests.bench.changes import Changes
from tests.bench.contenders import OURS, contender, reconciles, wait_leading
from tests.bench.counters import is_aws, is_aws_read
from tests.bench.minimal import status
from tests.bench.stand_in import LOOKED
from tests.bench.world import MERGE, STORES, ReadyWatch, create_stores, store, world

pytestmark = [pytest.mark.integration, pytest.mark.slow]

FLEET, MORE, PATIENCE_S = 40, 8, 90.0
LISTS = {"tag:GetResources", "secretsmanager:ListSecrets", "cloudwatch:DescribeAlarms",
         "cloudwatch:ListDashboards"}  # fmt: skip


@dataclass
class Chapter:
    """Writes to the API server and calls of AWS and the cafe in one part of the story."""

    writes: Counter = field(default_factory=Counter)
    calls: Counter = field(default_factory=Counter)

    def of_aws(self, *, reads):
        """Return AWS's calls by name; a few of the fleet's are not a store's."""
        return {
            name: n for name, n in self.calls.items()
            if n and is_aws(name) and is_aws_read(name) == reads
        }  # fmt: skip

    def of_the_cafe(self):
        """Return the calls of the services, but for the one that asks about the whole fleet."""
        return sum(n for name, n in self.calls.items()
                   if name.startswith("cafe:") and name != "cafe:GET activity")  # fmt: skip

    def of_stores(self):
        """Return the writes to stores, their Secrets and their ConfigMaps."""
        names = ("cafestores", "secrets", "configmaps")
        found = {name: n for name, n in self.writes.items() if n and name.endswith(names)}
        found.pop("APPLY configmaps", None)  # the fleet's two, shown to people
        found.pop("PUT configmaps", None)  # the control plane's own
        return found


class Story:
    """One operator's life among stores."""

    def __init__(self, place):
        self.place = place
        self.watch = ReadyWatch(place.server)
        self.chapters = {}
        self.kiosk = {}
        self.changed = {}

    async def told(self, name, living):
        """Live one part of it and keep what it cost."""
        writes, calls = Counter(await self.place.server.writes()), Counter(await self.place.calls())
        await living
        found = Chapter(
            Counter(await self.place.server.writes()), Counter(await self.place.calls())
        )
        found.writes.subtract(writes)
        found.calls.subtract(calls)
        self.chapters[name] = found

    async def live(self):
        """The whole of it."""
        await create_stores(self.place.server, range(FLEET))
        async with self.watch.running():
            with ExitStack() as stack:
                stack.enter_context(contender(OURS, self.place))
                await self.told("cold start", self.opened())
            with ExitStack() as stack:
                one = stack.enter_context(contender(OURS, self.place))
                await self.told("restart", self.looked(one, FLEET))
                await self.told("touch", self.touched(one))
                await self.place.throttle(0.2)
                await self.told("throttled", self.more(FLEET))
                await self.place.throttle(0.0, cloudwatch_PutMetricAlarm=0.5)
                await self.told("slow alarms", self.more(FLEET + MORE))
                await self.place.throttle(0.0)
                await self.watched(range(FLEET + MORE, FLEET + 2 * MORE))
        self.changed = await change_apart(self.place, Changes(FLEET, per_second=100, stores=FLEET))

    async def opened(self):
        """Wait until a coffee can be bought in each store, and the last write of that is counted.

        The API server counts a write when it is answered, which a watch may tell of before.
        """
        await self.watch.until(FLEET, seconds=PATIENCE_S)
        counted, before = await self.place.server.writes(), None
        async with asyncio.timeout(PATIENCE_S):
            while counted != before:
                await asyncio.sleep(0.1)
                counted, before = await self.place.server.writes(), counted
        self.kiosk = await self.place.server.ask("GET", f"{STORES}/{store(0)['metadata']['name']}")

    async def looked(self, one, count):
        """Wait until so many reconciles ended well since this operator began."""
        await asyncio.to_thread(wait_leading, one)
        async with asyncio.timeout(PATIENCE_S):
            while reconciles(one.metrics()) < count:
                await asyncio.sleep(0.1)

    async def touched(self, one):
        """Write an annotation that means nothing on each store."""
        before = reconciles(one.metrics())
        note = {"metadata": {"annotations": {"team/oncall": "amelie"}}}
        for number in range(FLEET):
            name = store(number)["metadata"]["name"]
            await self.place.server.ask("PATCH", f"{STORES}/{name}", note, content=MERGE)
        await self.looked(one, before + FLEET)

    async def watched(self, numbers):
        """Wait until these have their alarms."""
        async with asyncio.timeout(PATIENCE_S):
            for number in numbers:
                path = f"{STORES}/{store(number)['metadata']['name']}"
                while condition(await self.place.server.ask("GET", path), "Watched") != "True":
                    await asyncio.sleep(0.1)

    async def more(self, first):
        """Create some more and wait until a coffee can be bought in each."""
        await create_stores(self.place.server, range(first, first + MORE))
        await self.watch.until(first + MORE, seconds=PATIENCE_S)


def condition(item, wanted):
    rows = item["status"]["conditions"]
    return next(row["status"] for row in rows if row["type"] == wanted)


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    async def live():
        async with world(tmp_path_factory.mktemp("counts")) as place:
            found = Story(place)
            await found.live()
            return found

    return asyncio.run(live())


@pytest.fixture
def story(lived):
    return lived.chapters


def test_the_minimal_client_writes_a_status_of_the_same_parts_and_size(lived):
    ours = lived.kiosk["status"]
    theirs = status(lived.kiosk["metadata"]["name"], ours["orderPath"]["orderId"])
    assert theirs.keys() == ours.keys()
    assert len(json.dumps(theirs)) == pytest.approx(len(json.dumps(ours)), rel=0.1)


def test_a_new_store_costs_a_secret_a_config_map_and_one_status(story):
    writes = story["cold start"].of_stores()
    assert writes.pop("POST configmaps") >= FLEET  # namespaces get one of their own too
    assert writes == {"POST secrets": FLEET, "PATCH cafestores": FLEET}


def test_a_new_store_costs_a_call_for_each_thing_that_it_has_on_aws(story):
    assert story["cold start"].of_aws(reads=False) == {
        "sqs:CreateQueue": 2 * FLEET,
        "secretsmanager:CreateSecret": FLEET,
        "cloudwatch:PutMetricAlarm": 2 * FLEET,
    }


def test_of_a_new_store_only_the_tags_of_its_queues_are_read_by_themselves(story):
    reads = story["cold start"].of_aws(reads=True)
    assert reads.pop("sqs:ListQueueTags") == 2 * FLEET
    assert reads.pop("cloudwatch:DescribeAlarms") <= FLEET + 1  # those of several in one
    assert set(reads) <= LISTS
    assert sum(reads.values()) <= len(LISTS)


def test_a_new_store_costs_five_calls_of_the_cafe(story):
    assert story["cold start"].of_the_cafe() <= 5 * FLEET + MORE  # a coffee may need a second look


def test_a_restart_with_nothing_to_do_writes_nothing(story):
    assert story["restart"].of_stores() == {}
    assert story["restart"].of_aws(reads=False) == {}


def test_a_restart_reads_lists_and_the_settings_of_queues(story):
    reads = story["restart"].of_aws(reads=True)
    assert reads.pop("sqs:GetQueueAttributes") <= 2 * FLEET + 1
    assert reads.pop("sqs:GetQueueUrl") == 1
    assert set(reads) <= LISTS
    pages = -(-4 * FLEET // 100) + 4  # tags; secrets, alarms, dashboards, tables
    assert sum(reads.values()) <= pages


def test_a_restart_asks_the_services_about_several_stores_at_once(story):
    assert story["restart"].calls[LOOKED] == FLEET
    assert story["restart"].of_the_cafe() <= 1.5 * FLEET  # three for each, were it one by one


def test_a_note_on_a_store_costs_no_call_and_no_write(story):
    assert story["touch"].of_stores() == {"PATCH cafestores": FLEET}  # the notes themselves
    assert story["touch"].of_aws(reads=True) == story["touch"].of_aws(reads=False) == {}
    assert story["touch"].of_the_cafe() == 0


def test_stores_become_ready_while_a_fifth_of_all_calls_is_throttled(story):
    throttled = [n for name, n in story["throttled"].calls.items() if name.startswith("throttled")]
    assert sum(throttled) > 0
    assert story["throttled"].of_stores()["POST secrets"] == MORE


def test_alarms_that_wait_for_their_turn_keep_no_store_waiting(story):
    chapter = story["slow alarms"]
    assert chapter.of_stores()["POST secrets"] == MORE
    assert chapter.calls["cloudwatch:PutMetricAlarm"] < 2 * MORE


def test_a_stand_in_takes_the_api_servers_place_unnoticed_and_a_change_is_one_status(lived):
    assert lived.changed["status writes of taking over"] == 0
    assert lived.changed["API writes/change"] == 1
