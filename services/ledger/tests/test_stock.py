"""Counters of stock against orders, while orders go on: no false alarm, and no drift unseen."""

from datetime import timedelta

import pytest
from cafe_ledger.audit import Auditor, Timing, Window
from cafe_ledger.collect import HOLDS, LEDGER, LEVELS, Collector
from cafe_ledger.fakes import NOON, FakeBooks
from cafe_ledger.findings import Kind
from cafe_ledger.stock import APART, FEW, LOOKS

NOW = NOON + timedelta(hours=1)
SINCE = NOON - timedelta(hours=1)
SOHO = "cloudcafe.soho"


class LivelyBooks(FakeBooks):
    """After each page of the inventory, `meanwhile` may do what the cafe does meanwhile."""

    def __init__(self):
        super().__init__()
        self.meanwhile = lambda _path: None
        self.paths = []

    def answer(self, book, path, params):
        page = super().answer(book, path, params)
        page["entries"] = [dict(one) for one in page["entries"]]
        if book == "inventory":
            self.paths.append(path)
            self.meanwhile(path)
        return page

    def hold(self, level, quantity=1):
        """An order comes."""
        self._count(level, available=-quantity, reserved=quantity)
        order_id = f"holds-{level['sku']}-{level['moves']}"
        lines = [{"sku": level["sku"], "quantity": quantity}]
        self.holds.append({"orderId": order_id, "storeId": level["storeId"], "lines": lines})

    def commit(self, level, *, at=NOON):
        """The oldest order that holds something takes it."""
        hold = next(one for one in self.holds if one["lines"][0]["sku"] == level["sku"])
        self.holds.remove(hold)
        quantity = hold["lines"][0]["quantity"]
        self._count(level, reserved=-quantity, sold=quantity)
        self.sell(at=at, lines=[(level["sku"], quantity, 250)])

    def release(self, level):
        """The oldest order that holds something ends without it."""
        hold = next(one for one in self.holds if one["lines"][0]["sku"] == level["sku"])
        self.holds.remove(hold)
        quantity = hold["lines"][0]["quantity"]
        self._count(level, reserved=-quantity, available=quantity)

    def _count(self, level, **changes):
        for name, change in {"moves": 1, **changes}.items():
            level[name] += change


async def audited(books, **collector):
    window = Window(SINCE, NOW)
    auditor = Auditor(Collector(books, **collector), Timing(), now=lambda: NOW)
    report = await auditor.audit(window)
    # an order that comes after the order book was read is in no window of the audit of a moment
    return [(finding.kind, finding.sku) for finding in report.findings if finding.sku]


def drifts(level, number=1):
    """Somebody's reserve is given back that was not his, as the bug of a reopened store did."""
    level["reserved"] -= number
    level["available"] += number


async def test_items_that_agree_are_read_once():
    books = LivelyBooks()
    for reserved in range(5):
        books.level(reserved=reserved)
    assert await audited(books) == []
    assert (books.paths.count(LEVELS), books.paths.count(HOLDS)) == (1, 1)


@pytest.mark.parametrize("does", ["hold", "commit", "release"])
@pytest.mark.parametrize("when", range(1, 9))
async def test_an_order_that_comes_or_ends_between_any_two_readings_is_no_damage(does, when):
    books = LivelyBooks()
    level = books.level("espresso", reserved=3, sold=0)

    def meanwhile(_path):
        if len(books.paths) == when:
            getattr(books, does)(level)

    books.meanwhile = meanwhile
    assert await audited(books, page=1) == []


async def test_an_item_that_never_stands_still_is_not_judged_and_not_looked_at_for_ever():
    books = LivelyBooks()
    level = books.level("espresso", available=999)
    drifts(books.level("cake", reserved=1, available=999))

    def meanwhile(path):
        if path == HOLDS:
            books.hold(level)

    books.meanwhile = meanwhile
    assert await audited(books) == [(Kind.LEVEL_HELD, "cake")]
    assert books.paths.count(HOLDS) == 1 + LOOKS


async def test_drift_is_found_as_soon_as_the_item_stands_still():
    books = LivelyBooks()
    level = books.level("espresso", reserved=4)
    drifts(level, 2)

    def meanwhile(path):
        if path == HOLDS and books.paths.count(HOLDS) == 2:
            books.hold(level)

    books.meanwhile = meanwhile
    assert await audited(books) == [(Kind.LEVEL_HELD, "espresso")]


async def test_an_order_that_another_replaces_leaves_the_numbers_but_not_the_item_alone():
    books = LivelyBooks()
    level = books.level("espresso", reserved=1)
    books.holds.clear()  # whoever reads holds in pages may see both of the two, or neither

    def meanwhile(path):
        if path == HOLDS:
            level["moves"] += 1

    books.meanwhile = meanwhile
    assert await audited(books) == []
    books.meanwhile = lambda _path: None
    assert await audited(books) == [(Kind.LEVEL_HELD, "espresso")]


async def test_drift_at_many_stores_is_found_at_each():
    books = LivelyBooks()
    for number in range(FEW + 5):
        level = books.level(reserved=1)
        level["storeId"] = books.holds[-1]["storeId"] = f"store.{number}"
        drifts(level)
    assert len(await audited(books)) == FEW + 5
    assert books.paths.count(LEVELS) == 2


async def test_only_the_store_that_was_asked_for_is_looked_at():
    books = LivelyBooks()
    drifts(books.level("espresso", reserved=1))
    other = books.level("cake", reserved=1)
    other["storeId"] = books.holds[-1]["storeId"] = "lisbon.corner"
    auditor = Auditor(Collector(books), Timing(), now=lambda: NOW)
    assert (await auditor.audit(Window(SINCE, NOW, "lisbon.corner"))).damages == 0
    assert (await auditor.audit(Window(SINCE, NOW, SOHO))).damages == 1


async def test_orders_that_are_sold_while_the_books_are_read_are_no_damage():
    books = LivelyBooks()
    level = books.level("espresso", sold=0, available=99)

    def meanwhile(path):
        if path in {LEVELS, LEDGER}:
            books.hold(level)
            books.commit(level)

    books.meanwhile = meanwhile
    books.sell(at=SINCE, lines=[("latte", 1, 250)])
    assert await audited(books) == []
    assert books.paths.count(LEVELS) > 1  # the counter was read again, and it was right


async def test_what_was_sold_before_the_window_hides_no_sale_of_a_young_item():
    books = LivelyBooks()
    level = books.level("espresso", sold=2)
    level["countedFrom"] = (SINCE - timedelta(minutes=5)).isoformat()
    books.sell(at=NOON, lines=[("espresso", 3, 250)])
    assert await audited(books) == [(Kind.LEVEL_SOLD, "espresso")]


async def test_what_a_store_of_the_same_name_sold_before_is_not_counted():
    books = LivelyBooks()
    opened = NOON
    level = books.level("espresso", sold=1)
    level["countedFrom"] = opened.isoformat()
    books.sell(at=opened - timedelta(minutes=1), lines=[("espresso", 5, 250)])
    books.sell(at=opened + APART, lines=[("espresso", 1, 250)])
    assert await audited(books) == []
    level["sold"], level["available"] = 0, level["available"] + 1
    assert await audited(books) == [(Kind.LEVEL_SOLD, "espresso")]


async def test_a_store_that_is_closed_and_opened_while_the_books_are_read_is_no_damage():
    books = LivelyBooks()
    level = books.level("espresso", sold=9)
    books.sell(at=NOON, lines=[("espresso", 10, 250)])

    def meanwhile(path):
        if path == LEDGER:
            level.update(sold=0, received=level["available"], countedFrom=NOW.isoformat())

    books.meanwhile = meanwhile
    assert await audited(books) == []


async def test_an_old_item_whose_beginning_nobody_knows_is_not_judged_for_sales():
    books = LivelyBooks()
    books.level("espresso", sold=0)["countedFrom"] = None
    books.sell(at=NOON)
    assert await audited(books) == []


async def test_sales_that_the_inventory_has_forgotten_are_not_missed():
    books = LivelyBooks()
    books.kept_from = NOON
    level = books.level("espresso", sold=7)
    old = books.sell(at=NOON - timedelta(minutes=9), lines=[("espresso", 7, 250)])
    books.remove("inventory", old)
    assert await audited(books) == []
    assert level["sold"] == 7


async def test_what_was_released_or_is_held_was_not_sold():
    books = LivelyBooks()
    books.level("espresso", sold=0)
    books.move(books.order("cancelled", at=NOON), "released")
    books.move(books.order("paid", at=NOW - timedelta(minutes=1)), "reserved")
    assert await audited(books) == []
