"""The rules of menus. Called by the endpoints; talks to the repository through a port."""

from typing import Protocol

from cafe_kit.errors import NotFoundError

from cafe_menu.models import MenuInput, MenuView


class Menus(Protocol):
    """What the rules need of the store of record; bounded in time, 503 when it is away."""

    async def menu(self, store_id: str) -> MenuView | None:
        """A store's menu."""
        ...

    async def put(self, store_id: str, menu: MenuInput) -> MenuView:
        """Replace it; idempotent."""
        ...

    async def delete(self, store_id: str) -> None:
        """Forget it; idempotent."""
        ...


class MenuService:
    """Reading and replacing menus."""

    def __init__(self, menus: Menus) -> None:
        self._menus = menus

    async def menu(self, store_id: str) -> MenuView:
        """A store's menu.

        Raises:
            NotFoundError: the store has none.
        """
        menu = await self._menus.menu(store_id)
        if menu is None:
            raise NotFoundError(
                f"Store {store_id!r} has no menu.",
                slug="unknown-store",
                field="store_id",
                remedy="Create it with PUT /stores/{store_id}/menu, or check the id.",
            )
        return menu

    async def put(self, store_id: str, menu: MenuInput) -> MenuView:
        """Replace a store's menu."""
        return await self._menus.put(store_id, menu)

    async def delete(self, store_id: str) -> None:
        """Forget a store's menu; fine when it is gone already."""
        await self._menus.delete(store_id)
