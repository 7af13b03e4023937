"""The books balance whatever dies: a short storm, on real processes."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tests.crash.orders.books import judge
from tests.crash.orders.cafe import STORES, TILL
from tests.crash.orders.driver import Customers, Diary, Promises
from tests.crash.orders.gremlins import TROUBLES, Gremlins

ORDERS = 1500
THINK_S = 15.0  # so that they still order when the last trouble comes


@pytest.mark.integration
@pytest.mark.timeout(600)
async def test_the_books_balance_after_every_trouble_at_once(
    cafe, tmp_path, record_testsuite_property
):
    since = datetime.now(UTC)
    diary = Diary(tmp_path / "diary.jsonl")
    customers = Customers(cafe.tills, TILL, STORES, diary, ORDERS, think_s=THINK_S)
    ordering = asyncio.create_task(customers.run())
    gremlins = Gremlins(cafe, seed=1)
    await gremlins.run(ordering)
    await ordering
    diary.close()
    promises = Promises.of(diary.path)

    verdict = await judge(cafe, promises, since, patience=timedelta(seconds=240))

    record_testsuite_property("orders after the storm", dict(verdict.counts))
    assert verdict.faults == []
    # and the storm was one: each trouble came, and orders met it
    assert len(gremlins.done) == len(TROUBLES)
    assert verdict.counts["completed"] > ORDERS / 2
    assert verdict.counts["rejected"] > 0
    assert verdict.counts["cancelled"] > 0
    assert sum(cafe.aws.done.values()) > 0


async def test_a_diary_with_a_torn_last_line_still_tells_what_was_promised(tmp_path):
    diary = Diary(tmp_path / "diary")
    diary.write("intent", "a", body={})
    diary.write("accepted", "a", order={"id": "1"})
    diary.write("intent", "b", body={})
    diary.close()
    with diary.path.open("ab") as file:
        file.write(b'{"what":"accep')
    promises = Promises.of(diary.path)
    assert (promises.intended, len(promises.orders), promises.unknown) == (2, 1, 1)
