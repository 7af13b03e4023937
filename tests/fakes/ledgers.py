"""A store's small world whose services also keep books, as the ledger's watch reads them."""

from __future__ import annotations

from datetime import timedelta

from cafe_ledger.fakes import FakeBooks
from cloudcafe_operator.planning.ledger import NAME

from tests.fakes import books as books_over_http
from tests.fakes.stores import ID, StoreWorld


class Queue:
    """Keeps the keys that were woken."""

    def __init__(self):
        self.woken = []

    def add(self, key, *, after=0.0, news=False):
        self.woken.append(key)


class LedgerWorld(StoreWorld):
    """A store, and the books of all services behind the same HTTP."""

    def __init__(self, provider="http://payment-provider:8080"):
        self.provider = provider
        self.books = FakeBooks()
        self.queue = Queue()
        super().__init__()

    def open_services(self):
        books_over_http.mount(self.http, self.books, token="token", others=self.cafe.handle)
        self.http.mount("menu:8080", self.cafe.handle)

    def restart(self):
        self.reconciler = self.operator(
            queue=self.queue,
            resync_seconds=10_000,
            verify_seconds=10_000,
            payment_provider_url=self.provider,
        )

    async def settled(self):
        await self.apply()
        await self.settle()
        return self

    def sell(self, store=ID, **span):
        at = self.clock.now() - timedelta(**(span or {"minutes": 5}))
        return self.books.sell(store=store, at=at)

    async def look(self):
        """Look at the books, and reconcile the store if that woke it."""
        self.queue.woken.clear()
        await self.reconciler.ledger.round()
        if self.queue.woken:
            await self.reconcile()

    @property
    def ledger(self):
        """What the store's status says of its books."""
        return self.store["status"].get("ledger")

    @property
    def verdict(self):
        """Whether the books are said to balance, and why."""
        return self.condition(NAME)
