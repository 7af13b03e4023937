"""What events say about an order: the same in any order, however often."""

import itertools

import pytest
from cafe_analytics.facts import RANKS, clipped, facts_of
from cafe_analytics.fakes import NOON, event, life
from cafe_kit.events import StockEvent
from hypothesis import given
from hypothesis import strategies as st

STATUSES = list(RANKS)


def rows_of(events):
    return sorted(fact.row for fact in facts_of(events))


def test_the_status_of_the_highest_rank_wins_in_every_order():
    seen = {
        tuple(map(tuple, rows_of(order)))
        for order in itertools.permutations(life(statuses=("placed", "confirmed", "paid")))
    }
    assert len(seen) == 1
    (row,) = seen.pop()
    assert "paid" in row


@given(st.lists(st.sampled_from(STATUSES), min_size=1, max_size=6), st.randoms())
def test_repetitions_and_shuffles_change_nothing(statuses, random):
    events = life(statuses=statuses)
    again = events * 2
    random.shuffle(again)
    assert rows_of(again) == rows_of(events)


@given(st.lists(st.sampled_from(STATUSES), min_size=2, max_size=6), st.integers(1, 5))
def test_facts_may_be_joined_in_parts(statuses, cut):
    events = life(statuses=statuses)
    first, second = events[:cut], events[cut:]
    whole = facts_of(events)[0]
    for part in (facts_of(first), facts_of(second)):
        assert whole.joined(part[0]).row == whole.row if part else True


def test_of_two_times_for_one_status_the_earlier_counts():
    late = event(status="paid", at=NOON.replace(hour=23))
    early = event(status="paid")
    assert facts_of([late, early])[0].row == facts_of([early])[0].row
    assert facts_of([early, late])[0].row == facts_of([early])[0].row


def test_an_order_has_one_fact_and_other_events_none():
    stock = StockEvent(
        id="1", type="stock.low", at=NOON, store_id="corner", sku="cake", available=1, low_at=5
    )
    facts = facts_of([*life("o1"), stock, *life("o2", ("placed",))])
    assert [(fact.event.order_id, fact.status) for fact in facts] == [
        ("o1", "completed"),
        ("o2", "placed"),
    ]


@pytest.mark.parametrize(
    ("text", "stored"),
    [(None, None), ("", ""), ("plain", "plain"), ("café!", "café"), ("caféé", "café")],
)
def test_text_is_clipped_by_bytes_and_never_in_the_middle_of_a_character(text, stored):
    assert clipped(text, 5) in {stored, text}
    assert clipped(text, 5) == stored or len((text or "").encode()) <= 5


def test_no_server_stores_nul():
    assert clipped("a\x00b", 50) == "a\ufffdb"
