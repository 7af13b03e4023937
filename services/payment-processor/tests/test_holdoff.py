"""A provider that is away is left alone, longer each time; one call tries when that is over."""

import httpx
import pytest
from cafe_payments.errors import NotReachedError, OutcomeUnknownError, RefusedError
from cafe_payments.fakes import FakeMetrics
from cafe_payments.holdoff import FAILURES, LONGEST_SECONDS, HoldOff
from cafe_payments.provider import HttpProvider


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def fail(hold_off, times=FAILURES):
    for _ in range(times):
        hold_off.failed()


def test_a_few_failures_are_nothing():
    hold_off = HoldOff(Clock())
    fail(hold_off, FAILURES - 1)
    assert hold_off.seconds() == 0
    hold_off.succeeded()
    fail(hold_off, FAILURES - 1)
    assert hold_off.seconds() == 0


def test_a_wave_of_failures_is_one():
    hold_off = HoldOff(Clock())
    fail(hold_off, 50)
    assert hold_off.seconds() == 1


def test_when_the_wait_is_over_one_goes_and_the_others_wait_for_it():
    clock = Clock()
    hold_off = HoldOff(clock)
    fail(hold_off)
    clock.now += 1
    assert hold_off.seconds() == 0
    assert hold_off.seconds() > 0
    hold_off.succeeded()
    assert hold_off.seconds() == 0


def test_waits_double_up_to_a_bound():
    clock = Clock()
    hold_off = HoldOff(clock)
    fail(hold_off)
    waits = []
    for _ in range(8):
        waits.append(hold_off.resting_seconds())
        clock.now += waits[-1]
        assert hold_off.seconds() == 0
        hold_off.failed()
    assert waits == [1, 2, 4, 8, 16, LONGEST_SECONDS, LONGEST_SECONDS, LONGEST_SECONDS]


@pytest.fixture
def answering():
    """A provider's client whose other end is a function."""
    clients = []

    def make(answer):
        client = httpx.AsyncClient(
            transport=httpx.MockTransport(answer), base_url="http://provider"
        )
        clients.append(client)
        hold_off = HoldOff(Clock())
        return HttpProvider(client, 0.3, FakeMetrics(), hold_off), hold_off

    return make


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.ConnectError("refused"), NotReachedError),
        (httpx.ReadTimeout("late"), OutcomeUnknownError),
        (httpx.RemoteProtocolError("cut"), OutcomeUnknownError),
        (httpx.Response(500), OutcomeUnknownError),
        (httpx.Response(504), OutcomeUnknownError),
        (httpx.Response(200, text="<html>"), OutcomeUnknownError),
        (httpx.Response(401), NotReachedError),
        (httpx.Response(429), NotReachedError),
        (httpx.Response(422), RefusedError),
    ],
)
async def test_each_answer_is_told_for_what_it_is(answering, answer, error):
    def other_end(_request):
        if isinstance(answer, Exception):
            raise answer
        return answer

    provider, _ = answering(other_end)
    with pytest.raises(error):
        await provider.find("o-1")
    await provider.close()


async def test_a_charge_is_sent_once_whatever_comes_back(answering, new_world):
    seen = []

    def other_end(request):
        seen.append(request)
        raise httpx.ReadTimeout("late")

    provider, hold_off = answering(other_end)
    world = new_world()
    world.ask()
    await world.drain()
    for _ in range(FAILURES):
        with pytest.raises(OutcomeUnknownError):
            await provider.authorise(world.entry(), "o-1:authorise")
    assert len(seen) == FAILURES
    assert {request.headers["Idempotency-Key"] for request in seen} == {"o-1:authorise"}
    assert hold_off.seconds() > 0
    await provider.close()
