"""A loyalty service on a real Redis."""

import httpx
import pytest
from cafe_kit.fakes import FakeAws
from cafe_kit.redis import RedisStore
from cafe_loyalty.app import build
from cafe_loyalty.book import RedisBook
from cafe_loyalty.ledger import Ledger
from cafe_loyalty.points import RedisPoints
from cafe_loyalty.positions import RedisPositions
from cafe_loyalty.promotions import RedisPromotions
from cafe_loyalty.settings import LoyaltySettings
from cafe_loyalty.sink import GrantMetrics, LoyaltySink
from prometheus_client import CollectorRegistry

from services.loyalty.tests.orders import STREAM, TOKEN, noon


class Tally:
    """Business metrics in memory."""

    def __init__(self):
        self.counts = {}

    def count(self, name, value=1.0):
        self.counts[name] = self.counts.get(name, 0) + value


class Replica:
    """One process's parts on a shared Redis."""

    def __init__(self, store, clock=noon):
        self.store = store
        self.clock = clock
        self.registry = CollectorRegistry()
        self.business = Tally()
        self.metrics = GrantMetrics(self.registry, self.business)
        self.points, self.book = RedisPoints(store), RedisBook(store)
        self.promotions, self.positions = RedisPromotions(store), RedisPositions(store, STREAM)
        self.ledger = Ledger(self.book, self.points, clock=clock)
        self.sink = self.sink_with()

    def sink_with(self, **other):
        """The sink, with other parts than the real ones."""
        return LoyaltySink(
            other.get("points", self.points),
            other.get("book", self.book),
            promotions=self.promotions,
            positions=other.get("positions", self.positions),
            metrics=self.metrics,
            clock=self.clock,
        )

    async def balance(self, customer_id="ada"):
        return (await self.points.balance(customer_id)).balance


@pytest.fixture
async def store(redis_url):
    opened = RedisStore(redis_url, name="memorydb")
    yield opened
    await opened.close()


@pytest.fixture
def replica(store):
    return Replica(store)


@pytest.fixture
def aws():
    return FakeAws()


@pytest.fixture
async def application(redis_url, aws):
    """The whole service, without its workers."""
    built = build(
        LoyaltySettings(
            service_token=TOKEN,
            memorydb_url=redis_url,
            order_stream=STREAM,
            stream_lease_seconds=1,
            drain_timeout_seconds=3,
        ),
        aws,
        clock=noon,
    )
    yield built
    for closer in built.closers:
        await closer()


@pytest.fixture
async def client(application):
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(application.public),
        base_url="http://loyalty",
        headers={"Authorization": f"Bearer {TOKEN}"},
    ) as opened:
        yield opened
