"""Many stores are read in one request, and each is told what it would be told alone."""

import asyncio

import pytest
from cloudcafe_operator.effects import cafe_looks
from cloudcafe_operator.effects.cafe import Cafe
from cloudcafe_operator.effects.cafe_looks import MOST_STORES, OLD_SECONDS, CafeLooks
from cloudcafe_operator.errors import AccessDenied, OperatorError, Throttled, Unavailable, UserError
from cloudcafe_operator.ports import HttpAnswer

from tests.fakes import FakeClock, FakeHttp
from tests.fakes.cafe import FakeCafe

PARTS = ("store", "menu", "stock")
AWAY = HttpAnswer(status=0, elapsed_ms=5000.0, error="no answer within 5 s")


class Looks:
    """Six stores, and who reads them. `refusal` answers a request about many."""

    def __init__(self):
        self.services, self.http, self.clock = FakeCafe(), FakeHttp(), FakeClock()
        for name in "abcdef":
            self.services.stores[name] = {"id": name, "city": "Porto"}
            self.services.menus[name] = {"storeId": name, "items": []}
            self.services.stocks[name] = {"espresso": 1}
        self.refusal = None
        self.http.mount("cafe", self.route)
        self.cafe = Cafe(self.http, *["http://cafe"] * 3, "token")
        self.looks = CafeLooks(self.cafe, self.clock)

    def route(self, method, path, body, headers):
        if self.refusal and ":batch" in path:
            return self.refusal
        return self.services.handle(method, path, body, headers)

    async def find(self, *names, part="store"):
        """Look at all at once: what each is told, or the error."""
        asked = (self.looks.get(name, part) for name in names)
        return await asyncio.gather(*asked, return_exceptions=True)

    async def alone(self, *names, part="store"):
        """The same, one by one."""
        asked = (self.cafe.get(name, part) for name in names)
        return await asyncio.gather(*asked, return_exceptions=True)

    def asked(self):
        """How many requests about many and about one there were since."""
        calls = [call.target for call in self.http.recorder.calls]
        self.http.recorder.forget()
        many = sum(":batch" in target for target in calls)
        return many, len(calls) - many


@pytest.fixture
def world():
    return Looks()


@pytest.mark.parametrize("part", PARTS)
async def test_many_stores_cost_one_request_and_each_is_told_what_it_would_be_told_alone(
    world, part
):
    names = ("a", "b", "gone", "c")
    found = await world.find(*names, part=part)
    assert world.asked() == (1, 0)
    assert found == await world.alone(*names, part=part)
    assert found[2] is None


async def test_a_store_alone_is_asked_for_as_ever(world):
    assert await world.find("a") == [{"id": "a", "city": "Porto"}]
    assert await world.find("gone") == [None]
    assert world.asked() == (0, 2)


async def test_no_request_is_about_more_stores_than_a_service_takes(world):
    for number in range(2 * MOST_STORES + 1):
        world.services.stores[f"s{number}"] = {"id": f"s{number}"}
    found = await world.find(*(f"s{number}" for number in range(2 * MOST_STORES + 1)))
    assert [one["id"] for one in found] == [f"s{n}" for n in range(2 * MOST_STORES + 1)]
    assert world.asked() == (2, 1)


async def test_what_an_answer_leaves_open_is_asked_for_alone(world):
    world.services.unread = {"b", "gone"}
    found = await world.find("a", "b", "gone")
    assert found == [{"id": "a", "city": "Porto"}, {"id": "b", "city": "Porto"}, None]
    assert world.asked() == (1, 2)


async def test_one_bad_id_is_the_trouble_of_nobody_else(world):
    first, bad, last = await world.find("a", "Bad!", "b")
    assert isinstance(bad, UserError)
    assert str(bad) == str((await world.alone("Bad!"))[0])
    assert [first, last] == await world.alone("a", "b")


@pytest.mark.parametrize("status", [400, 413, 414, 422, 431, 500, 504])
async def test_where_one_store_may_be_to_blame_each_is_asked_for_alone(world, status):
    world.refusal = (status, {"title": "No"})
    assert await world.find("a", "b") == await world.alone("a", "b")


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, AccessDenied), (403, AccessDenied), (429, Throttled), (503, Unavailable)],
)
async def test_a_refusal_is_told_to_each_in_the_sentence_that_it_would_get_alone(
    world, status, kind
):
    world.refusal = (status, {"title": "No", "detail": "Not now."})
    found = await world.find("a", "b")
    assert [type(one) for one in found] == [kind, kind]
    assert str(found[1]) == f"GET http://cafe/stores/b: {status} No. Not now"
    assert world.asked() == (1, 0)


async def test_a_service_that_does_not_answer_in_time_is_waited_for_once(world, monkeypatch):
    async def silent(*_arguments, **_more):
        return AWAY

    monkeypatch.setattr(world.http, "request", silent)
    found = await world.find("a", "b")
    assert [type(one) for one in found] == [Unavailable, Unavailable]
    assert str(found[0]) == "GET http://cafe/stores/a: no answer within 5 s"


async def test_a_request_that_hangs_holds_up_no_look_at_another_store(world, monkeypatch):
    monkeypatch.setattr(cafe_looks, "PATIENCE_SECONDS", 0.01)
    looks, request, ends = CafeLooks(world.cafe, world.clock), world.http.request, asyncio.Event()

    async def hangs(method, url, **more):
        if url.endswith("/stores/a"):
            await ends.wait()
        return await request(method, url, **more)

    monkeypatch.setattr(world.http, "request", hangs)
    slow = asyncio.create_task(looks.get("a", "store"))
    await asyncio.sleep(0)
    async with asyncio.timeout(5.0):
        others = await asyncio.gather(looks.get("b", "store"), looks.get("c", "store"))
    assert [one["id"] for one in others] == ["b", "c"]
    assert not slow.done()
    ends.set()
    assert (await slow)["id"] == "a"
    assert world.asked() == (1, 1)  # nothing is asked for twice


async def test_one_services_trouble_is_not_the_others(world):
    def no_menus(method, path, body, headers):
        if "menu" in path:
            return 503, {"title": "Away"}
        return world.services.handle(method, path, body, headers)

    world.http.mount("cafe", no_menus)
    found = {part: await world.find("a", "b", part=part) for part in PARTS}
    assert all(isinstance(one, Unavailable) for one in found["menu"])
    assert not any(isinstance(one, OperatorError) for one in found["store"] + found["stock"])


@pytest.mark.parametrize("status", [404, 405])
async def test_an_older_service_is_read_one_by_one_for_a_while_and_then_tried_again(world, status):
    world.refusal = (status, {"title": "Not Found"})
    assert await world.find("a", "b", "gone") == await world.alone("a", "b", "gone")
    world.asked()
    assert await world.find("a", "b") == await world.alone("a", "b")
    assert world.asked() == (0, 4)
    assert await world.find("a", "b", part="stock") == await world.alone("a", "b", part="stock")
    assert world.asked() == (1, 4)  # each service is old by itself
    world.refusal = None
    world.clock.advance(OLD_SECONDS)
    await world.find("a", "b")
    assert world.asked() == (1, 0)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {},
        {"found": {}},
        {"found": [], "unread": None},
        {"found": {"a": "?", "b": []}, "unread": []},
        {"stores": []},
    ],
)
async def test_an_answer_that_is_none_of_ours_says_nothing_about_any_store(world, answer):
    world.refusal = (200, answer)
    assert await world.find("a", "b") == await world.alone("a", "b")


async def test_an_answer_that_was_cut_off_says_nothing_about_any_store(world, monkeypatch):
    request = world.http.request

    async def cut(method, url, **more):
        answer = await request(method, url, **more)
        return HttpAnswer(200, 1.0, answer.body[:-9]) if ":batch" in url else answer

    monkeypatch.setattr(world.http, "request", cut)
    assert await world.find("a", "b") == [
        {"id": "a", "city": "Porto"},
        {"id": "b", "city": "Porto"},
    ]


async def test_who_looks_after_a_write_is_not_answered_with_what_was_asked_for_before(
    world, monkeypatch
):
    request, under_way, answered = world.http.request, asyncio.Event(), asyncio.Event()

    async def slow(method, url, **more):
        answer = await request(method, url, **more)
        under_way.set()
        await answered.wait()
        return answer

    monkeypatch.setattr(world.http, "request", slow)
    before = asyncio.create_task(world.find("a", "b"))
    await under_way.wait()
    world.services.stores["a"] = {"id": "a", "city": "Lisbon"}
    after = asyncio.create_task(world.find("a", "c"))
    await asyncio.sleep(0)
    answered.set()
    assert (await before)[0]["city"] == "Porto"
    assert (await after)[0]["city"] == "Lisbon"


async def test_a_store_that_changes_between_two_answers_is_as_the_later_one_says(world):
    def changes(method, path, body, headers):
        answer = world.services.handle(method, path, body, headers)
        world.services.stores.pop("b", None)
        return answer

    world.services.unread = {"b"}
    world.http.mount("cafe", changes)
    assert await world.find("a", "b") == [{"id": "a", "city": "Porto"}, None]


async def test_a_look_that_is_given_up_costs_the_others_nothing(world):
    gone = asyncio.create_task(world.looks.get("a", "store"))
    there = asyncio.create_task(world.looks.get("b", "store"))
    await asyncio.sleep(0)
    gone.cancel()
    assert (await there)["id"] == "b"
