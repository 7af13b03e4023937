"""The services' refusals mean what errors.py says, in the services' own words."""

import pytest
from cloudcafe_operator.effects.cafe import Cafe
from cloudcafe_operator.errors import (
    AccessDenied,
    Bug,
    Conflict,
    NotFound,
    Throttled,
    Unavailable,
    UserError,
)

from tests.fakes import FakeHttp

PROBLEM = {"title": "Out of stock", "detail": "No espresso left.", "remedy": "Order tea"}


def cafe_answering(status, value=None):
    http = FakeHttp()
    http.mount("order", lambda *_: (status, value))
    return Cafe(http, "http://order", "http://order", "http://order", "token")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, UserError),
        (401, AccessDenied),
        (403, AccessDenied),
        (409, Conflict),
        (422, UserError),
        (429, Throttled),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
async def test_a_refusal_means_one_error_and_repeats_the_sentence(status, kind):
    with pytest.raises(kind) as refused:
        await cafe_answering(status, PROBLEM).put("a.b", "store", {})
    assert type(refused.value) is kind
    assert str(refused.value) == (
        f"PUT http://order/stores/a.b: {status} Out of stock. No espresso left. Order tea"
    )


async def test_a_service_that_is_older_than_the_operator_is_asked_again_soon():
    problem = {**PROBLEM, "detail": "ticketsQueue: Extra inputs are not permitted"}
    with pytest.raises(Unavailable, match="older than this operator") as refused:
        await cafe_answering(422, problem).put("a.b", "store", {})
    assert refused.value.after <= 10


async def test_what_does_not_exist_is_none_to_read_and_fine_to_delete():
    cafe = cafe_answering(404, PROBLEM)
    assert await cafe.get("a.b", "menu") is None
    await cafe.delete("a.b", "menu")
    with pytest.raises(NotFound):
        await cafe.find_order("1")


async def test_a_service_that_does_not_answer_is_unavailable():
    with pytest.raises(Unavailable, match="connection refused"):
        await Cafe(FakeHttp(), "http://x", "http://x", "http://x", "t").get("a.b", "store")


async def test_success_without_json_is_our_mistake():
    with pytest.raises(Bug):
        await cafe_answering(200).get("a.b", "store")
