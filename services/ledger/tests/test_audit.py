"""When an order is judged, what is looked at again, and how much is held at once."""

from datetime import timedelta

import pytest
from cafe_ledger.audit import Auditor, BookError, Timing, Window
from cafe_ledger.collect import Collector
from cafe_ledger.fakes import NOON, FakeBooks
from cafe_ledger.findings import Kind
from cafe_ledger.report import KEPT_OF_A_KIND

SETTLE, STUCK = timedelta(seconds=30), timedelta(minutes=10)


class World:
    """Books, and a clock that sleeping moves; `meanwhile` happens at each sleep."""

    def __init__(self, **collector):
        self.books = FakeBooks()
        self.now = NOON + timedelta(hours=1)
        self.told = []
        self.slept = []
        self.meanwhile = lambda: None
        self.collector = Collector(self.books, **collector)

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)
        self.meanwhile()

    def ago(self, **span):
        return self.now - timedelta(**span)

    async def audit(self, *, wait=0, hours=2, store=""):
        timing = Timing(SETTLE, STUCK, timedelta(seconds=wait))
        auditor = Auditor(self.collector, timing, lambda: self.now, self.sleep, self.told.append)
        return await auditor.audit(Window(self.ago(hours=hours), self.now, store))


def kinds(report):
    return [finding.kind for finding in report.findings]


async def test_an_order_under_way_is_pending_and_no_damage():
    world = World()
    world.books.order("confirmed", at=world.ago(minutes=9))
    report = await world.audit()
    assert (report.pending, report.judged, kinds(report)) == (1, 0, [])


async def test_an_order_under_way_for_too_long_is_stuck():
    world = World()
    world.books.order("confirmed", at=world.ago(minutes=10))
    report = await world.audit()
    assert (report.pending, report.judged, kinds(report)) == (0, 1, [Kind.ORDER_STUCK])


async def test_a_stuck_order_says_that_the_customer_has_paid():
    world = World()
    world.books.pay(world.books.order("confirmed", at=world.ago(minutes=11)), "captured")
    (finding,) = (await world.audit()).findings
    assert finding.found == "confirmed, already charged, placed at 2026-03-01T12:49:00+00:00"


async def test_an_order_that_ended_just_now_is_pending_however_long_ago_it_was_placed():
    world = World()
    order_id = world.books.order("completed", at=world.ago(minutes=5))
    world.books.entry("order", order_id)["updatedAt"] = world.ago(seconds=29).isoformat()
    assert (await world.audit()).pending == 1
    world.books.entry("order", order_id)["updatedAt"] = world.ago(seconds=30).isoformat()
    assert Kind.CHARGE_MISSING in kinds(await world.audit())


async def test_without_the_time_of_its_end_an_order_settles_from_its_placing():
    world = World()
    order_id = world.books.order("completed", at=world.ago(seconds=29))
    world.books.entry("order", order_id)["updatedAt"] = None
    assert (await world.audit()).pending == 1
    world.now += timedelta(seconds=1)
    assert Kind.CHARGE_MISSING in kinds(await world.audit())


async def test_an_order_older_than_the_inventory_remembers_is_not_judged_for_stock():
    world = World()
    world.books.kept_from = world.ago(hours=1)
    old = world.books.sell(at=world.ago(minutes=61))
    young = world.books.sell(at=world.ago(minutes=60))
    for order_id in (old, young):
        world.books.remove("inventory", order_id)
    report = await world.audit()
    assert [(one.kind, one.order_id) for one in report.findings] == [(Kind.STOCK_MISSING, young)]
    assert (report.judged, report.forgotten) == (2, 1)
    assert report.as_json()["stockForgotten"] == 1


async def test_what_the_inventory_still_remembers_of_an_old_order_is_judged():
    world = World()
    world.books.kept_from = world.ago(hours=1)
    old = world.books.sell(at=world.ago(minutes=61))
    world.books.entry("inventory", old)["status"] = "released"
    report = await world.audit()
    assert kinds(report) == [Kind.STOCK_MISSING]
    assert report.forgotten == 0


async def test_of_an_order_whose_stock_is_forgotten_all_else_is_judged():
    world = World()
    world.books.kept_from = world.now
    old = world.books.sell(at=world.ago(minutes=61))
    for book in ("inventory", "payment-processor"):
        world.books.remove(book, old)
    assert kinds(await world.audit()) == [Kind.PAYMENT_MISSING]


async def test_an_order_older_than_loyalty_remembers_may_have_no_points_left():
    world = World()
    world.books.points_kept_from = world.ago(hours=1)
    old, wrong, young = (world.books.sell(at=world.ago(minutes=at)) for at in (61, 61, 60))
    for order_id in (old, young):
        world.books.remove("loyalty", order_id)
    world.books.entry("loyalty", wrong)["points"] = 99
    report = await world.audit()
    found = {(one.kind, one.order_id) for one in report.findings}
    assert found == {(Kind.POINTS_MISSING, young), (Kind.POINTS_DIFFERING, wrong)}
    assert report.as_json()["pointsForgotten"] == 1


async def test_an_entry_whose_order_may_just_be_coming_is_no_orphan():
    world = World()
    order_id = world.books.sell(at=world.ago(seconds=29))
    world.books.remove("order", order_id)
    assert kinds(await world.audit()) == []
    world.now += timedelta(seconds=2)
    assert len(kinds(await world.audit())) == 5


async def test_what_is_under_way_is_waited_for_and_then_judged():
    world = World()
    order_id = world.books.sell(at=world.ago(minutes=2))
    world.books.entry("order", order_id)["status"] = "paid"

    def completes():
        if len(world.slept) == 3:
            world.books.entry("order", order_id)["status"] = "completed"

    world.meanwhile = completes
    report = await world.audit(wait=120)
    assert (report.pending, report.judged, report.damages) == (0, 1, 0)
    assert world.slept == [1, 2, 4]
    assert "1 orders still under way, 1 windows to settle" in world.told


async def test_a_late_message_is_waited_for_and_is_no_damage():
    world = World()
    order_id = world.books.sell(at=world.ago(minutes=2))
    grants, world.books.books["loyalty"] = world.books.books["loyalty"], []
    assert kinds(await world.audit()) == [Kind.POINTS_MISSING]
    world.meanwhile = lambda: world.books.books.update(loyalty=grants)
    report = await world.audit(wait=120)
    assert report.damages == 0, order_id


async def test_damage_that_nothing_can_settle_is_not_waited_for():
    world = World()
    order_id = world.books.sell(at=world.ago(minutes=2))
    world.books.repeat("payment-provider", order_id, chargeId="second")
    assert kinds(await world.audit(wait=120)) == [Kind.CHARGE_DUPLICATED]
    assert world.slept == []


async def test_waiting_ends_when_its_time_is_over_and_what_is_pending_stays_so():
    world = World()
    world.books.order("paid", at=world.ago(minutes=1))
    report = await world.audit(wait=20)
    assert report.pending == 1
    assert 20 <= sum(world.slept) < 26


async def test_only_the_windows_that_need_it_are_read_again():
    world = World(most=10)
    for minute in range(100, 0, -1):
        world.books.sell(at=world.ago(minutes=minute))
    world.books.order("paid", at=world.ago(minutes=1))
    await world.audit()
    once = len(world.books.asked)
    world.books.asked.clear()
    await world.audit(wait=1)
    assert len(world.books.asked) < once * 1.5


async def test_no_more_orders_than_allowed_are_held_at_once():
    world = World(most=20, page=7)
    for second in range(300):
        world.books.sell(at=world.ago(minutes=50) + timedelta(seconds=second))
    held = []
    others = Collector.others

    class Watching(Collector):
        async def others(self, window, orders):
            held.append(len(orders))
            return await others(self, window, orders)

    world.collector = Watching(world.books, most=20, page=7)
    report = await world.audit()
    assert (report.judged, report.damages) == (300, 0)
    assert max(held) <= 20
    assert sum(held) == 300


async def test_more_orders_in_one_second_than_allowed_are_judged_all_the_same():
    world = World(most=5)
    for _ in range(12):
        world.books.sell(at=world.ago(minutes=5))
    assert (await world.audit()).judged == 12


async def test_only_the_store_that_was_asked_for_is_audited():
    world = World()
    world.books.sell(at=world.ago(minutes=5), store="a.one")
    world.books.sell(at=world.ago(minutes=5), store="b.two")
    assert list((await world.audit(store="b.two")).by_store()) == ["b.two"]


@pytest.mark.parametrize(
    "book",
    ["order", "inventory", "payment-processor", "payment-provider", "loyalty", "analytics-worker"],
)
async def test_a_book_that_cannot_be_reached_is_named(book):
    world = World()
    world.books.sell(at=world.ago(minutes=5))
    world.books.away.add(book)
    with pytest.raises(BookError, match=book):
        await world.audit()


async def test_an_answer_that_is_not_the_agreed_one_is_no_empty_book():
    world = World()
    order_id = world.books.sell(at=world.ago(minutes=5))
    del world.books.entry("loyalty", order_id)["points"]
    with pytest.raises(BookError, match=r"loyalty is not as agreed: entries\.0\.points"):
        await world.audit()


async def test_a_cursor_that_comes_back_does_not_go_on_for_ever():
    world = World()
    world.books.answer = lambda *_: {"entries": [], "next": "same"}
    with pytest.raises(BookError, match="same page cursor twice"):
        await world.audit()


async def test_an_entry_of_another_time_is_not_believed():
    world = World()
    world.books.sell(at=world.ago(minutes=5))
    entry = dict(world.books.books["loyalty"][0], placedAt=world.ago(days=3).isoformat())
    honest = world.books.answer

    def lies(book, path, params):
        return {"entries": [entry]} if book == "loyalty" else honest(book, path, params)

    world.books.answer = lies
    with pytest.raises(BookError, match="outside of"):
        await world.audit()


async def test_totals_are_kept_for_each_store_and_each_hour():
    world = World()
    for minutes, store in ((90, "a.one"), (30, "a.one"), (20, "b.two")):
        world.books.sell(at=world.ago(minutes=minutes), store=store, lines=[("cake", 2, 300)])
    cancelled = world.books.order("cancelled", at=world.ago(minutes=20), store="b.two")
    world.books.pay(cancelled, "refunded")
    report = await world.audit()
    one, two = report.by_store().values()
    assert (one.orders, one.completed, one.charges, one.points) == (2, 2, 2, 12)
    assert (one.revenue, one.charged) == ({"EUR": 1200}, {"EUR": 1200})
    assert (two.orders, two.completed, two.refunded, two.rows) == (2, 1, 1, 2)
    assert {hour: totals.orders for hour, totals in report.by_period().items()} == {
        "2026-03-01T11": 1,
        "2026-03-01T12": 3,
    }


async def test_of_many_findings_the_first_are_kept_and_all_are_counted():
    world = World(most=8)
    for second in range(50):
        order_id = world.books.sell(at=world.ago(minutes=50) + timedelta(seconds=second))
        world.books.remove("inventory", order_id)
    report = await world.audit()
    assert report.damages == 50
    assert len(report.findings) == KEPT_OF_A_KIND
    assert report.by_kind() == {Kind.STOCK_MISSING: 50}
    assert report.of_store("cloudcafe.soho")[0] == 50


async def test_a_store_that_only_other_books_know_is_shown():
    world = World()
    order_id = world.books.sell(at=world.ago(minutes=5), store="a.ghost")
    world.books.remove("order", order_id)
    report = await world.audit()
    assert report.by_store()["a.ghost"].orders == 0
    assert report.as_json()["stores"][0]["findings"] == 5


async def test_a_finding_is_one_sentence_with_what_was_found_and_expected():
    world = World()
    order_id = world.books.sell(at=world.ago(minutes=5))
    world.books.entry("payment-provider", order_id)["amountMinor"] = 1
    (finding,) = (await world.audit()).findings
    assert finding.sentence == (
        f"order {order_id} of cloudcafe.soho: a charge is not of the order's amount, currency and "
        "store (found 1 EUR at cloudcafe.soho, expected 250 EUR at cloudcafe.soho)"
    )
