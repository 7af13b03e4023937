"""What follows from a refusal, order by order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cafe_inventory.changes import (
    TRANSACTION_WRITES,
    Level,
    Prolong,
    Refused,
    Reservation,
    Reserve,
    Settle,
    merge,
    moves,
    pack,
)
from cafe_inventory.judging import Outcome, meet, rule
from cafe_inventory.models import ReservationLine
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 11, 22, 7, tzinfo=UTC)
MILK = ("s", "milk")


def held(order, quantity=1, *, until=1, **fields):
    return Reservation(
        order_id=order,
        store_id="s",
        lines=(ReservationLine(sku="milk", quantity=quantity),),
        held_until=NOW + timedelta(minutes=until),
        placed_at=NOW,
        **{"synthetic": False, "status": "reserved", **fields},
    )


def level(available, reserved=0):
    return Level("s", "milk", available, reserved, 0, available + reserved, 0)


def orders(changes):
    return [change.order_id for change in changes]


def test_only_those_whose_reservation_is_in_the_way_are_concerned():
    group = [Reserve(held("a")), Reserve(held("b"))]
    ruling = rule(group, Refused({"a": held("a", status="committed")}, {}), NOW)
    assert [(end.order_id, end.status) for end in ruling.ended] == [("a", "committed")]
    assert orders(ruling.again) == ["b"]


def test_what_is_left_is_served_in_turn_and_the_rest_asks_again():
    group = [Reserve(held(order, n)) for order, n in (("a", 3), ("b", 9), ("c", 3), ("d", 2))]
    ruling = rule(group, Refused({}, {MILK: level(5)}), NOW)
    assert orders(ruling.again) == ["a", "d"]
    assert orders(ruling.later) == ["c"]
    assert [(change.order_id, lack.available) for change, lack in ruling.lacking] == [("b", 5)]


def test_what_others_give_back_may_be_had_after_them():
    group = [Settle(held("a", 4), "released"), Reserve(held("b", 6)), Reserve(held("c", 10))]
    ruling = rule(group, Refused({}, {MILK: level(5, 4)}), NOW)
    assert orders(ruling.again) == ["a"]
    assert orders(ruling.later) == ["b"]
    assert orders(change for change, _ in ruling.lacking) == ["c"]


def test_stock_that_is_gone_takes_nothing_back():
    ruling = rule([Settle(held("a"), "released")], Refused({}, {MILK: None}), NOW)
    (change,) = ruling.again
    assert moves(change) == {}


def test_a_hold_that_lapsed_is_prolonged_by_who_asks_again():
    lapsed = held("a", until=-1)
    assert meet(Reserve(held("a")), lapsed, NOW) == Prolong(lapsed, NOW + timedelta(minutes=1))


def test_a_hold_that_was_prolonged_is_not_expired():
    met = meet(Settle(held("a", until=-1), "released", expired=True), held("a"), NOW)
    assert isinstance(met, Outcome)
    assert met.status == "reserved"


def test_a_prolonging_that_comes_too_late_reserves_again():
    gone = held("a", until=-1, status="released", expired=True)
    met = meet(Prolong(held("a", until=-1), NOW + timedelta(minutes=9)), gone, NOW)
    assert isinstance(met, Reserve)
    assert met.wanted == held("a", until=9)


quantities = st.integers(1, 50)
skus = st.sampled_from([f"i{n}" for n in range(60)])


@st.composite
def changes(draw):
    chosen = draw(st.dictionaries(skus, quantities, min_size=1, max_size=50))
    order = f"o{draw(st.integers(0, 10**9))}"
    lines = tuple(ReservationLine(sku=sku, quantity=n) for sku, n in chosen.items())
    kept = replace(held(order), lines=lines, synthetic=draw(st.booleans()))
    kinds = [Reserve(kept), Settle(kept, "released"), Settle(kept, "committed")]
    return draw(st.sampled_from(kinds))


@given(st.lists(changes(), max_size=50, unique_by=lambda change: change.order_id))
def test_every_change_is_in_one_transaction_that_dynamodb_takes(group):
    packed = pack(group)
    assert [change for part in packed for change in part] == group
    assert all(len(part) + len(merge(part)) + 1 <= TRANSACTION_WRITES for part in packed)


@given(st.lists(changes(), max_size=30))
def test_what_is_moved_adds_up_to_nothing(group):
    for move in merge(group).values():
        assert move.available + move.reserved + move.sold == 0
        assert min(move.needed, move.settled, move.sold) >= 0


def test_the_largest_orders_are_split_before_dynamodb_refuses_them():
    lines = tuple(ReservationLine(sku=f"i{n}", quantity=1) for n in range(50))
    group = [Reserve(replace(held(f"o{n}"), lines=lines)) for n in range(50)]
    assert [len(part) for part in pack(group)] == [49, 1]
