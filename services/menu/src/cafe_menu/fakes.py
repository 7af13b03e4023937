"""A menu repository in memory, for tests: the same obligations as `DocumentMenus`."""

from cafe_kit.errors import UnavailableError

from cafe_menu.models import MenuInput, MenuView


class FakeMenus:
    """Set `away` to make every call fail as a lost database does."""

    def __init__(self) -> None:
        self._menus: dict[str, tuple[str, MenuView]] = {}
        self.away = False

    async def menu(self, store_id: str) -> MenuView | None:
        """A store's menu."""
        self._check()
        known = self._menus.get(store_id)
        return known[1] if known else None

    async def put(self, store_id: str, menu: MenuInput) -> MenuView:
        """Replace it; the version grows only if something differs."""
        self._check()
        known = self._menus.get(store_id)
        if known and known[0] == menu.digest:
            return known[1]
        version = known[1].version + 1 if known else 1
        view = MenuView(
            store_id=store_id, currency=menu.currency, version=version, items=menu.items
        )
        self._menus[store_id] = (menu.digest, view)
        return view

    async def delete(self, store_id: str) -> None:
        """Forget it."""
        self._check()
        self._menus.pop(store_id, None)

    def _check(self) -> None:
        if self.away:
            raise UnavailableError("The menu database is not available (fake).")
