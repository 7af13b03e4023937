"""The rules of menus. Called by the endpoints; talks to the stores of menus through a port."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from cafe_kit.errors import NotFoundError
from cafe_kit.paging import decode_cursor, encode_cursor
from cafe_kit.wire import utc_now

from cafe_menu.models import MenuInput, MenuPage, MenuSummary, MenuView, Reading, Served


class Menus(Protocol):
    """What the rules need of a store of menus; bounded in time, 503 when it is away.

    Versions of one store's menu only grow, also over forgetting and writing it again, so that of
    two readings the newer can be told.
    """

    async def menu(self, store_id: str) -> Reading:
        """A store's menu."""
        ...

    async def put(self, store_id: str, menu: MenuInput) -> MenuView:
        """Replace it; idempotent."""
        ...

    async def delete(self, store_id: str) -> int:
        """Forget it; idempotent. Returns the version of there being none."""
        ...

    async def page(self, after: str, limit: int) -> list[MenuSummary]:
        """Menus of stores whose id comes after `after`, by store id."""
        ...


class MenuService:
    """Reading and replacing menus."""

    def __init__(self, menus: Menus, clock: Callable[[], datetime] = utc_now) -> None:
        self._menus = menus
        self._clock = clock

    async def menu(self, store_id: str, *, everything: bool = False) -> Served:
        """What a store sells now, or its whole menu.

        Raises:
            NotFoundError: the store has none.
        """
        reading = await self._menus.menu(store_id)
        if reading.menu is None:
            raise NotFoundError(
                f"Store {store_id!r} has no menu.",
                slug="unknown-store",
                field="store_id",
                remedy="Create it with PUT /stores/{store_id}/menu, or check the id.",
            )
        menu = reading.menu if everything else reading.menu.on_sale(self._clock())
        return Served(menu, reading.age_seconds, stale=reading.stale)

    async def put(self, store_id: str, menu: MenuInput) -> MenuView:
        """Replace a store's menu."""
        return await self._menus.put(store_id, menu)

    async def delete(self, store_id: str) -> None:
        """Forget a store's menu; fine when it is gone already."""
        await self._menus.delete(store_id)

    async def page(self, cursor: str | None, limit: int) -> MenuPage:
        """All menus, a page at a time.

        Raises:
            UnprocessableError: the cursor is none of ours.
        """
        after = "" if cursor is None else decode_cursor(cursor, "after")["after"]
        found = await self._menus.page(after, limit + 1)
        shown = found[:limit]
        more = len(found) > limit
        return MenuPage(
            menus=shown, next=encode_cursor({"after": shown[-1].store_id}) if more else None
        )
