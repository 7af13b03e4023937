"""What is done again and again goes on whatever a round meets."""

import asyncio

import pytest
from cloudcafe_operator import metrics
from cloudcafe_operator.effects.rounds import for_ever
from cloudcafe_operator.errors import Unavailable
from structlog.testing import capture_logs


@pytest.mark.parametrize("trouble", [Unavailable("away"), KeyError("a bug of ours")])
async def test_neither_trouble_nor_a_bug_ends_the_rounds(trouble):
    rounds, third = [], asyncio.Event()

    async def make():
        rounds.append(trouble)
        if len(rounds) == 3:
            third.set()
        raise trouble

    going = asyncio.create_task(for_ever(make, seconds=0.0, waits="it waits"))
    await asyncio.wait_for(third.wait(), 5.0)
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going


@pytest.mark.parametrize(
    ("trouble", "level", "bugs"),
    [(Unavailable("away"), "warning", 0), (KeyError("a bug of ours"), "error", 1)],
)
async def test_trouble_is_told_and_a_bug_is_counted_too(trouble, level, bugs):
    async def make():
        raise trouble

    before = metrics.rounds_broken._value.get()
    with capture_logs() as told:
        going = asyncio.create_task(for_ever(make, seconds=3600.0, waits="it waits"))
        await asyncio.sleep(0)
        going.cancel()
    assert [(one["event"], one["log_level"]) for one in told] == [("it waits", level)]
    assert metrics.rounds_broken._value.get() - before == bugs


async def test_the_first_round_may_come_after_a_pause():
    rounds = []

    async def make():
        rounds.append(1)

    going = asyncio.create_task(for_ever(make, seconds=3600.0, waits="", pause_first=True))
    await asyncio.sleep(0)
    going.cancel()
    assert rounds == []
