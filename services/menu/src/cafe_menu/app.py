"""Composition of the menu service: the only place that knows all its parts."""

from cafe_kit.app import Application, build_application
from cafe_kit.aws import Aws
from cafe_kit.cloudwatch import add_cloudwatch
from cafe_kit.redis import RedisStore

from cafe_menu.cache import Limits, RedisCache
from cafe_menu.cache_admin import CacheKeeper, cache_router
from cafe_menu.cache_metrics import CacheMetrics
from cafe_menu.cached import CachedMenus
from cafe_menu.endpoints import router
from cafe_menu.repository import DocumentMenus
from cafe_menu.service import Menus, MenuService
from cafe_menu.settings import MenuSettings


def build(settings: MenuSettings) -> Application:
    """The whole service; nothing is connected yet."""
    application = build_application(
        "menu", "CloudCafe menus", settings, [router], story="Seasonal Launch"
    )
    menus = DocumentMenus(
        settings.current("documentdb_url"),
        settings.documentdb_database,
        connections=settings.documentdb_connections,
    )
    application.closers.append(menus.close)
    application.health.depends_on("documentdb", menus.check)
    application.public.state.service = MenuService(_with_cache(application, settings, menus))
    return application


def _with_cache(application: Application, settings: MenuSettings, menus: Menus) -> Menus:
    """The menus with the cache before them, if there is to be one."""
    aws = Aws(settings.aws_region, settings.aws_threads)
    application.closers.append(aws.close)
    metrics = CacheMetrics(application.metrics.registry, add_cloudwatch(application, aws))
    if settings.cache_url is None:
        return menus
    store = RedisStore(
        settings.current("cache_url"),
        name="elasticache",
        connections=settings.cache_connections,
    )
    application.closers.append(store.close)
    application.health.depends_on("elasticache", store.check, required=False)
    application.admin_routers.append(cache_router(CacheKeeper(store, metrics.recent)))
    limits = Limits(settings.menu_fresh_seconds, settings.menu_stale_seconds)
    cache = RedisCache(store, limits, timeout_seconds=settings.cache_timeout_seconds)
    return CachedMenus(menus, cache, fresh_seconds=limits.fresh_seconds, metrics=metrics)
