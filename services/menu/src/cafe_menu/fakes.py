"""A menu repository in memory, for tests: the same obligations as `DocumentMenus`."""

from cafe_kit.errors import UnavailableError

from cafe_menu.models import MenuInput, MenuSummary, MenuView, Reading


class FakeMenus:
    """Set `away` to make every call fail as a lost database does."""

    def __init__(self) -> None:
        self._digests: dict[str, str] = {}
        self._menus: dict[str, Reading] = {}
        self.away = False
        self.reads = 0

    async def menu(self, store_id: str) -> Reading:
        """A store's menu."""
        self._check()
        self.reads += 1
        return self._known(store_id)

    async def put(self, store_id: str, menu: MenuInput) -> MenuView:
        """Replace it; the version grows only if something differs."""
        self._check()
        known = self._known(store_id)
        if known.menu is not None and self._digests[store_id] == menu.digest:
            return known.menu
        view = MenuView(
            store_id=store_id, currency=menu.currency, version=known.version + 1, items=menu.items
        )
        self._digests[store_id] = menu.digest
        self._menus[store_id] = Reading(view.version, view)
        return view

    async def delete(self, store_id: str) -> int:
        """Forget it; the version grows if it was there."""
        self._check()
        known = self._known(store_id)
        if known.menu is not None:
            known = Reading(known.version + 1, None)
            self._menus[store_id] = known
        return known.version

    async def page(self, after: str, limit: int) -> list[MenuSummary]:
        """Menus after a store id, by store id."""
        self._check()
        menus = [reading.menu for _, reading in sorted(self._menus.items()) if reading.menu]
        return [
            MenuSummary(
                store_id=menu.store_id,
                currency=menu.currency,
                version=menu.version,
                item_count=len(menu.items),
            )
            for menu in menus
            if menu.store_id > after
        ][:limit]

    def _known(self, store_id: str) -> Reading:
        return self._menus.get(store_id, Reading(0, None))

    def _check(self) -> None:
        if self.away:
            raise UnavailableError("The menu database is not available (fake).")
