"""The promise of the audit: books in order raise nothing, each damage raises exactly its kind."""

from datetime import timedelta

import pytest
from cafe_ledger.audit import Auditor, Timing, Window
from cafe_ledger.collect import Collector
from cafe_ledger.fakes import NOON
from cafe_ledger.findings import MEANINGS, Kind
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ledger.tests.worlds import DAMAGES, LEVEL_DAMAGES, NOW, worlds

DAY = Window(NOON - timedelta(hours=1), NOW)
quick = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)


def auditor(books, **collector):
    return Auditor(Collector(books, **collector), Timing(), now=lambda: NOW)


async def found(books, **collector):
    report = await auditor(books, **collector).audit(DAY)
    return [(finding.kind, finding.order_id or finding.sku) for finding in report.findings]


@settings(quick, max_examples=40)
@given(worlds())
async def test_books_in_order_raise_nothing(books):
    assert await found(books) == []


@settings(quick, max_examples=20)
@given(worlds(), st.integers(1, 4), st.integers(1, 5))
async def test_pages_and_windows_of_any_size_raise_nothing(books, page, most):
    assert await found(books, page=page, most=most) == []


@pytest.mark.parametrize("name", DAMAGES)
@quick
@given(books=worlds(), data=st.data())
async def test_each_damage_is_found_as_exactly_its_kind(name, books, data):
    damage = DAMAGES[name]
    victim = damage.apply(books, data.draw)
    orphaned = damage.kind.endswith("-orphaned")
    about = f"ghost-of-{victim}" if orphaned else victim
    assert await found(books) == [(damage.kind, about)]


@pytest.mark.parametrize("name", LEVEL_DAMAGES)
@quick
@given(books=worlds(), data=st.data())
async def test_each_damage_to_the_stock_is_found(name, books, data):
    level = data.draw(st.sampled_from(books.levels))
    level[LEVEL_DAMAGES[name]] += 1
    assert await found(books) == [(Kind.LEVEL_UNBALANCED, level["sku"])]


@quick
@given(books=worlds())
async def test_stock_below_nothing_is_found_though_the_sum_is_right(books):
    level = books.level(sold=12, available=-2)
    assert await found(books) == [(Kind.LEVEL_NEGATIVE, level["sku"])]


@quick
@given(books=worlds(), drift=st.sampled_from((-2, -1, 1, 2)))
async def test_a_reserve_that_is_not_what_orders_hold_is_found_though_the_sum_is_right(
    books, drift
):
    level = books.level(available=5, reserved=5)
    level["available"] -= drift
    level["reserved"] += drift
    assert await found(books) == [(Kind.LEVEL_HELD, level["sku"])]


@quick
@given(books=worlds(), data=st.data())
async def test_a_sale_that_was_not_counted_is_found_though_the_sum_is_right(books, data):
    sku = data.draw(st.sampled_from(("espresso", "latte", "cake", "water")))
    books.sell(at=NOON, lines=[(sku, data.draw(st.integers(1, 3)), 250)])
    taken = books.taken("cloudcafe.soho", sku)
    level = books.level(sku, sold=taken + data.draw(st.sampled_from((0, 0, 1, 50))))
    assert await found(books) == []
    level["available"] += level["sold"] - taken + 1
    level["sold"] = taken - 1
    assert await found(books) == [(Kind.LEVEL_SOLD, sku)]


def test_every_kind_has_a_damage_and_a_meaning():
    struck = {damage.kind for damage in DAMAGES.values()}
    struck |= {Kind.LEVEL_UNBALANCED, Kind.LEVEL_NEGATIVE, Kind.LEVEL_HELD, Kind.LEVEL_SOLD}
    assert struck == set(Kind)
    assert set(MEANINGS) == set(Kind)


@quick
@given(books=worlds(), data=st.data())
async def test_without_a_statement_the_other_books_are_still_compared(books, data):
    victim = DAMAGES["a sale without stock"].apply(books, data.draw)
    books.books["payment-provider"] = []
    assert await found(books, statement=False) == [(Kind.STOCK_MISSING, victim)]
