"""Single samples: what a customer sees, and why it was bad."""

import json
import re

import pytest
from cloudcafe_operator.effects.probes import Customer, Shop
from cloudcafe_operator.effects.system_probes import Systems
from cloudcafe_operator.errors import Unavailable, UserError
from cloudcafe_operator.resources.crd import schema_of
from cloudcafe_operator.resources.probe import LedgerProbe, OrderProbe, Probe

from tests.fakes import FakeAws, FakeClock, FakeHttp, FakeKubernetes
from tests.fakes.prometheus import BAD_QUERY, NOT_PROMETHEUS, TOO_LONG, FakePrometheus, success

URL = "http://menu:8080/m"


class Cafe:
    """Answers as told and keeps what it was sent."""

    def __init__(self, *answers):
        self.http, self.kubernetes, self.aws = FakeHttp(), FakeKubernetes(), FakeAws()
        self.clock = FakeClock()
        self.answers = list(answers)
        self.headers = []
        self.http.mount("order:8080", self._answer)
        self.http.mount("menu:8080", self._menu)
        self.menus = []

    def _answer(self, method, path, body, headers):
        self.headers.append(dict(headers))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def _menu(self, method, path, body, headers):
        self.menus.append(path)
        return 200, {"items": [{"sku": "espresso"}]}

    async def sleep(self, seconds):
        self.clock.advance(seconds)

    async def sample(self, **probe):
        shop = Shop("http://order:8080", "http://menu:8080", "secret", lambda ns, n: f"{ns}.{n}")
        systems = Systems(self.kubernetes, self.aws, self.http)
        customer = Customer(self.http, self.clock, shop, systems, sleep=self.sleep)
        read = Probe.model_validate({"name": "coffee", "timeout": "2s", **probe})
        return await customer.sample(read, namespace="soho", key="run-coffee-1.00")

    async def order(self):
        return await self.sample(order={"store": "espresso"})


def order(status):
    return {"id": "o1", "status": status}


async def test_a_confirmed_order_is_good():
    seen = await Cafe((201, order("placed")), (200, order("confirmed"))).order()
    assert (seen.result, seen.milliseconds) == ("good", 200)


OUTSIDE = "x/../../internal/x?y="


async def test_a_stores_name_leads_nowhere_but_to_its_menu():
    cafe = Cafe((201, order("confirmed")))
    await cafe.sample(order={"store": OUTSIDE})
    assert cafe.menus == ["/stores/soho.x%2F..%2F..%2Finternal%2Fx%3Fy%3D/menu"]


@pytest.mark.parametrize("probe", [OrderProbe, LedgerProbe])
@pytest.mark.parametrize(
    ("store", "is_one"),
    [("espresso-soho", True), ("7", True)]
    + [(name, False) for name in (OUTSIDE, "a/b", "a.b", "..", "A", "-a", "a-", "a?", "a%2F")],
)
def test_the_api_server_takes_only_what_a_store_can_be_called(probe, store, is_one):
    pattern = schema_of(probe)["properties"]["store"]["pattern"]
    assert bool(re.search(pattern, store)) == is_one


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


@pytest.mark.parametrize(
    ("menu", "why"),
    [((503, None), "nothing to order: 503"), ((200, {"items": []}), "nothing to order: the menu")],
)
async def test_where_there_is_no_menu_nothing_is_ordered_and_the_menu_is_named(menu, why):
    cafe = Cafe((201, order("confirmed")))
    cafe.http.mount("menu:8080", lambda *_: menu)
    seen = await cafe.order()
    assert seen.result == "refused"
    assert seen.why.startswith(why)
    assert cafe.headers == []


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


async def test_where_a_user_points_no_token_is_sent():
    cafe = Cafe((200, {}))
    await cafe.sample(http={"url": "http://order:8080/"})
    cafe.http.mount(
        "order:8080", lambda *said: (cafe.headers.append(said[3]), (200, vector("1")))[1]
    )
    await cafe.sample(prometheus={"url": "http://order:8080", "query": "up", "above": 0})
    assert cafe.headers == [{}, {}]


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


def pod(name, ready, **meta):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "soho", "labels": {"app": "till"}, **meta},
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
    }


@pytest.mark.parametrize(("least", "result"), [(1, "good"), (2, "refused")])
async def test_a_workload_is_well_while_enough_of_its_pods_are_ready(least, result):
    cafe = Cafe()
    cafe.kubernetes.seed(pod("a", ready=True), pod("b", ready=False))
    cafe.kubernetes.seed(pod("c", ready=True, namespace="elsewhere"))
    cafe.kubernetes.seed(pod("d", ready=True, labels={"app": "oven"}))
    seen = await cafe.sample(kubernetes={"labels": {"app": "till"}, "minReady": least})
    assert seen.result == result
    assert seen.why == ("" if least == 1 else "1 pods with app=till are ready, of 2 at least")


ALARM = {"StateValue": "ALARM", "StateReason": "too many refused"}


@pytest.mark.parametrize(
    ("alarms", "why"),
    [
        ({"MetricAlarms": [{"StateValue": "OK"}]}, ""),
        ({"MetricAlarms": [ALARM]}, "alarm slo: too many refused"),
        ({"MetricAlarms": [], "CompositeAlarms": [ALARM]}, "alarm slo: too many refused"),
        ({"MetricAlarms": []}, "there is no alarm slo: create it, or correct the name"),
    ],
)
async def test_an_alarm_is_bad_while_it_rings(alarms, why):
    cafe = Cafe()
    cafe.aws.on("cloudwatch", "describe_alarms", lambda **_: alarms)
    seen = await cafe.sample(cloudwatch={"alarm": "slo"})
    assert (seen.result, seen.why) == ("refused" if why else "good", why)


async def test_an_alarm_without_data_is_no_answer():
    cafe = Cafe()
    found = {"MetricAlarms": [{"StateValue": "INSUFFICIENT_DATA"}]}
    cafe.aws.on("cloudwatch", "describe_alarms", lambda **_: found)
    with pytest.raises(UserError, match="alarm slo has no data to judge by"):
        await cafe.sample(cloudwatch={"alarm": "slo"})


def vector(*values):
    series = [{"metric": {}, "value": [0, value]} for value in values]
    return {"data": {"resultType": "vector", "result": series}}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (vector("0.2", "0.4"), ""),
        (vector("0.2", "0.5"), "the query returned 0.5"),
        (vector("NaN"), "the query returned nan"),
        (vector("-1"), "the query returned -1"),
        (vector(), "the query returned no value"),
        ({"data": {"resultType": "scalar", "result": [0, "0.3"]}}, ""),
    ],
)
async def test_every_value_of_a_query_lies_between_the_bounds(answer, why):
    cafe = Cafe()
    asked = []
    cafe.http.mount("prom:9090", lambda _, path, *__: (asked.append(path), (200, answer))[1])
    query = {"url": "http://prom:9090/", "query": 'up{job="a&b"}', "above": 0, "below": 0.5}
    seen = await cafe.sample(prometheus=query)
    assert asked == ["/api/v1/query?query=up%7Bjob%3D%22a%26b%22%7D"]
    assert (seen.result, seen.why) == ("refused" if why else "good", why)


@pytest.mark.parametrize(
    ("answer", "error", "why"),
    [
        (success("string", [0, "soon"]), UserError, "returns a string: ask for a vector"),
        (success("matrix", []), UserError, "returns a matrix: ask for a vector"),
        (BAD_QUERY, UserError, "Prometheus: 400 invalid parameter"),
        (TOO_LONG, Unavailable, "Prometheus: 503 query timed out"),
        ((502, None), Unavailable, "Prometheus: 502$"),
        ((200, []), Unavailable, "does not speak as Prometheus"),
        ((200, {"data": {"resultType": "vector", "result": [3]}}), Unavailable, "does not speak"),
        (NOT_PROMETHEUS, Unavailable, "does not speak as Prometheus"),
    ],
)
async def test_what_is_no_answer_to_a_query_says_why(answer, error, why):
    cafe = Cafe()
    cafe.http.mount("prom:9090", FakePrometheus(answer))
    with pytest.raises(error, match=why):
        await cafe.sample(prometheus={"url": "http://prom:9090", "query": "up", "above": 0})


async def test_a_question_that_is_not_answered_says_nothing_about_the_system():
    query = {"url": "http://prom:9090", "query": "up", "above": 0}
    with pytest.raises(Unavailable, match="Prometheus: connection refused"):
        await Cafe().sample(prometheus=query)
