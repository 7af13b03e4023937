"""Stores, remembered for a moment, so that placing an order does not read its store each time.

Used by placing. What is remembered may be a second old; the statement that commits the order
accepts it only if the store has not changed since, so nothing is sold by an outdated store.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from cafe_order.models import KnownStore

MAX_STORES = 10_000
FRESH_SECONDS = 1.0

Fetch = Callable[[str], Awaitable[KnownStore | None]]


@dataclass(slots=True)
class _Seen:
    """A store, when it was read, and how many orders we let in since."""

    store: KnownStore
    at: float
    let_in: int = 0


class StoreMemory:
    """One read a store and second, however many orders wait for it."""

    def __init__(self, fetch: Fetch, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._known: OrderedDict[str, _Seen] = OrderedDict()
        self._under_way: dict[str, asyncio.Task[KnownStore | None]] = {}

    def recent(self, store_id: str) -> KnownStore | None:
        """The store as it was less than a second ago, if that is known."""
        entry = self._known.get(store_id)
        if entry is None or self._clock() - entry.at >= FRESH_SECONDS:
            return None
        return entry.store

    def admits(self, store: KnownStore) -> bool:
        """Whether the store's queue has room for one more order, which is then counted.

        By the count of a moment ago and what this process let in since: other replicas may let in
        as many again within that second.
        """
        entry = self._known.get(store.id)
        if store.queue_limit is None or entry is None:
            return True
        if (entry.store.under_way or 0) + entry.let_in >= store.queue_limit:
            return False
        entry.let_in += 1
        return True

    def is_measured(self, store_id: str) -> bool:
        """Whether a store is measured, as far as it is remembered, however long ago."""
        entry = self._known.get(store_id)
        return entry is not None and entry.store.measured

    async def of(self, store_id: str) -> KnownStore | None:
        """The store, at most a second old; None when there is none.

        Raises:
            UnavailableError: the database is away.
        """
        return self.recent(store_id) or await asyncio.shield(self._shared_fetch(store_id))

    def learn(self, store: KnownStore) -> None:
        """Remember what somebody has just read.

        Who has not counted the store's queue leaves the count, and its age, as they were.
        """
        old = self._known.get(store.id)
        if store.queue_limit is None or store.under_way is not None:
            self._known[store.id] = _Seen(store, self._clock())
        elif old is not None:
            old.store = replace(store, under_way=old.store.under_way)
        else:
            return
        self._known.move_to_end(store.id)
        if len(self._known) > MAX_STORES:
            self._known.popitem(last=False)

    def _shared_fetch(self, store_id: str) -> asyncio.Task[KnownStore | None]:
        task = self._under_way.get(store_id)
        if task is None:
            task = asyncio.create_task(self._read(store_id))
            self._under_way[store_id] = task
            task.add_done_callback(lambda done: self._landed(store_id, done))
        return task

    def _landed(self, store_id: str, task: asyncio.Task[KnownStore | None]) -> None:
        self._under_way.pop(store_id, None)
        if not task.cancelled():
            task.exception()  # seen here too, should every waiter have left

    async def _read(self, store_id: str) -> KnownStore | None:
        store = await self._fetch(store_id)
        if store is None:
            self._known.pop(store_id, None)
        else:
            self.learn(store)
        return store
