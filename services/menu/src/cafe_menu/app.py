"""Composition of the menu service: the only place that knows all its parts."""

from cafe_kit.app import Application, build_application

from cafe_menu.endpoints import router
from cafe_menu.repository import DocumentMenus
from cafe_menu.service import MenuService
from cafe_menu.settings import MenuSettings


def build(settings: MenuSettings) -> Application:
    """The whole service; nothing is connected yet."""
    application = build_application("menu", "CloudCafe menus", settings, [router])
    menus = DocumentMenus(
        settings.documentdb_url.get_secret_value(),
        settings.documentdb_database,
        connections=settings.documentdb_connections,
    )
    application.closers.append(menus.close)
    application.public.state.service = MenuService(menus)
    application.health.depends_on("documentdb", menus.check)
    return application
