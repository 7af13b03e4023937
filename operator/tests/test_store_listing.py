"""A list that takes long holds nobody up, and what it says is believed for its time."""

import asyncio

import pytest
from cloudcafe_operator.effects import store_listing
from cloudcafe_operator.effects.observe_store import TAG_LISTING_SECONDS, TagListing
from cloudcafe_operator.effects.store_listing import AGAIN_SECONDS, SECONDS, SharedListing
from cloudcafe_operator.errors import Throttled
from cloudcafe_operator.planning.pace import PAGE_SECONDS

from tests.fakes import FakeAws, FakeClock


class Shop:
    """A list that is read when the test lets it."""

    def __init__(self):
        self.clock = FakeClock()
        self.items = {"a": 1}
        self.reads = 0
        self.gaps = []
        self.error = None
        self.open = asyncio.Event()
        self.open.set()
        self.listing = SharedListing(self.read, self.clock)

    async def read(self, gap_s):
        self.reads += 1
        self.gaps.append(gap_s)
        await self.open.wait()
        if self.error:
            raise self.error
        return dict(self.items)


@pytest.fixture
def shop(monkeypatch):
    monkeypatch.setattr(store_listing, "LONGEST_WAIT_SECONDS", 0.05)
    return Shop()


async def test_many_share_one_reading(shop):
    found = await asyncio.gather(*(shop.listing.find(["a", "b"]) for _ in range(20)))
    assert found == [{"a": 1}] * 20
    assert shop.reads == 1


async def test_while_the_first_list_is_being_read_nothing_is_known_and_nobody_waits_long(shop):
    shop.open.clear()
    assert await shop.listing.find(["a"]) is None
    shop.open.set()
    assert await shop.listing.find(["a"]) == {"a": 1}
    assert shop.reads == 1


async def test_while_a_list_is_read_again_the_last_one_counts(shop):
    await shop.listing.find(["a"])
    shop.clock.advance(SECONDS + 1)
    shop.items = {"a": 2}
    shop.open.clear()
    assert await shop.listing.find(["a"]) == {"a": 1}
    shop.open.set()
    async with asyncio.timeout(5):
        while await shop.listing.find(["a"]) == {"a": 1}:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0)
    assert await shop.listing.find(["a"]) == {"a": 2}
    assert shop.reads == 2


async def test_only_who_begins_to_read_a_list_again_waits_for_it(shop):
    await shop.listing.find(["a"])
    shop.clock.advance(SECONDS + 1)
    shop.open.clear()
    began = asyncio.create_task(shop.listing.find(["a"]))
    await asyncio.sleep(0)
    assert await asyncio.wait_for(shop.listing.find(["a"]), 0.01) == {"a": 1}
    assert not began.done()
    assert await began == {"a": 1}


async def test_the_first_list_is_read_at_once_and_the_next_ones_at_a_pace(shop):
    for _ in range(3):
        await shop.listing.find(["a"])
        shop.clock.advance(SECONDS + 1)
    assert shop.gaps == [0.0, PAGE_SECONDS, PAGE_SECONDS]


async def test_what_was_changed_while_the_list_was_read_is_not_believed(shop):
    shop.open.clear()
    reading = asyncio.create_task(shop.listing.find(["a"]))
    await asyncio.sleep(0)
    shop.listing.changed("a")
    shop.open.set()
    assert await reading is None
    assert await shop.listing.find(["b"]) == {}


async def test_a_list_that_cannot_be_read_is_told_and_read_again(shop):
    shop.error = Throttled("slow")
    with pytest.raises(Throttled):
        await shop.listing.find(["a"])
    shop.error = None
    assert await shop.listing.find(["a"]) == {"a": 1}


async def test_tags_that_were_listed_last_count_while_aws_throttles_the_list():
    aws, clock = FakeAws(), FakeClock()
    listed = {"ResourceARN": "arn:q", "Tags": [{"Key": "owner", "Value": "me"}]}
    operation = ("resourcegroupstaggingapi", "get_resources")
    aws.on(*operation, lambda **_: {"ResourceTagMappingList": [listed]})
    tags = TagListing(aws, clock)
    assert await tags.tags("arn:q") == {"owner": "me"}
    aws.fail_next(*operation, Throttled("slow"))
    clock.advance(TAG_LISTING_SECONDS)
    tags.forget("arn:changed")
    assert await tags.tags("arn:q") == {"owner": "me"}
    assert await tags.tags("arn:changed") is None
    assert aws.count(*operation) == 2
    clock.advance(TAG_LISTING_SECONDS)
    await tags.tags("arn:q")
    assert aws.count(*operation) == 3


async def test_a_list_that_cannot_be_renewed_counts_on_and_is_tried_again_after_a_minute(shop):
    await shop.listing.find(["a"])
    shop.clock.advance(SECONDS + 1)
    shop.error = Throttled("slow")
    for _ in range(5):
        assert await shop.listing.find(["a"]) == {"a": 1}
    assert shop.reads == 2
    shop.clock.advance(AGAIN_SECONDS)
    shop.error, shop.items = None, {"a": 2}
    assert await shop.listing.find(["a"]) == {"a": 2}
