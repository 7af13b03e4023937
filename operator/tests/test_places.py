"""Who waits for a place holds no worker, and gets it in the order of coming."""

import asyncio

import pytest
from cloudcafe_operator.effects.places import WAIT_S, Places
from cloudcafe_operator.workqueue import WorkQueue

from tests.fakes import FakeClock


class Woken(list):
    def add(self, key, *, after=0.0, news=False):
        self.append(key)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def woken():
    return Woken()


def test_there_are_as_many_places_as_were_made(woken):
    places = Places(woken, most=2)
    with places.place("a") as one, places.place("b") as two, places.place("c") as three:
        assert (one, two, three) == (True, True, False)
    with places.place("c") as again:
        assert again


def test_who_came_first_is_woken_and_nobody_overtakes(woken):
    places = Places(woken, most=1)
    with places.place("a"):
        for waits in ("b", "c"):
            with places.place(waits) as mine:
                assert not mine
    assert woken == ["b"]
    with places.place("c") as mine:
        assert not mine
    with places.place("b") as mine:
        assert mine
    assert woken == ["b", "c"]


def test_who_asks_again_keeps_the_place_in_the_line(woken):
    places = Places(woken, most=1)
    with places.place("a"):
        for waits in ("b", "c", "b"):
            with places.place(waits):
                pass
    assert woken == ["b"]


def test_who_wants_no_place_any_more_lets_the_next_one_in(woken):
    places = Places(woken, most=1)
    with places.place("a"):
        for waits in ("was halted", "c"):
            with places.place(waits):
                pass
        places.leave("was halted")
    assert woken == ["c"]
    with places.place("c") as mine:
        assert mine


def test_a_place_that_is_free_wakes_the_next_when_the_first_in_line_leaves(woken):
    places = Places(woken, most=1)
    with places.place("a"):
        for waits in ("was halted", "c"):
            with places.place(waits):
                pass
    woken.clear()
    places.leave("was halted")
    assert woken == ["c"]
    places.leave("never waited")
    assert woken == ["c"]


def test_a_place_is_given_back_by_who_fails(woken):
    places = Places(woken, most=1)
    with pytest.raises(ValueError, match="broken"), places.place("a"):
        raise ValueError("broken")
    with places.place("b") as mine:
        assert mine


async def test_all_get_their_turn_and_who_needs_no_place_is_never_held_up(clock):
    seen, end = [], asyncio.Event()

    async def reconcile(key):
        if key == "Run/a/urgent":
            seen.append(key)
            return None
        with places.place(key) as mine:
            if not mine:
                return WAIT_S
            await end.wait()
            seen.append(key)
            return None

    queue = WorkQueue(reconcile, clock=clock, workers=3)
    places = Places(queue, most=1)
    for number in range(20):
        queue.add(f"Run/a/{number:02}")
    queue.add("Run/a/urgent")
    work = asyncio.create_task(queue.drain())
    for _ in range(200):
        await asyncio.sleep(0)
    assert seen == ["Run/a/urgent"]
    end.set()
    await work
    assert seen == ["Run/a/urgent", *(f"Run/a/{number:02}" for number in range(20))]
