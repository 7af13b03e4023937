"""DynamoDB's arithmetic, as plain values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from localaws.capacity import TokenBucket, item_size, read_units, write_units


def test_an_item_weighs_its_names_and_values():
    item = {
        "pk": {"S": "ab"},  # 2 + 2
        "é": {"S": "é"},  # 2 + 2: UTF-8
        "n": {"N": "1234"},  # 1 + 3
        "no": {"NULL": True},  # 2 + 1
        "yes": {"BOOL": True},  # 3 + 1
        "b": {"B": "AAAA"},  # 1 + 3: base64
        "ss": {"SS": ["a", "bc"]},  # 2 + 3
        "l": {"L": [{"S": "a"}]},  # 1 + 3 + (1 + 1)
        "m": {"M": {"k": {"S": "v"}}},  # 1 + 3 + (1 + 1 + 1)
    }
    assert item_size(item) == 4 + 4 + 4 + 3 + 4 + 4 + 5 + 6 + 7


@pytest.mark.parametrize(("size", "units"), [(1, 1), (1022, 1), (1023, 2), (4000, 4)])
def test_writes_are_rounded_up_to_a_kilobyte(size, units):
    assert write_units({"pk": {"S": "x" * size}}) == units


@pytest.mark.parametrize(
    ("size", "consistent", "units"),
    [(0, True, 1), (0, False, 0.5), (4096, True, 1), (4097, True, 2), (4097, False, 1)],
)
def test_reads_are_rounded_up_to_four_kilobytes(size, consistent, units):
    assert read_units(size, consistent=consistent) == units


def test_a_bucket_gives_what_it_has_and_refills():
    bucket = TokenBucket(rate=2, tokens=1, at=0)
    assert bucket.admits(1, 0)
    bucket.spend(1)
    assert not bucket.admits(1, 0)
    assert bucket.admits(1, 0.5)


def test_unused_capacity_lasts_for_five_minutes():
    bucket = TokenBucket(rate=2, tokens=0, at=0)
    assert bucket.admits(600, 10_000)
    bucket.spend(600)
    assert not bucket.admits(1, 10_000)


def test_what_is_larger_than_the_bucket_passes_when_it_is_full():
    bucket = TokenBucket(rate=1, tokens=300, at=0)
    assert bucket.admits(400, 0)
    bucket.spend(400)
    assert not bucket.admits(1, 100)
    assert bucket.admits(1, 101)


def test_lowered_capacity_is_felt_at_once():
    bucket = TokenBucket(rate=500, tokens=150_000, at=0)
    bucket.resize(1, 0)
    assert not bucket.admits(1, 0.9)
    assert bucket.admits(1, 1)


def test_raised_capacity_forgives_debt():
    bucket = TokenBucket(rate=1, tokens=-50, at=0)
    bucket.resize(500, 0)
    assert bucket.admits(500, 0)


@given(
    st.floats(min_value=1, max_value=1000),
    st.lists(st.tuples(st.floats(0, 5), st.integers(1, 40)), max_size=60),
)
def test_no_more_is_served_than_burst_and_rate_allow(rate, requests):
    bucket, now, served = TokenBucket(rate=rate, tokens=0, at=0), 0.0, 0
    for pause, units in requests:
        now += pause
        if units <= rate * 300 and bucket.admits(units, now):
            bucket.spend(units)
            served += units
    assert served <= rate * now + 1e-6
