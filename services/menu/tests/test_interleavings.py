"""Any interleaving of readers, writers and flushes: a copy is never older than what was written."""

import asyncio

import hypothesis.strategies as st
from cafe_kit.redis import RedisStore
from cafe_menu.cache import RedisCache
from cafe_menu.models import MenuView, Reading
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.menu.tests.conftest import LIMITS, menu


def reading_of(version, *, there):
    items = menu(version).items
    view = MenuView(store_id="corner", currency="EUR", version=version, items=items)
    return Reading(version, view if there else None)


class Interleaving(RuleBasedStateMachine):
    """Readers look, read and fill; writers write the database and then the cache; in any order."""

    url = ""

    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.store = RedisStore(self.url, name="elasticache")
        self.cache = RedisCache(self.store, LIMITS, timeout_seconds=5)
        self.do(self.store.client.flushall())
        self.database = Reading(0, None)
        self.looked, self.read, self.writing = [""], [], []
        self.announced = 0

    def do(self, call):
        async def called():
            return await call

        return self.runner.run(called())

    def teardown(self):
        self.do(self.store.close())
        self.runner.close()

    @rule()
    def somebody_looks(self):
        found = self.do(self.cache.look("corner"))
        self.looked.append(found.lease)

    @precondition(lambda self: self.looked)
    @rule(data=st.data())
    def a_reader_reads_the_database(self, data):
        lease = self.looked.pop(data.draw(st.integers(0, len(self.looked) - 1)))
        self.read.append((lease, self.database))

    @precondition(lambda self: self.read)
    @rule(data=st.data())
    def a_reader_fills(self, data):
        lease, reading = self.read.pop(data.draw(st.integers(0, len(self.read) - 1)))
        self.do(self.cache.fill("corner", reading, lease))

    @precondition(lambda self: self.looked)
    @rule(data=st.data(), there=st.booleans())
    def a_writer_changes_the_database(self, data, there):
        lease = self.looked.pop(data.draw(st.integers(0, len(self.looked) - 1)))
        self.database = reading_of(self.database.version + 1, there=there)
        self.writing.append((lease, self.database))

    @precondition(lambda self: self.writing)
    @rule(data=st.data())
    def a_writer_tells_the_cache(self, data):
        lease, reading = self.writing.pop(data.draw(st.integers(0, len(self.writing) - 1)))
        self.do(self.cache.write("corner", reading, lease))
        self.announced = max(self.announced, reading.version)

    @rule()
    def the_cache_is_flushed(self):
        self.do(self.store.client.flushall())

    @invariant()
    def no_copy_is_older_than_what_the_cache_was_told(self):
        copy = self.do(self.cache.look("corner")).copy
        assert copy is None or copy.version >= self.announced


def test_no_interleaving_puts_an_older_menu_back(redis_server, monkeypatch):
    monkeypatch.setattr(Interleaving, "url", redis_server.url)
    case = Interleaving.TestCase
    case.settings = settings(
        max_examples=30,
        stateful_step_count=15,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    case("runTest").runTest()
