"""Many stores in one answer: what is wrong with one of them is nobody else's trouble."""

import asyncio
import json

import pytest
from cafe_kit import batch
from cafe_kit.batch import MOST_BYTES, answer, read_each
from cafe_kit.errors import NotFoundError, TimedOutError, UnavailableError
from cafe_kit.wire import WireView


class Sign(WireView):
    """A document."""

    store_id: str
    text: str = "open"


async def read(store_id):
    """What a store's own GET does; its id says how it ends."""
    match store_id:
        case "gone":
            raise NotFoundError("no such store")
        case "away":
            raise UnavailableError("throttled")
        case "broken":
            raise ZeroDivisionError
        case "slow":
            await asyncio.sleep(3600)
    return Sign(store_id=store_id)


async def told(*ids):
    return json.loads((await read_each(ids, read)).body)


async def test_each_store_is_as_its_own_get_tells_it():
    assert await told("a", "b") == {
        "found": {"a": {"storeId": "a", "text": "open"}, "b": {"storeId": "b", "text": "open"}},
        "unread": [],
    }


async def test_what_does_not_exist_is_missing():
    assert await told("a", "gone") == {"found": {"a": {"storeId": "a", "text": "open"}},
                                       "unread": []}  # fmt: skip
    assert await told("gone") == {"found": {}, "unread": []}


@pytest.mark.parametrize("trouble", ["away", "broken"])
async def test_a_store_that_cannot_be_read_is_unread_and_the_others_are_not(trouble):
    found = await told("a", trouble, "b")
    assert (list(found["found"]), found["unread"]) == (["a", "b"], [trouble])
    found = await told("gone", trouble)
    assert (found["found"], found["unread"]) == ({}, [trouble])


async def test_a_slow_store_costs_nobody_else_his_answer(monkeypatch):
    monkeypatch.setattr(batch, "PATIENCE_SECONDS", 0.05)
    found = await told("a", "slow", "b")
    assert (list(found["found"]), found["unread"]) == (["a", "b"], ["slow"])


async def test_where_nobody_can_be_read_the_service_says_why(monkeypatch):
    monkeypatch.setattr(batch, "PATIENCE_SECONDS", 0.05)
    with pytest.raises(UnavailableError, match="throttled"):
        await told("slow", "away")
    with pytest.raises(TimedOutError):
        await told("slow")


async def test_a_store_that_is_named_twice_is_read_once():
    reads = []

    async def noting(store_id):
        reads.append(store_id)
        return await read(store_id)

    await read_each(["a", "a"], noting)
    assert reads == ["a"]


async def test_no_more_are_read_at_once_than_the_service_can_spare():
    now = most = 0

    async def counting(store_id):
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        return await read(store_id)

    await read_each([f"s{number}" for number in range(50)], counting)
    assert most == batch.AT_ONCE


def test_what_does_not_fit_is_unread_and_there_is_always_one():
    large = {f"s{n}": Sign(store_id=f"s{n}", text="ö" * (MOST_BYTES // 5)) for n in range(4)}
    found = json.loads(answer(large, ["x"]).body)
    assert (list(found["found"]), found["unread"]) == (["s0", "s1"], ["x", "s2", "s3"])
    one = {"s": Sign(store_id="s", text="a" * MOST_BYTES)}
    assert json.loads(answer(one).body)["unread"] == []


async def test_nothing_is_left_behind_by_a_reader_who_leaves():
    before, begun = asyncio.all_tasks(), asyncio.Event()

    async def slowly(store_id):
        begun.set()
        return await read(store_id)

    reading = asyncio.create_task(read_each(["slow", "a"], slowly))
    await begun.wait()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
