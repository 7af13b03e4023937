"""The work queue: one worker per key, merged wishes, retries by the type of the error."""

import asyncio

import pytest
from cloudcafe_operator.errors import (
    AccessDenied,
    Bug,
    Conflict,
    NotFound,
    Retry,
    Throttled,
    Unavailable,
    UserError,
)
from cloudcafe_operator.planning.backoff import retry_after
from cloudcafe_operator.workqueue import WorkQueue
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from tests.fakes import Died, FakeClock

ERRORS = [
    UserError("x"), AccessDenied("x"), NotFound("x"), Conflict("x"), Retry("x", after=7),
    Throttled("x", after=3), Unavailable("x"), Bug("x"), ValueError("x"),
]  # fmt: skip


class Reconciler:
    def __init__(self, *answers):
        self.answers = list(answers)
        self.seen = []

    async def __call__(self, key):
        self.seen.append(key)
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, BaseException):
            raise answer
        return answer


@pytest.fixture
def clock():
    return FakeClock()


def queue_of(reconcile, clock, **more):
    return WorkQueue(reconcile, clock=clock, chance=lambda: 0.0, **more)


async def test_wishes_for_one_key_are_merged(clock):
    reconcile = Reconciler()
    queue = queue_of(reconcile, clock)
    for _ in range(5):
        queue.add("Store/a/b")
    await queue.drain()
    assert reconcile.seen == ["Store/a/b"]


async def test_a_key_comes_back_when_the_reconcile_says_so(clock):
    reconcile = Reconciler(30.0)
    queue = queue_of(reconcile, clock)
    queue.add("k")
    await queue.drain()
    clock.advance(29)
    await queue.drain()
    assert len(reconcile.seen) == 1
    clock.advance(1)
    await queue.drain()
    assert len(reconcile.seen) == 2


async def test_a_wish_during_the_work_runs_the_key_once_more(clock):
    seen = []

    async def reconcile(key):
        seen.append(key)
        if len(seen) == 1:
            queue.add(key)
            queue.add(key)

    queue = queue_of(reconcile, clock)
    queue.add("k")
    await queue.drain()
    assert seen == ["k", "k"]


async def test_no_key_is_worked_on_twice_at_once_and_workers_are_bounded(clock):
    running, most = set(), []

    async def reconcile(key):
        assert key not in running
        running.add(key)
        queue.add(key) if len(most) < 20 else None
        most.append(len(running))
        await asyncio.sleep(0)
        running.discard(key)

    queue = queue_of(reconcile, clock, workers=3)
    for number in range(10):
        queue.add(f"Store/a/{number}")
    await queue.drain()
    assert max(most) == 3


async def test_a_kind_does_not_wait_for_the_workers_of_another(clock):
    seen, end = [], asyncio.Event()

    async def reconcile(key):
        seen.append(key)
        if key.startswith("Store/"):
            await end.wait()

    queue = queue_of(reconcile, clock, workers=2)
    for number in range(9):
        queue.add(f"Store/a/{number}")
    queue.add("Run/a/b")
    work = asyncio.create_task(queue.drain())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert seen == ["Store/a/0", "Store/a/1", "Run/a/b"]
    assert len(queue) == 7
    end.set()
    await work
    assert len(seen) == 10


async def test_news_goes_before_what_the_clock_woke_unless_that_has_waited_too_long(clock):
    reconcile = Reconciler()
    queue = queue_of(reconcile, clock, workers=1, ahead={"Store": 60.0})
    queue.add("Store/a/overdue")
    clock.advance(50)
    queue.add("Store/a/looked-at")
    clock.advance(20)
    queue.add("Store/a/changed", news=True)
    queue.add("Store/a/looked-at-too")
    await queue.drain()
    names = [key.rpartition("/")[2] for key in reconcile.seen]
    assert names == ["overdue", "changed", "looked-at", "looked-at-too"]


async def test_news_of_another_kind_waits_its_turn(clock):
    reconcile = Reconciler()
    queue = queue_of(reconcile, clock, workers=1, ahead={"Store": 60.0})
    queue.add("Run/a/undo", after=1.0)
    clock.advance(2)
    queue.add("Run/a/begin", news=True)
    await queue.drain()
    assert reconcile.seen == ["Run/a/undo", "Run/a/begin"]


async def test_news_of_a_key_that_waits_is_worked_on_at_once_and_once(clock):
    reconcile = Reconciler()
    queue = queue_of(reconcile, clock, workers=1, ahead={"Store": 60.0})
    queue.add("Store/a/first")
    queue.add("Store/a/changed", after=30.0)
    queue.add("Store/a/changed", news=True)
    await queue.drain()
    assert reconcile.seen == ["Store/a/changed", "Store/a/first"]
    clock.advance(40)
    await queue.drain()
    assert len(reconcile.seen) == 2


def waited(woken):
    """Seconds that keys of stores have waited so far, by what woke them."""
    name, labels = "cloudcafe_queue_latency_seconds_sum", {"kind": "Store", "woken": woken}
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_the_wait_of_news_counts_from_its_coming_however_long_the_clock_had_waited(clock):
    queue = queue_of(Reconciler(), clock, workers=1, ahead={"Store": 60.0})
    before = {woken: waited(woken) for woken in ("news", "clock")}
    queue.add("Store/a/changed")
    queue.add("Store/a/overdue")
    clock.advance(30)
    queue.add("Store/a/changed", news=True)
    clock.advance(2)
    await queue.drain()
    assert waited("news") - before["news"] == 2
    assert waited("clock") - before["clock"] == 32


async def test_failures_in_a_row_wait_longer_and_success_forgets_them(clock):
    reconcile = Reconciler(Unavailable("x"), Unavailable("x"), None, Unavailable("x"))
    queue = queue_of(reconcile, clock)
    queue.add("k")
    for seconds in (0, 2, 2):
        clock.advance(seconds)
        await queue.drain()
    assert len(reconcile.seen) == 3
    queue.add("k")
    await queue.drain()
    clock.advance(2)
    await queue.drain()
    assert len(reconcile.seen) == 5


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
async def test_whatever_fails_comes_back(clock, error):
    reconcile = Reconciler(error)
    queue = queue_of(reconcile, clock)
    queue.add("k")
    await queue.drain()
    clock.advance(3600)
    await queue.drain()
    assert len(reconcile.seen) == 2


async def test_a_wait_for_what_went_on_begins_anew_with_the_failures_after_it(clock):
    went_on = Retry("one more is gone", after=2)
    reconcile = Reconciler(Throttled("x"), Throttled("x"), went_on, Throttled("x"))
    queue = queue_of(reconcile, clock)
    queue.add("k")
    for wait in (2, 4, 2, 2):
        await queue.drain()
        seen = len(reconcile.seen)
        clock.advance(wait - 0.1)
        await queue.drain()
        assert len(reconcile.seen) == seen
        clock.advance(0.1)
    await queue.drain()
    assert len(reconcile.seen) == 5


async def test_a_killed_operator_is_not_survived(clock):
    queue = queue_of(Reconciler(Died()), clock)
    queue.add("k")
    with pytest.raises(Died):
        await queue.drain()


async def test_cancelling_the_queue_cancels_its_work(clock):
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def reconcile(key):
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    queue = queue_of(reconcile, clock)
    running = asyncio.create_task(queue.run())
    queue.add("k")
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert cancelled.is_set()


@given(
    error=st.sampled_from(ERRORS),
    failures=st.integers(1, 10_000),
    jitter=st.floats(0, 1),
)
def test_waits_are_positive_bounded_and_never_shorter_than_asked(error, failures, jitter):
    wait = retry_after(error, failures=failures, jitter=jitter)
    assert 0 < wait <= 3600 * 1.2
    assert wait >= getattr(error, "after", 0)
    assert retry_after(error, failures=failures + 1, jitter=jitter) >= wait
