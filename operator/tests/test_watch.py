"""The watcher wakes a key for what people write, and for what vanished unseen."""

import pytest
from cloudcafe_operator.handlers.watch import Watcher
from cloudcafe_operator.kinds import CAFE_STORES
from cloudcafe_operator.ports import Ref

from tests.fakes import FakeKubernetes

REF = Ref(CAFE_STORES, "corner", "lisbon")
KEY = "CafeStore/lisbon/corner"


class Woken(list):
    def __init__(self):
        super().__init__()
        self.news = []

    def add(self, key, *, after=0.0, news=False):
        self.append(key)
        if news:
            self.news.append(key)


@pytest.fixture
def woken():
    return Woken()


@pytest.fixture
def server(woken):
    return FakeKubernetes()


@pytest.fixture
def watcher(server, woken):
    watcher = Watcher(server, woken)
    server.watchers.append(lambda change, item: watcher.seen(CAFE_STORES, change, item))
    return watcher


def store():
    meta = {"name": "corner", "namespace": "lisbon"}
    return {"apiVersion": "cloudcafe.dev/v1alpha1", "kind": "CafeStore", "metadata": meta}


async def test_our_own_status_writes_wake_nobody(server, watcher, woken):
    await server.create(CAFE_STORES, store())
    await server.patch_status(REF, {"open": True})
    assert woken == [KEY]


@pytest.mark.parametrize(
    "patch", [{"spec": {"city": "Porto"}}, {"metadata": {"annotations": {"a": "b"}}}]
)
async def test_what_people_write_wakes_the_key(server, watcher, woken, patch):
    await server.create(CAFE_STORES, store())
    await server.patch(REF, patch)
    assert woken == [KEY, KEY]


async def test_what_somebody_does_is_news_and_what_a_list_tells_is_not(server, watcher, woken):
    await server.create(CAFE_STORES, store())
    assert woken.news == [KEY]
    Watcher(server, woken).seen(CAFE_STORES, None, await server.get(REF))
    assert woken == [KEY, KEY]
    assert woken.news == [KEY]


async def test_deleting_wakes_the_key_and_a_new_object_of_that_name_too(server, watcher, woken):
    await server.create(CAFE_STORES, store())
    await server.delete(REF)
    await server.create(CAFE_STORES, store())
    assert woken[0] == woken[-1] == KEY
    assert len(woken) >= 3


async def test_an_object_that_vanished_while_the_watch_was_down_is_found(server, watcher, woken):
    await server.create(CAFE_STORES, store())
    server.watchers.clear()
    await server.delete(REF)
    await watcher.compare([CAFE_STORES])
    await watcher.compare([CAFE_STORES])
    assert woken == [KEY, KEY]


async def test_a_run_wakes_its_experiment_too(server, woken):
    watcher = Watcher(server, woken, also=lambda key, item: ["ChaosExperiment/lisbon/x"])
    server.seed(store())
    await watcher.compare([CAFE_STORES])
    assert woken == [KEY, "ChaosExperiment/lisbon/x"]
