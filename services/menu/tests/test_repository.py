"""What the menu database says, in the words of the service."""

import pytest
from cafe_kit.errors import CafeError, UnavailableError
from cafe_menu.repository import DocumentMenus
from pymongo.errors import AutoReconnect, OperationFailure


class Refusing:
    """A collection whose server answers everything with one error."""

    def __init__(self, error):
        self.error = error

    async def find_one(self, _query):
        raise self.error


@pytest.fixture
async def read():
    """A function that reads a menu while the server refuses."""
    menus = DocumentMenus(lambda: "mongodb://127.0.0.1:1", "menus", connections=1)

    async def reading(error):
        menus._menus = Refusing(error)
        await menus.menu("corner")

    yield reading
    await menus.close()


@pytest.mark.parametrize(
    "error",
    [
        AutoReconnect("gone"),
        OperationFailure("Authentication failed.", 18),
        OperationFailure("not authorized on menus", 13),
    ],
)
async def test_a_database_that_is_lost_or_knows_us_no_more_is_away(read, error):
    with pytest.raises(UnavailableError) as refusal:
        await read(error)
    assert refusal.value.slug == "menu-database-unavailable"
    assert "Retry-After" in refusal.value.headers


async def test_what_it_refuses_for_itself_is_our_own_fault(read):
    with pytest.raises(CafeError) as refusal:
        await read(OperationFailure("unknown operator", 2))
    assert refusal.value.status == 500
