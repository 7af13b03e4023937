"""What many ask for at the same time is asked for in few calls, and each gets its own."""

import asyncio

import pytest
from cloudcafe_operator.effects.asked_together import AskedTogether
from cloudcafe_operator.errors import Throttled, Unavailable
from hypothesis import given
from hypothesis import strategies as st


class Shelf:
    """Has everything but what begins with a dash; keeps what it was asked for."""

    def __init__(self, most=4):
        self.asked = []
        self.error = None
        self.together = AskedTogether(self.read, most=most)

    async def read(self, names):
        self.asked.append(names)
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        return {name: name.upper() for name in names if not name.startswith("-")}


async def test_one_asker_has_a_call_of_his_own():
    shelf = Shelf()
    assert await shelf.together.find(("a", "-b")) == {"a": "A"}
    assert shelf.asked == [("a", "-b")]


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=4), max_size=20))
async def test_everybody_gets_his_own_and_no_call_asks_for_too_many(asked):
    shelf = Shelf()
    found = await asyncio.gather(*(shelf.together.find(tuple(one)) for one in asked))
    assert found == [{name: name.upper() for name in one} for one in asked]
    assert all(len(names) <= 4 for names in shelf.asked)
    assert len(shelf.asked) <= max(1, sum(len(one) for one in asked) // 2 + 1)


async def test_who_asks_while_a_call_is_under_way_goes_along_with_the_next():
    shelf = Shelf(most=100)
    first = asyncio.create_task(shelf.together.find(("a",)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    others = [asyncio.create_task(shelf.together.find((name,))) for name in "bcdefg"]
    await asyncio.gather(first, *others)
    assert shelf.asked == [("a",), tuple("bcdefg")]


async def test_whoever_is_answered_last_finds_it_idle():
    shelf = Shelf()
    await shelf.together.find(("a",))
    assert shelf.together.is_idle


async def test_a_call_that_takes_too_long_is_left_to_itself_and_ends_in_its_time():
    begun, ends = asyncio.Event(), asyncio.Event()

    async def read(names):
        if "slow" in names:
            begun.set()
            await ends.wait()
        return dict.fromkeys(names, "found")

    together = AskedTogether(read, most=4, patience=0.01)
    slow = asyncio.create_task(together.find(("slow",)))
    await begun.wait()
    async with asyncio.timeout(5.0):
        assert await together.find(("a",)) == {"a": "found"}
    assert not together.is_idle
    ends.set()
    assert await slow == {"slow": "found"}
    async with asyncio.timeout(5.0):
        while not together.is_idle:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0)


async def test_a_refusal_is_told_to_those_who_asked_and_the_next_ask_anew():
    shelf = Shelf()
    shelf.error = Throttled("slow")
    found = await asyncio.gather(
        shelf.together.find(("a",)), shelf.together.find(("b",)), return_exceptions=True
    )
    assert all(isinstance(one, Throttled) for one in found)
    shelf.error = None
    assert await shelf.together.find(("a",)) == {"a": "A"}


async def test_nobody_waits_for_ever_when_an_assumption_breaks():
    shelf = Shelf(most=1)
    shelf.error = ZeroDivisionError()
    asking = [asyncio.create_task(shelf.together.find((name,))) for name in "ab"]
    done, pending = await asyncio.wait(asking, timeout=5)
    assert not pending
    assert all(isinstance(one.exception(), ZeroDivisionError) for one in done)


async def test_an_asker_who_is_gone_does_not_disturb_the_others():
    shelf = Shelf()
    gone = asyncio.create_task(shelf.together.find(("a",)))
    there = asyncio.create_task(shelf.together.find(("b",)))
    await asyncio.sleep(0)
    gone.cancel()
    assert await there == {"b": "B"}
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_unavailable_is_each_askers_own_trouble():
    shelf = Shelf()
    shelf.error = Unavailable("away")
    with pytest.raises(Unavailable, match="away"):
        await shelf.together.find(("a",))
