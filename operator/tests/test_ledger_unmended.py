"""Damage does not heal by growing old: it is looked at again until the books were seen to agree."""

from datetime import UTC, datetime, timedelta

import pytest
from cloudcafe_operator.effects.ledger import AGAIN
from cloudcafe_operator.kinds import CAFE_STORES
from cloudcafe_operator.planning.unmended import (
    Seen,
    accepted_until,
    next_look,
    remembered,
    renewed,
)
from cloudcafe_operator.resources.store import ACCEPT_DAMAGE, example
from cloudcafe_operator.resources.store_status import Ledger, Unmended

from tests.fakes.ledgers import LedgerWorld
from tests.fakes.stores import ID, REF

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DIFFER, BALANCED = ("False", "BooksDiffer"), ("True", "Balanced")


@pytest.fixture
async def world():
    return await LedgerWorld().settled()


async def damage(world, *, book="loyalty", **span):
    """Sell an order, tear it out of a book and look; return how to put it back."""
    order_id = world.sell(**span)
    entry = world.books.entry(book, order_id)
    world.books.remove(book, order_id)
    await world.look()
    assert world.verdict[:2] == DIFFER
    return lambda: world.books.books[book].append(entry)


async def later(world, **span):
    """Let time pass in which one more order is sold well, and look."""
    world.clock.advance(timedelta(**span).total_seconds())
    world.sell()
    await world.look()


async def test_damage_that_left_the_window_unmended_stays_told_with_where_to_look(world):
    await damage(world)
    await later(world, hours=5)
    status, reason, message = world.verdict
    assert (status, reason) == DIFFER
    assert "not mended, the first: order order-1" in message
    assert "--since 2026-03-01T08:5" in message
    assert "--until 2026-03-01T08:5" in message
    assert world.ledger["findings"] == 0


async def test_old_damage_that_is_mended_is_balanced_at_the_next_look(world):
    mend = await damage(world)
    await later(world, hours=5)
    mend()
    await world.look()
    assert world.verdict[:2] == BALANCED
    assert "unmended" not in world.ledger


async def test_a_customer_charged_while_the_order_got_stuck_is_not_forgotten(world):
    lost = world.books.order("paid", store=ID, at=world.clock.now() - timedelta(minutes=30))
    world.books.pay(lost, "captured")
    await later(world, minutes=5)
    assert world.verdict[:2] == DIFFER
    await later(world, hours=2)
    assert world.verdict[:2] == DIFFER
    assert "already charged" in world.verdict[2]


async def test_an_old_order_that_ended_just_now_is_judged_before_it_is_believed(world):
    order_id = world.sell(minutes=30)
    order = world.books.entry("order", order_id)
    sold = world.books.entry("analytics-worker", order_id)
    order["status"] = sold["status"] = "paid"
    await world.look()
    await later(world, hours=2)
    assert world.verdict[:2] == DIFFER
    order["status"] = sold["status"] = "completed"
    order["updatedAt"] = world.clock.now().isoformat()
    await world.look()
    assert world.verdict[:2] == DIFFER
    await later(world, minutes=5)
    assert world.verdict[:2] == BALANCED


async def test_of_two_damages_the_later_one_is_told_when_the_first_is_mended(world):
    mend = await damage(world)
    world.clock.advance(1800)
    await damage(world)
    await later(world, hours=3)
    mend()
    await world.look()
    assert world.verdict[:2] == DIFFER
    assert "order-2" in world.verdict[2]
    assert "order-1" not in world.verdict[2]


async def test_a_restarted_operator_knows_damage_that_left_the_window(world):
    mend = await damage(world)
    world.restart()
    world.clock.advance(7200)
    world.sell()
    await world.reconciler.ledger.round()  # before it has seen the store
    await world.reconcile()
    assert world.verdict[:2] == DIFFER
    mend()
    await world.look()
    assert world.verdict[:2] == BALANCED


async def test_findings_told_by_an_earlier_release_are_looked_at_too(world):
    mend = await damage(world)
    del world.ledger["unmended"]
    world.restart()
    await world.reconcile()
    await later(world, hours=3)
    assert world.verdict[:2] == DIFFER
    mend()
    await world.look()
    assert world.verdict[:2] == BALANCED


async def test_old_damage_that_stays_costs_no_write(world):
    await damage(world)
    await later(world, hours=5)
    world.recorder.forget()
    for _ in range(3):
        await later(world, minutes=5)
        await world.reconcile()
    assert world.recorder.writes == []


async def test_old_damage_of_many_stores_in_one_moment_is_one_reading(world):
    stores = [f"default.s{number}" for number in range(20)]
    for name in stores:
        manifest = example()
        manifest["metadata"]["name"] = name.removeprefix("default.")
        await world.kubernetes.create(CAFE_STORES, manifest)
        world.reconciler.ledger._told[name] = (f"CafeStore/{name}", ())
        world.books.remove("loyalty", world.sell(store=name))
    await world.look()
    world.clock.advance(7200)
    world.books.asked.clear()
    await world.reconciler.ledger.round()
    assert len(world.reconciler.ledger._unmended) == len(stores)
    assert [book for book, _ in world.books.asked].count("loyalty") == 2
    # levels and holds have no window, and are read once
    assert len([1 for _, asked in world.books.asked if "from" not in asked]) == 2


async def test_however_long_ago_damage_began_a_round_reads_no_more_than_another_window(world):
    mend = await damage(world)
    world.clock.advance(3000)
    await damage(world)
    for _ in range(3):
        world.clock.advance(3000)
        mend_last = await damage(world)
    mend()
    for order_id in ("order-2", "order-3", "order-4"):
        world.books.grant(order_id)
    mend_last()
    world.clock.advance(7200)
    world.books.asked.clear()
    await later(world, minutes=5)
    assert [book for book, _ in world.books.asked].count("loyalty") == 1 + AGAIN
    assert world.verdict[:2] == DIFFER
    for _ in range(3):
        await later(world, minutes=5)
    assert world.verdict[:2] == BALANCED


async def test_a_book_that_is_away_leaves_old_damage_told(world):
    mend = await damage(world)
    await later(world, hours=3)
    mend()
    honest = world.books.answer

    def old_is_away(book, path, params):
        if "from" in params and datetime.fromisoformat(params["from"]) < NOON - HOUR:
            return 1 / 0
        return honest(book, path, params)

    world.books.answer = old_is_away
    await later(world, minutes=5)
    assert world.verdict[:2] == DIFFER
    world.books.answer = honest
    await later(world, minutes=5)
    assert world.verdict[:2] == BALANCED


async def test_damage_that_a_person_accepts_is_told_no_more_but_what_comes_later_is(world):
    await damage(world)
    await later(world, hours=3)
    word = world.ledger["unmended"]["until"]
    world.recorder.forget()
    await world.kubernetes.patch(REF, {"metadata": {"annotations": {ACCEPT_DAMAGE: word}}})
    await world.reconcile()
    assert world.verdict[:2] == BALANCED
    world.restart()
    await world.reconcile()
    await world.look()
    assert world.verdict[:2] == BALANCED
    await damage(world)
    await later(world, hours=3)
    assert world.verdict[:2] == DIFFER


@pytest.mark.parametrize("word", ["", "yes", "2026-03-01T10:00:00", "2026-03-01T12:00:01Z"])
def test_no_other_word_and_no_moment_to_come_accepts_damage(word):
    assert accepted_until(word, NOON) is None


def span(since, until, first=""):
    return Unmended(since=NOON + since * HOUR, until=NOON + until * HOUR, first=first)


def look(since, until, *, damaged=None, unsettled=None):
    window = NOON + since * HOUR, NOON + until * HOUR
    return Seen(
        window,
        {ID: damaged} if damaged else {},
        {ID: unsettled} if unsettled else {},
    )


@pytest.mark.parametrize(
    ("old", "seen", "left"),
    [
        (None, look(0, 1), None),
        (None, look(0, 1, damaged=span(0.5, 0.6, "x")), span(0.5, 0.6, "x")),
        (span(0, 1, "x"), look(0, 1), None),
        (span(0, 1, "x"), look(2, 3), span(0, 1, "x")),
        (span(0, 3, "x"), look(0, 1), span(1, 3)),
        (span(0, 3, "x"), look(2, 4), span(0, 2, "x")),
        (span(0, 3, "x"), look(1, 2), span(0, 3, "x")),
        (span(0, 3, "x"), look(0, 1, damaged=span(0.5, 0.6, "y")), span(0.5, 3, "y")),
        (span(0, 1, "x"), look(0.5, 2, damaged=span(1.5, 1.6, "y")), span(0, 1.6, "x")),
        (span(0, 1, "x"), look(0, 2, unsettled=span(0.5, 1.5)), span(0.5, 1)),
        (span(0, 1, "x"), look(0, 2, unsettled=span(1.5, 1.8)), None),
    ],
)
def test_what_was_looked_at_is_cut_out_and_what_was_found_put_back(old, seen, left):
    assert renewed(old, seen, ID) == left


def test_those_found_longest_ago_are_looked_at_first_and_each_once_a_round():
    unmended = {"a": span(0, 1), "b": span(2, 9), "c": span(20, 21)}
    asked = {"before": NOON + 10 * HOUR, "part": HOUR, "number": 7}
    assert next_look(unmended, {"a": 6, "b": 5}, **asked) == (NOON + 2 * HOUR, NOON + 3 * HOUR)
    assert next_look(unmended, {"a": 6, "b": 7}, **asked) == (NOON, NOON + HOUR)
    assert next_look(unmended, {"a": 7, "b": 7}, **asked) is None


def test_a_status_without_findings_remembers_nothing():
    assert remembered(None) is None
    assert remembered(Ledger(since=NOON, until=NOON + HOUR, orders=3, findings=0)) is None
