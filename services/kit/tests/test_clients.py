"""Calls to a neighbour: repeated where that is safe, within a budget and a deadline."""

import asyncio
import time

import httpx
import pytest
from cafe_kit.clients import RetryBudget, call, neighbour
from cafe_kit.context import continue_trace


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Neighbour:
    """Answers in turn what it is told to; an exception is raised."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []
        self.headers = []
        transport = httpx.MockTransport(self.answer)
        self.client = neighbour("http://menu", "token", transport=transport)
        self.budget = RetryBudget()

    async def answer(self, request):
        self.requests.append(request)
        self.headers.append(dict(request.headers))
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, float):
            await asyncio.sleep(answer)
            answer = 200
        return answer if isinstance(answer, httpx.Response) else httpx.Response(answer)

    async def call(self, *, idempotent=True, deadline_seconds=2.0):
        request = self.client.build_request("PUT", "/x", json={"a": 1})
        return await call(
            self.client,
            request,
            budget=self.budget,
            idempotent=idempotent,
            deadline_seconds=deadline_seconds,
        )


@pytest.mark.parametrize(
    "trouble", [502, 503, 504, 429, httpx.ReadTimeout("slow"), httpx.ConnectError("away")]
)
async def test_what_passes_is_tried_again(trouble):
    menu = Neighbour(trouble, 200)
    assert (await menu.call()).status_code == 200
    assert len(menu.requests) == 2
    assert menu.requests[1].content == b'{"a":1}'


@pytest.mark.parametrize("status", [200, 201, 400, 404, 409, 422, 500])
async def test_an_answer_with_a_meaning_is_returned_at_once(status):
    menu = Neighbour(status)
    assert (await menu.call()).status_code == status
    assert len(menu.requests) == 1


@pytest.mark.parametrize("trouble", [503, httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("")])
async def test_what_may_have_happened_is_not_repeated_unless_it_may_be(trouble):
    menu = Neighbour(trouble)
    if isinstance(trouble, Exception):
        with pytest.raises(httpx.HTTPError):
            await menu.call(idempotent=False)
    else:
        assert (await menu.call(idempotent=False)).status_code == trouble
    assert len(menu.requests) == 1


async def test_what_never_left_may_always_be_repeated():
    menu = Neighbour(httpx.ConnectError("away"), 201)
    assert (await menu.call(idempotent=False)).status_code == 201


async def test_it_gives_up_after_three_and_says_what_the_last_said():
    menu = Neighbour(503, 502, 504, 200)
    assert (await menu.call()).status_code == 504
    menu = Neighbour(*[httpx.ConnectError("away")] * 4)
    with pytest.raises(httpx.ConnectError):
        await menu.call()
    assert len(menu.requests) == 3


async def test_the_deadline_bounds_all_tries_together():
    menu = Neighbour(0.5, 0.5, 0.5)
    began = time.monotonic()
    with pytest.raises(httpx.ReadTimeout):
        await menu.call(deadline_seconds=0.05)
    assert time.monotonic() - began < 0.4
    assert len(menu.requests) == 1


async def test_a_retry_that_would_come_too_late_is_not_begun():
    menu = Neighbour(httpx.Response(503, headers={"retry-after": "30"}))
    assert (await menu.call()).status_code == 503
    assert len(menu.requests) == 1


async def test_every_try_carries_the_trace_and_a_span_of_its_own():
    trace = continue_trace()
    menu = Neighbour(503, 200)
    await menu.call()
    spans = {headers["traceparent"] for headers in menu.headers}
    assert len(spans) == 2
    assert all(trace.trace_id in span for span in spans)


async def test_an_exhausted_budget_ends_the_retries():
    menu = Neighbour(*[503] * 100)
    menu.budget = RetryBudget(clock=Clock())
    for _ in range(20):
        await menu.call()
    # three to begin with, and a tenth of the calls
    assert 20 + 3 <= len(menu.requests) <= 20 + 3 + 2


def test_a_budget_is_a_share_of_the_calls():
    budget = RetryBudget(clock=Clock())
    while budget.spend():
        pass
    for _ in range(50):
        budget.note_call()
    assert [budget.spend() for _ in range(6)] == [True] * 5 + [False]


def test_a_budget_has_a_few_retries_a_second_for_those_who_call_seldom():
    clock = Clock()
    budget = RetryBudget(clock=clock)
    while budget.spend():
        pass
    clock.now += 1
    assert [budget.spend() for _ in range(4)] == [True] * 3 + [False]
    clock.now += 3600
    assert [budget.spend() for _ in range(4)] == [True] * 3 + [False]


def test_a_long_quiet_time_saves_up_for_no_storm():
    budget = RetryBudget(clock=Clock())
    for _ in range(100_000):
        budget.note_call()
    assert sum(budget.spend() for _ in range(100)) <= 10
