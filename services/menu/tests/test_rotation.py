"""DocumentDB's password changes while the menu service runs: its client is exchanged."""

import asyncio

import pytest
from cafe_menu import repository
from cafe_menu.app import build
from cafe_menu.settings import MenuSettings

from services.kit.tests.support.mounted import MountedFolder
from services.menu.tests.conftest import TOKEN


class FakeDatabase:
    """What is asked of a database: menus, none of which is there."""

    def __init__(self, client):
        self._client = client

    def __getitem__(self, _collection):
        return self

    async def command(self, _name):
        self._client.refuse_strangers()

    async def find_one(self, _query):
        self._client.refuse_strangers()
        await self._client.server.answering.wait()
        assert not self._client.closed, "closed under somebody's hands"


class FakeClient:
    """A client as pymongo's: it keeps the URL that it was made with."""

    server = None

    def __init__(self, url, **_bounds):
        self.url = url
        self.closed = False
        self.server.clients.append(self)
        self.admin = FakeDatabase(self)

    def __getitem__(self, _database):
        return FakeDatabase(self)

    def refuse_strangers(self):
        if self.server.password not in self.url:
            raise PermissionError("Authentication failed.")

    async def close(self):
        self.closed = True


class FakeServer:
    """Lets in who knows its password."""

    def __init__(self):
        self.password = "first"
        self.clients = []
        self.answering = asyncio.Event()
        self.answering.set()


@pytest.fixture
def server(monkeypatch):
    found = FakeServer()
    monkeypatch.setattr(FakeClient, "server", found)
    monkeypatch.setattr(repository, "AsyncMongoClient", FakeClient)
    return found


@pytest.fixture
def mounted(tmp_path):
    return MountedFolder(tmp_path)


@pytest.fixture
async def menus(server, mounted):
    """The menus as the service composes them, with the Secret mounted."""
    mounted.put({"CAFE_DOCUMENTDB_URL": "mongodb://cafe:first@docdb"})
    settings = MenuSettings(
        service_token=TOKEN,
        secrets_folder=mounted.path,
        documentdb_url="mongodb://cafe:first@docdb",
    )
    application = build(settings)
    yield application.public.state.service._menus
    for close in application.closers:
        await close()


async def test_the_check_that_comes_every_two_seconds_sees_a_rotation(server, mounted, menus):
    await menus.check()
    server.password = "second"
    with pytest.raises(PermissionError):
        await menus.check()
    mounted.put({"CAFE_DOCUMENTDB_URL": "mongodb://cafe:second@docdb"})
    await menus.check()
    assert (await menus.menu("corner")).menu is None
    await menus.check()
    assert len(server.clients) == 2, "one client for each password"


async def test_who_uses_the_former_client_has_its_answer_before_it_is_closed(
    server, mounted, menus, monkeypatch
):
    server.answering.clear()
    reading = asyncio.create_task(menus.menu("corner"))
    await asyncio.sleep(0)
    mounted.put({"CAFE_DOCUMENTDB_URL": "mongodb://cafe:first@docdb?again"})
    await menus.check()
    await menus.check()
    server.answering.set()
    assert (await reading).menu is None
    monkeypatch.setattr(repository, "FINISH_SECONDS", 0)
    await menus.check()
    assert [client.closed for client in server.clients] == [True, False]


async def test_the_end_closes_the_former_client_too(server, mounted, menus):
    mounted.put({"CAFE_DOCUMENTDB_URL": "mongodb://cafe:first@docdb?again"})
    await menus.check()
    await menus.close()
    assert [client.closed for client in server.clients] == [True, True]
