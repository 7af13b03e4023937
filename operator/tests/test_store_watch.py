"""The watch of stores: a list, then what changes from there; after a gap a list again."""

import pytest
from cloudcafe_operator.effects.kubernetes import Expired
from cloudcafe_operator.effects.news import ENDS, MOST, News
from cloudcafe_operator.errors import Unavailable
from cloudcafe_operator.handlers import store_watch
from cloudcafe_operator.handlers.store_watch import StoreWatch
from cloudcafe_operator.handlers.watch import Watcher
from cloudcafe_operator.kinds import CAFE_STORES


class StopError(BaseException):
    """Ends the endless watch of a test, which no Exception would."""


class Server:
    """Lists and watches as scripted: one entry a request."""

    def __init__(self, *script):
        self.script = list(script)
        self.asked = []

    async def pages(self, _resource, *, namespace, accept, query):
        self.asked.append("compare" if "Metadata" in accept else "list")
        assert namespace is None
        for page in self._next():
            if isinstance(page, Exception):
                raise page
            yield page

    async def watch(self, _resource, *, namespace, since):
        self.asked.append(f"watch {since}")
        for one in self._next():
            if isinstance(one, Exception):
                raise one
            yield one

    def _next(self):
        if not self.script:
            raise StopError
        return self.script.pop(0)


class Queue:
    def __init__(self):
        self.woken = []

    def add(self, key, *, after=0.0, news=False):
        self.woken.append(key.rpartition("/")[2])


def store(name, version, generation=1):
    meta = {"name": name, "namespace": "lisbon", "uid": name, "resourceVersion": str(version)}
    return {"metadata": {**meta, "generation": generation, "managedFields": ["much"]}}


async def watched(*script):
    queue, news, server = Queue(), News(), Server(*script)
    watch = StoreWatch(server, Watcher(server, queue, news=news), CAFE_STORES, ())
    with pytest.raises(BaseExceptionGroup) as caught:
        await watch.run()
    assert caught.group_contains(StopError)
    return queue.woken, server.asked, news


async def test_all_that_exist_are_woken_and_the_watch_begins_where_the_list_ends():
    pages = [("7", [store("a", 3)]), ("7", [store("b", 4)])]
    woken, asked, _ = await watched(pages)
    assert woken == ["a", "b"]
    assert asked == ["list", "watch 7"]


async def test_our_own_status_write_wakes_nobody_and_a_changed_spec_does():
    changes = [("MODIFIED", store("a", 8)), ("MODIFIED", store("a", 9, generation=2))]
    woken, asked, _ = await watched([("7", [store("a", 3)])], changes)
    assert woken == ["a", "a"]
    assert asked[-1] == "watch 9"


async def test_a_bookmark_moves_the_watch_on_and_wakes_nobody():
    mark = ("BOOKMARK", {"metadata": {"resourceVersion": "99"}})
    woken, asked, _ = await watched([("7", [])], [mark])
    assert woken == []
    assert asked == ["list", "watch 7", "watch 99"]


async def test_after_a_gap_a_list_finds_what_vanished_and_what_came():
    woken, asked, _ = await watched(
        [("7", [store("a", 3), store("b", 4)])],
        [Expired("too old")],
        [("20", [store("b", 4), store("c", 19)])],
    )
    assert woken == ["a", "b", "c", "a"]
    assert asked == ["list", "watch 7", "list", "watch 20"]


async def test_a_watch_that_breaks_off_goes_on_where_it_was(monkeypatch):
    monkeypatch.setattr(store_watch, "SECONDS_AFTER_TROUBLE", 0.0)
    changes = [("ADDED", store("b", 8)), Unavailable("the network")]
    woken, asked, _ = await watched([("7", [store("a", 3)])], changes)
    assert woken == ["a", "b"]
    assert asked == ["list", "watch 7", "watch 8"]


async def compared(*script):
    """List and watch as scripted, then compare until the script ends."""
    queue, news, server = Queue(), News(), Server(*script)
    watch = StoreWatch(server, Watcher(server, queue, news=news), CAFE_STORES, (), 0.0)
    await watch.list(None)
    with pytest.raises(StopError):
        await watch._compare(None)
    return queue.woken, news


async def test_a_comparison_finds_what_a_lost_event_told_of():
    woken, news = await compared(
        [("7", [store("a", 3), store("b", 4), store("c", 5)])],
        [("20", [store("a", 3), store("b", 9, generation=2), store("d", 10)])],
    )
    assert woken == ["a", "b", "c", "b", "d", "c"]  # changed, made, gone
    assert news.take("CafeStore/lisbon/b") is None  # what was held is old, and metadata is no store
    assert news.take("CafeStore/lisbon/d") is None
    assert news.take("CafeStore/lisbon/a") is not None


@pytest.mark.parametrize("trouble", [Unavailable("away"), KeyError("a bug of ours")])
async def test_a_comparison_that_fails_is_made_again(trouble):
    changed = store("a", 9, generation=2)
    woken, _ = await compared([("7", [store("a", 3)])], [trouble], [("9", [changed])])
    assert woken == ["a", "a"]


async def test_the_reconciler_is_handed_the_newest_object_once():
    changes = [("MODIFIED", store("a", 8))]  # a status: nobody is woken, but it is newer
    _, _, news = await watched([("7", [store("a", 3)])], changes)
    key = "CafeStore/lisbon/a"
    found = news.take(key)
    assert found["metadata"]["resourceVersion"] == "8"
    assert "managedFields" not in found["metadata"]
    assert news.take(key) is None


def test_of_very_many_news_only_some_are_held():
    news = News()
    for number in range(MOST + 1):
        news.put(str(number), store("a", number))
    assert news.take(str(MOST)) is None
    assert news.take(str(MOST - 1))


def test_what_is_given_back_does_not_hide_something_newer():
    news = News()
    news.put("key", store("a", 9))
    news.give_back("key", store("a", 3))
    assert news.take("key")["metadata"]["resourceVersion"] == "9"


async def test_what_was_held_of_a_store_that_went_is_old():
    gone = [("MODIFIED", store("a", 8, generation=2)), ("DELETED", store("a", 9, generation=2))]
    woken, _, news = await watched([("7", [store("a", 3)])], gone)
    assert woken == ["a", "a", "a"]
    news.give_back("CafeStore/lisbon/a", store("a", 3))
    assert news.take("CafeStore/lisbon/a") is None


async def test_what_was_held_of_a_store_that_a_list_lacks_is_old():
    _, news = await compared([("7", [store("a", 3), store("b", 4)])], [("9", [store("a", 3)])])
    assert news.take("CafeStore/lisbon/b") is None
    assert news.take("CafeStore/lisbon/a") is not None


def test_of_a_store_that_ended_no_news_is_held_and_of_another_of_its_name_it_is():
    news = News()
    news.put("key", store("first", 1))
    news.end("key", "first")
    assert news.take("key") is None
    news.put("key", store("first", 2))
    assert news.take("key") is None
    news.put("key", store("second", 3))
    news.update("key", store("first", 2))
    news.end("key", "first")
    assert news.take("key")["metadata"]["uid"] == "second"


def test_the_ends_that_came_last_are_kept_in_mind():
    news = News()
    for number in range(ENDS):
        news.end(str(number), str(number))
    news.end("0", "0")
    news.end("more", "more")
    for name, held in (("0", False), ("1", True), ("2", False), ("more", False)):
        news.put(name, store(name, 1))
        assert bool(news.take(name)) is held, name
