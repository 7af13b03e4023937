"""Merged commits on a fake write: who shares one, and who suffers when one fails."""

import asyncio
import contextlib
from dataclasses import dataclass

import pytest
from cafe_kit.errors import UnavailableError
from cafe_order.merging import MergedPlacements
from cafe_order.models import Placed
from hypothesis import given
from hypothesis import strategies as st


@dataclass(frozen=True)
class Order:
    """As much of a placement as merging looks at."""

    key: str


class Writing:
    """Records batches; holds them until `go`; fails on the keys in `broken`."""

    def __init__(self):
        self.batches = []
        self.go = asyncio.Event()
        self.broken = set()
        self.lost = False

    async def __call__(self, placements):
        keys = [placement.key for placement in placements]
        self.batches.append(keys)
        await self.go.wait()
        if self.lost:
            raise UnavailableError("gone")
        if self.broken & set(keys):
            raise ValueError(str(keys))
        return [Placed.ACCEPTED] * len(keys)


@pytest.fixture
def writing():
    return Writing()


@pytest.fixture
def rings():
    return []


@pytest.fixture
def merged(writing, rings):
    return MergedPlacements(writing, written=lambda: rings.append(1), writers=1, batch=3)


def start(merged, *keys):
    return [asyncio.create_task(merged.place(Order(key))) for key in keys]


async def turns(count=3):
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_waits_while_a_commit_is_under_way_shares_the_next(merged, writing, rings):
    [first] = start(merged, "a")
    await turns()
    rest = start(merged, "b", "c", "d", "e")
    await turns()
    assert writing.batches == [["a"]]
    writing.go.set()
    assert await asyncio.gather(first, *rest) == [Placed.ACCEPTED] * 5
    assert writing.batches == [["a"], ["b", "c", "d"], ["e"]]
    assert len(rings) == 3


async def test_orders_of_one_turn_of_the_loop_go_together(merged, writing):
    writing.go.set()
    await asyncio.gather(*start(merged, "a", "b"))
    assert writing.batches == [["a", "b"]]


async def test_the_same_key_twice_is_written_once(merged, writing):
    first, second = start(merged, "a", "a")
    await turns()
    assert await second is Placed.KEY_TAKEN
    writing.go.set()
    assert await first is Placed.ACCEPTED
    assert writing.batches == [["a"]]
    assert await asyncio.gather(*start(merged, "a")) == [Placed.ACCEPTED]


async def test_only_the_culprit_of_a_failed_commit_fails(merged, writing):
    writing.broken = {"b"}
    writing.go.set()
    results = await asyncio.gather(*start(merged, "a", "b", "c"), return_exceptions=True)
    assert results[0] is Placed.ACCEPTED
    assert isinstance(results[1], ValueError)
    assert results[2] is Placed.ACCEPTED
    assert writing.batches == [["a", "b", "c"], ["a"], ["b"], ["c"]]


async def test_a_lost_database_is_told_to_all_and_not_tried_again(merged, writing):
    writing.lost = True
    writing.go.set()
    results = await asyncio.gather(*start(merged, "a", "b"), return_exceptions=True)
    assert [type(result) for result in results] == [UnavailableError, UnavailableError]
    assert writing.batches == [["a", "b"]]


async def test_who_gave_up_before_the_write_is_not_written(merged, writing):
    [first] = start(merged, "a")
    await turns()
    [leaves, stays] = start(merged, "b", "c")
    await turns()
    leaves.cancel()
    await turns()
    writing.go.set()
    await asyncio.gather(first, stays)
    assert writing.batches == [["a"], ["c"]]
    assert await asyncio.gather(*start(merged, "b")) == [Placed.ACCEPTED]


async def test_who_gives_up_during_the_write_harms_no_neighbour(merged, writing):
    leaves, stays = start(merged, "a", "b")
    await turns()
    leaves.cancel()
    await turns()
    writing.go.set()
    assert await stays is Placed.ACCEPTED


async def test_nobody_waits_for_a_writer_that_was_stopped(merged, writing):
    [waiting] = start(merged, "a")
    await turns()
    for task in merged._tasks:
        task.cancel()
    with pytest.raises(UnavailableError):
        await waiting


async def test_writers_work_side_by_side_and_no_more_than_allowed(writing, rings):
    merged = MergedPlacements(writing, written=lambda: None, writers=2, batch=3)
    tasks = []
    for key in ("a", "b", "c", "d"):
        tasks += start(merged, key)
        await turns()
    assert writing.batches == [["a"], ["b"]]
    writing.go.set()
    await asyncio.gather(*tasks)
    assert writing.batches == [["a"], ["b"], ["c", "d"]]


KEYS = st.lists(st.sampled_from("abcdefgh"), max_size=30)


@given(KEYS, st.sets(st.sampled_from("abcdefgh")), st.integers(1, 3), st.integers(1, 5))
async def test_every_order_has_an_outcome_and_every_key_one_writer(keys, broken, writers, batch):
    writing = Writing()
    writing.broken = broken
    merged = MergedPlacements(writing, written=lambda: None, writers=writers, batch=batch)
    tasks = start(merged, *keys)
    await turns()
    writing.go.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(len(found) <= batch and len(set(found)) == len(found) for found in writing.batches)
    for key in set(keys):
        told = [result for own, result in zip(keys, results, strict=True) if own == key]
        first, *later = told
        assert isinstance(first, ValueError) if key in broken else first is Placed.ACCEPTED
        assert set(later) <= {Placed.KEY_TAKEN}
    assert not merged._keys
    assert not merged._waiting
    assert merged._free_writers == writers
    with contextlib.suppress(ValueError):
        await merged.place(Order("z"))
