"""A menu service with menus in memory and a cache on a real Redis."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cafe_kit.app import build_application
from cafe_kit.redis import RedisStore
from cafe_kit.settings import KitSettings
from cafe_menu.cache import Limits, RedisCache
from cafe_menu.cache_metrics import CacheMetrics
from cafe_menu.cached import CachedMenus
from cafe_menu.endpoints import router
from cafe_menu.fakes import FakeMenus
from cafe_menu.models import MenuInput
from cafe_menu.service import MenuService
from prometheus_client import CollectorRegistry

TOKEN = "service-token-for-tests"
SERVICE = {"Authorization": f"Bearer {TOKEN}"}
LIMITS = Limits(fresh_seconds=30, stale_seconds=900)


class Clock:
    """A clock that tests move; as a date, and in seconds."""

    def __init__(self):
        self.now = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)

    def __call__(self):
        return self.now

    def seconds(self):
        return self.now.timestamp()

    def advance(self, **time):
        self.now += timedelta(**time)


class Tally:
    """Business metrics in memory."""

    def __init__(self):
        self.counts = {}

    def count(self, name, value=1.0):
        self.counts[name] = self.counts.get(name, 0) + value


class GatedMenus(FakeMenus):
    """Holds the answers of reads back while the gate is shut: a slow database."""

    def __init__(self):
        super().__init__()
        self.gate = asyncio.Event()
        self.gate.set()
        self.waiting = asyncio.Event()

    async def menu(self, store_id):
        reading = await super().menu(store_id)
        if not self.gate.is_set():
            self.waiting.set()
            await self.gate.wait()
        return reading


class Replica:
    """One process's view: its own single flight, hold-offs and metrics."""

    def __init__(self, menus, cache, clock):
        self.registry = CollectorRegistry()
        self.business = Tally()
        self.metrics = CacheMetrics(self.registry, self.business)
        self.menus = CachedMenus(
            menus,
            cache,
            fresh_seconds=LIMITS.fresh_seconds,
            metrics=self.metrics,
            clock=clock.seconds,
        )

    def count(self, outcome, of="requests"):
        return self.registry.get_sample_value(f"cafe_menu_cache_{of}_total", {"outcome": outcome})


def menu(price=180, **item):
    espresso = {"sku": "espresso", "name": "Espresso", "priceMinor": price, **item}
    return MenuInput.model_validate({"currency": "EUR", "items": [espresso]})


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def menus():
    return GatedMenus()


@pytest.fixture
async def store(redis_url):
    opened = RedisStore(redis_url, name="elasticache")
    yield opened
    await opened.close()


@pytest.fixture
def cache(store):
    return RedisCache(store, LIMITS, timeout_seconds=2)


@pytest.fixture
def new_replica(menus, cache, clock):
    """Makes replicas that share database and cache."""
    return lambda with_cache=cache: Replica(menus, with_cache, clock)


@pytest.fixture
def replica(new_replica):
    return new_replica()


@pytest.fixture
def open_client(clock):
    """Makes clients of the HTTP around a store of menus."""

    def opened(menus):
        application = build_application("menu", "t", KitSettings(service_token=TOKEN), [router])
        application.public.state.service = MenuService(menus, clock)
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(application.public), base_url="http://menu"
        )

    return opened


@pytest.fixture
async def client(menus, open_client):
    async with open_client(menus) as opened:
        yield opened
