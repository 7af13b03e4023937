"""The end of old grants, so that MemoryDB holds some weeks of orders and not all that ever were.

A worker of every replica; what one has forgotten, another finds forgotten. It follows the ledger's
index from its oldest hour: first the customers' grants and their history go, then the index, so
that a crash between them leaves what is found again. A customer's account stays.

What is as old as that comes from no stream and no queue any more; were it to come, `sink.py`
refuses it, since nobody knows whether it was granted.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog
from cafe_kit.errors import UnavailableError
from cafe_kit.redis import RedisStore
from cafe_kit.workers import wait_or_stop

from cafe_loyalty import scripts
from cafe_loyalty.book import HOURS, Place, hour_key, moment
from cafe_loyalty.models import KEEP
from cafe_loyalty.points import customer_keys

log = structlog.get_logger()

BATCH = 200
"""Orders in one step: short enough for the time that a call has."""
MOST_ENTRIES = 20
"""Of a customer's history, with each step that has one of the customer's orders."""
SKEW = timedelta(hours=1)
"""Longer than the replicas' clocks may differ: none forgets what another would still take."""
REST_SECONDS = 0.1
ROUND_SECONDS = 60.0


class Forgetting:
    """Deletes grants of orders that were placed more than `KEEP` ago."""

    def __init__(self, store: RedisStore, *, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    async def run(self, stopping: asyncio.Event) -> None:
        """Worker: steps until nothing old is left, then a minute's pause."""
        while not stopping.is_set():
            try:
                more = await self.step()
            except UnavailableError as error:
                log.debug("nothing forgotten", why=error.detail)
                more = False
            await wait_or_stop(stopping, REST_SECONDS if more else ROUND_SECONDS)

    async def step(self) -> bool:
        """Forget some orders of the oldest hour; False when no hour is old.

        Raises:
            UnavailableError: MemoryDB is away.
        """
        old = moment(self._clock() - KEEP - SKEW)[:13]
        client = self._store.client
        async with self._store.translated():
            found = await client.zrange(HOURS, "-", f"({old}", bylex=True, offset=0, num=1)
            hours = [str(hour) for hour in found]
            if not hours:
                return False
            key = hour_key(hours[0])
            members = [str(member) for member in await client.zrange(key, 0, BATCH - 1)]
            if members:
                await self._forget([Place.parse(member) for member in members], old)
                await client.zrem(key, *members)
            else:
                await client.zrem(HOURS, hours[0])
        return True

    async def _forget(self, places: Sequence[Place], old: str) -> None:
        orders: defaultdict[str, list[str]] = defaultdict(list)
        for place in places:
            orders[place.customer_id].append(place.order_id)
        pipeline = self._store.client.pipeline(transaction=False)
        for customer_id, ids in orders.items():
            keys = customer_keys(customer_id, "account", "grants", "redemptions", "history")
            most = MOST_ENTRIES + len(ids)
            pipeline.eval(scripts.FORGET, len(keys), *keys, old, most, *ids)
        await self._store.answers(pipeline)
