"""LedgerBalanced: one look for the whole fleet, told only where a store's verdict changed."""

import asyncio
import gc
import time
from datetime import timedelta

import pytest
from cafe_ledger.collect import Collector
from cafe_ledger.report import Report
from cloudcafe_operator.effects.books import MOST, PAGE, HttpBooks, collector
from cloudcafe_operator.effects.ledger import LedgerTiming, LedgerWatch
from cloudcafe_operator.kinds import CAFE_STORES
from cloudcafe_operator.planning.ledger import NAME, Look, Share, answer_of, judge_ledger
from cloudcafe_operator.resources.reasons import REASONS
from cloudcafe_operator.resources.store import example

from tests.fakes.ledgers import LedgerWorld
from tests.fakes.stores import ID, REF, StoreWorld


@pytest.fixture
async def world():
    return await LedgerWorld().settled()


async def test_before_the_first_look_nothing_is_claimed(world):
    assert world.condition(NAME)[:2] == ("Unknown", "Waiting")
    assert world.ledger is None
    assert world.condition("Ready")[0] == "True"


async def test_books_that_agree_are_balanced(world):
    world.sell()
    await world.look()
    assert world.condition(NAME)[:2] == ("True", "Balanced")
    assert (world.ledger["orders"], world.ledger["findings"]) == (1, 0)


async def test_no_orders_are_not_green(world):
    await world.look()
    assert world.condition(NAME)[:2] == ("Unknown", "NoOrders")


async def test_damage_is_named_with_its_orders_and_leaves_the_store_ready(world):
    orders = [world.sell() for _ in range(7)]
    for order_id in orders:
        world.books.remove("loyalty", order_id)
    await world.look()
    status, reason, message = world.condition(NAME)
    assert (status, reason) == ("False", "BooksDiffer")
    assert f"7 findings, the first: order {orders[0]}" in message
    assert f"cafectl audit --store {ID}" in message
    assert (world.ledger["findings"], len(world.ledger["first"])) == (7, 5)
    assert world.condition("Ready")[0] == "True"
    assert "BooksDiffer" in world.events.reasons


async def test_a_verdict_that_stays_costs_no_write_however_many_looks_and_orders_there_are(world):
    world.sell()
    await world.look()
    before = world.ledger
    world.recorder.forget()
    for _ in range(5):
        world.clock.advance(300)
        world.sell()
        await world.look()
        await world.reconcile()
    assert world.recorder.writes == []
    assert world.ledger == before


async def test_damage_that_was_mended_is_balanced_again(world):
    order_id = world.sell()
    row = world.books.entry("analytics-worker", order_id)
    world.books.remove("analytics-worker", order_id)
    await world.look()
    assert world.condition(NAME)[0] == "False"
    world.books.books["analytics-worker"].append(row)
    await world.look()
    assert world.condition(NAME)[0] == "True"
    assert world.ledger["first"] == []


async def test_the_damage_of_another_store_is_not_this_ones(world):
    world.sell()
    world.books.remove("inventory", world.sell(store="other.store"))
    await world.look()
    assert world.condition(NAME)[0] == "True"
    assert world.queue.woken == ["CafeStore/default/corner"]


async def test_one_look_serves_all_stores(world):
    for name in ("two", "three"):
        manifest = example()
        manifest["metadata"]["name"] = name
        await world.kubernetes.create(CAFE_STORES, manifest)
    world.sell()
    await world.look()
    assert len([book for book, _ in world.books.asked if book == "loyalty"]) == 1


async def test_a_restarted_operator_keeps_what_was_found_until_it_has_looked_itself(world):
    world.books.remove("loyalty", world.sell())
    await world.look()
    world.recorder.forget()
    world.restart()
    await world.reconcile()
    assert world.recorder.writes == []
    assert world.condition(NAME)[0] == "False"


async def test_a_book_that_is_away_for_a_moment_changes_nothing(world):
    world.sell()
    await world.look()
    world.books.away.add("loyalty")
    world.clock.advance(300)
    await world.look()
    assert world.queue.woken == []
    assert world.condition(NAME)[0] == "True"


async def test_a_book_that_stays_away_makes_the_verdict_unknown_and_is_named(world):
    world.sell()
    await world.look()
    world.books.away.add("loyalty")
    for _ in range(4):
        world.clock.advance(300)
        await world.look()
    status, reason, message = world.condition(NAME)
    assert (status, reason) == ("Unknown", "Unavailable")
    assert "the book of loyalty cannot be read" in message
    world.recorder.forget()
    world.clock.advance(300)
    await world.look()
    assert world.recorder.writes == []


async def test_a_deleted_store_is_woken_no_more(world):
    await world.kubernetes.delete(REF)
    await world.settle()
    world.sell()
    await world.reconciler.ledger.round()
    assert world.queue.woken == []


async def test_an_order_that_changed_just_now_is_not_judged(world):
    world.sell()
    fresh = world.sell(seconds=90)
    world.books.remove("loyalty", fresh)
    changed = world.clock.now() - timedelta(seconds=30)
    world.books.entry("order", fresh)["updatedAt"] = changed.isoformat()
    await world.look()
    assert world.condition(NAME)[0] == "True"


async def test_a_look_that_breaks_is_told_and_the_next_one_goes_on(world, monkeypatch):
    world.sell()
    monkeypatch.setattr(world.books, "answer", lambda *_: 1 / 0)
    await world.look()
    assert world.condition(NAME)[:2] == ("Unknown", "Unavailable")
    monkeypatch.undo()
    await world.look()
    assert world.condition(NAME)[0] == "True"


async def test_many_orders_hold_up_the_event_loop_for_less_than_50_ms(world):
    """Thread time, not the clock's: a busy machine is not our doing."""
    for second in range(3000):
        world.books.sell(
            store=f"fleet.store-{second % 500}",
            at=world.clock.now() - timedelta(minutes=50) + timedelta(seconds=second / 2),
        )
    reader = world.reconciler.ledger.collector.reader
    answered = {}

    class Answered:
        """Pages made beforehand: what is measured is our side, not the fake's."""

        async def get(self, book, path, params):
            key = (book, path, tuple(sorted(params.items())))
            if key not in answered:
                answered[key] = await reader.get(book, path, params)
            await asyncio.sleep(0)
            return answered[key]

    watch = LedgerWatch(
        Collector(Answered(), page=PAGE, most=MOST), world.clock, None, LedgerTiming()
    )
    await watch.round()
    gc.collect()
    gc.freeze()  # as main.py does: the fake's books are not the operator's garbage
    work = asyncio.create_task(watch.round())
    longest = 0.0
    while not work.done():
        before = time.thread_time()
        await asyncio.sleep(0)
        longest = max(longest, time.thread_time() - before)
    gc.unfreeze()
    assert watch._look.shares["fleet.store-7"].orders == 6
    assert longest < 0.05


def test_findings_of_which_none_was_kept_are_told_all_the_same():
    now = StoreWorld().clock.now()
    judged = judge_ledger(Look(now, now, {ID: Share(orders=9, findings=7)}), ID)
    assert judged[1:3] == ("False", "BooksDiffer")
    assert judged[3] == f"7 findings. Run cafectl audit --store {ID}."


def test_every_reason_is_documented():
    now = StoreWorld().clock.now()
    looks = [
        None,
        Look(now, now, problem="away"),
        Look(now, now),
        Look(now, now, {ID: Share(orders=2, pending=2)}),
        Look(now, now, {ID: Share(orders=2, pending=1)}),
        Look(now, now, {ID: Share(orders=1, findings=1, first=["order x: lost"])}),
    ]
    found = {judge_ledger(look, ID)[2] for look in looks}
    assert found <= set(REASONS)
    assert {"Balanced", "BooksDiffer", "NoOrders", "Unavailable", "Waiting"} == found


async def test_books_without_the_providers_statement_claim_nothing_of_charges():
    world = await LedgerWorld(provider="").settled()
    twice = world.sell()
    world.books.repeat("payment-provider", twice, chargeId="second")
    await world.look()
    status, reason, message = world.verdict
    assert (status, reason) == ("True", "Balanced")
    assert "charges" not in message
    assert message.endswith("agree; the provider's statement is not available.")


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (True, ""),
        (False, "3 orders agree in the services' books; the provider's statement is not available"),
    ],
)
def test_a_runs_probe_says_whether_the_statement_was_read(statement, said):
    report = Report(statement=statement, judged=3)
    answer = answer_of("books", report, at=StoreWorld().clock.now())
    assert (answer.outcome, answer.message) == ("Balanced", said)


def test_without_a_provider_the_statement_is_left_out():
    urls = dict.fromkeys(
        ("order", "inventory", "payment-processor", "loyalty", "analytics-worker"), "http://x"
    )
    assert not collector(HttpBooks(None, {**urls, "payment-provider": ""}, "token")).statement
