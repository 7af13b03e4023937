"""What many want at the same time is done once, and ends with the reconcile that wanted it."""

import asyncio

import pytest
from cloudcafe_operator.effects.once import SharedActs
from cloudcafe_operator.errors import Retry

from tests.fakes import Died


class Act:
    """Counts how often it is begun; ends when it is let."""

    def __init__(self):
        self.begun = 0
        self.may_end = asyncio.Event()
        self.error = None

    async def __call__(self):
        self.begun += 1
        await self.may_end.wait()
        if self.error:
            raise self.error


async def wanted(acts, act, *whats):
    """Start one task for each, up to where it waits."""
    tasks = [asyncio.create_task(acts.once(what, act)) for what in whats]
    await asyncio.sleep(0)
    return tasks


async def test_who_wants_the_same_waits_for_who_acts_already():
    acts, act = SharedActs(), Act()
    tasks = await wanted(acts, act, *["a"] * 5)
    assert not any(task.done() for task in tasks)
    act.may_end.set()
    await asyncio.gather(*tasks)
    assert act.begun == 1


async def test_something_else_and_what_is_wanted_later_are_acts_of_their_own():
    acts, act = SharedActs(), Act()
    act.may_end.set()
    await asyncio.gather(*await wanted(acts, act, "a", "b"))
    await acts.once("a", act)
    assert act.begun == 3


@pytest.mark.parametrize("error", [Retry("not yet"), Died()])
async def test_all_meet_the_error_and_the_next_acts_anew(error):
    acts, act = SharedActs(), Act()
    tasks = await wanted(acts, act, *["a"] * 3)
    act.error = error
    act.may_end.set()
    assert await asyncio.gather(*tasks, return_exceptions=True) == [error] * 3
    act.error = None
    await acts.once("a", act)
    assert act.begun == 2


async def test_an_act_ends_with_who_began_it_and_nobody_is_left_waiting():
    acts, act = SharedActs(), Act()
    first, other = await wanted(acts, act, "a", "a")
    first.cancel()
    done, _ = await asyncio.wait([first, other], timeout=5)
    assert [task.cancelled() for task in (first, other)] == [True, True]
    assert len(done) == 2


async def test_who_waits_and_goes_does_not_end_the_act():
    acts, act = SharedActs(), Act()
    first, other = await wanted(acts, act, "a", "a")
    other.cancel()
    await asyncio.wait([other])
    act.may_end.set()
    await first
