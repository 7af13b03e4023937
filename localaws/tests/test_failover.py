"""The course of a failover, as plain values."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from localaws.failover import Failover, Phase, serves

SIX = Failover("a", "b", started=100.0, seconds=6.0)
ORDER = [Phase.DETACHING, Phase.PROMOTED, Phase.OVER]
times = st.floats(min_value=0, max_value=1e6)
lengths = st.floats(min_value=0.01, max_value=600)


def test_the_old_writer_stands_until_half_of_the_outage():
    assert (SIX.phase(100), SIX.writer(100)) == (Phase.DETACHING, "a")
    assert (SIX.phase(102.9), SIX.writer(102.9)) == (Phase.DETACHING, "a")
    assert (SIX.phase(103), SIX.writer(103)) == (Phase.PROMOTED, "b")


def test_connections_are_refused_until_the_outage_is_over():
    assert not serves(SIX, 100)
    assert not serves(SIX, 105.9)
    assert serves(SIX, 106)
    assert serves(None, 0)


def test_it_says_when_it_changes_next():
    assert (SIX.due(100), SIX.due(101), SIX.due(104), SIX.due(106)) == (3, 2, 2, 0)


@given(times, lengths, st.lists(times, max_size=8))
def test_it_only_goes_forward(started, seconds, moments):
    failover = Failover("a", "b", started, seconds)
    phases = [ORDER.index(failover.phase(started + moment)) for moment in sorted(moments)]
    assert phases == sorted(phases)


@given(times, lengths, times)
def test_the_endpoint_serves_exactly_when_the_failover_is_over(started, seconds, later):
    failover = Failover("a", "b", started, seconds)
    now = started + later
    assert serves(failover, now) == (failover.phase(now) is Phase.OVER)
    assert (failover.due(now) == 0) or not serves(failover, now)
