"""Single samples: what a customer sees, and why it was bad."""

import json

import pytest
from cloudcafe_operator.effects.probes import Customer, Shop
from cloudcafe_operator.resources.probe import Probe

from tests.fakes import FakeClock, FakeHttp

URL = "http://menu:8080/m"


class Cafe:
    """Answers as told and keeps what it was sent."""

    def __init__(self, *answers):
        self.http = FakeHttp()
        self.clock = FakeClock()
        self.answers = list(answers)
        self.headers = []
        self.http.mount("order:8080", self._answer)
        self.http.mount("menu:8080", lambda *_: (200, {"items": [{"sku": "espresso"}]}))

    def _answer(self, method, path, body, headers):
        self.headers.append(dict(headers))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    async def sleep(self, seconds):
        self.clock.advance(seconds)

    async def sample(self, **probe):
        shop = Shop("http://order:8080", "http://menu:8080", "secret", lambda ns, n: f"{ns}.{n}")
        customer = Customer(self.http, self.clock, shop, sleep=self.sleep)
        read = Probe.model_validate({"name": "coffee", "timeout": "2s", **probe})
        return await customer.sample(read, namespace="soho", key="run-coffee-1.00")

    async def order(self):
        return await self.sample(order={"store": "espresso"})


def order(status):
    return {"id": "o1", "status": status}


async def test_a_confirmed_order_is_good():
    seen = await Cafe((201, order("placed")), (200, order("confirmed"))).order()
    assert (seen.result, seen.milliseconds) == ("good", 200)


async def test_an_accepted_order_without_a_confirmation_is_delayed():
    seen = await Cafe((201, order("placed")), (200, order("placed"))).order()
    assert seen.result == "delayed"
    assert seen.why == "an order still placed after 2 s"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((404, {"title": "Unknown store", "detail": "soho.espresso"}), "404 Unknown store soho"),
        ((503, None), "503"),
        ((201, order("rejected")), "an order that was rejected"),
    ],
)
async def test_everything_else_is_refused_and_says_why(answer, why):
    seen = await Cafe(answer).order()
    assert seen.result == "refused"
    assert seen.why.startswith(why)


async def test_an_order_is_marked_synthetic_paid_by_token_and_safe_to_repeat():
    cafe = Cafe((201, order("confirmed")))
    await cafe.order()
    (call,) = [call for call in cafe.http.recorder.calls if call.verb == "POST"]
    assert call.body == {
        "storeId": "soho.espresso",
        "lines": [{"sku": "espresso", "quantity": 1}],
        "synthetic": True,
    }
    assert cafe.headers[0]["Idempotency-Key"] == "run-coffee-1.00"
    assert cafe.headers[0]["Authorization"] == "Bearer secret"


async def test_the_token_is_not_shown():
    assert "secret" not in repr(Shop("http://order", "http://menu", "secret"))


@pytest.mark.parametrize(
    ("status", "expected", "result"),
    [(200, [], "good"), (404, [], "refused"), (404, [404], "good"), (200, [204], "refused")],
)
async def test_an_http_probe_expects_a_status(status, expected, result):
    cafe = Cafe((200, {}))
    cafe.http.mount("menu:8080", lambda *_: (status, json.loads("{}")))
    assert (await cafe.sample(http={"url": URL, "expectStatus": expected})).result == result


async def test_no_connection_is_refused():
    cafe = Cafe((200, {}))
    cafe.http.unmount("menu:8080")
    seen = await cafe.sample(http={"url": URL})
    assert (seen.result, seen.why) == ("refused", "connection refused")


async def test_slower_than_the_tolerance_is_delayed():
    cafe = Cafe((201, order("placed")), (200, order("confirmed")))
    seen = await cafe.sample(order={"store": "x"}, tolerance={"latencyMilliseconds": 100})
    assert (seen.result, seen.why) == ("delayed", "more than 100 ms")
