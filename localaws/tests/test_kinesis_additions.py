"""What localaws adds to ministack's Kinesis."""

import time

import pytest
from localaws.emulators import ministack_additions
from ministack.services import kinesis


@pytest.fixture
def iterators():
    kinesis._shard_iterators.clear()
    yield kinesis._shard_iterators
    kinesis._shard_iterators.clear()


def test_iterators_are_dropped_when_they_are_too_old_and_not_before(iterators):
    now = time.time()
    ages = {"old": kinesis.ITERATOR_EXPIRY_SECONDS + 1, "young": 1.0, "new": 0.0}
    for token, age in ages.items():
        iterators[token] = {"created_at": now - age}
    ministack_additions._expire_iterators()
    assert set(iterators.keys()) == {"young", "new"}


def test_ministack_expires_iterators_where_we_hook_in():
    ministack_additions.install()
    assert kinesis._expire_iterators is ministack_additions._expire_iterators
    assert "_expire_iterators" in kinesis.handle_request.__code__.co_names
