"""The limits of an HTTP API's stage, with a clock of the test's own."""

from __future__ import annotations

from localaws.edge.api import NOT_FOUND, TOO_MANY, HttpApi, Stage
from localaws.edge.routing import Asked, Forward

from localaws.tests.fakes import FakeClock

CALL = Asked("POST", "api", "/provider/callbacks")
ROUTES = frozenset(["POST /provider/callbacks"])


def api(rate, burst):
    stage = [Stage(rate, burst, ROUTES)]
    clock = FakeClock()
    return HttpApi(lambda: stage[0], clock), clock, stage


def answered(subject):
    return isinstance(subject.decide(CALL), Forward)


def test_a_burst_is_let_in_and_then_the_rate():
    subject, clock, _ = api(2, 3)
    assert [answered(subject) for _ in range(4)] == [True, True, True, False]
    clock.now += 0.5
    assert [answered(subject) for _ in range(2)] == [True, False]


def test_a_rate_of_nought_lets_nobody_in_and_a_new_rate_is_followed():
    subject, clock, stage = api(0, 0)
    assert subject.decide(CALL) == TOO_MANY
    stage[0] = Stage(1, 1, ROUTES)
    clock.now += 1
    assert answered(subject)


def test_what_has_no_route_is_not_found_and_an_api_that_is_gone_too():
    subject, _, stage = api(1, 1)
    assert subject.decide(Asked("GET", "api", "/provider/callbacks")) == NOT_FOUND
    stage[0] = None
    assert subject.decide(CALL) == NOT_FOUND
