"""The demo's barista: finishes the tickets of stores at which nobody works.

A worker of the storefront where CAFE_BARISTA_SECONDS says so, which the chart does for the embedded
cafe alone: without it each store there would ring `order-queue-age` after ten minutes. It comes
round now and then, so whoever opens a board, or is a till by `cafectl tickets`, has the tickets
first.
"""

import asyncio

import structlog
from cafe_kit.errors import CafeError
from cafe_kit.workers import wait_or_stop

from cafe_storefront.models import MOST_TICKETS
from cafe_storefront.repository import TicketQueues
from cafe_storefront.service import Shop
from cafe_storefront.stores import Stores

MOST_TAKES = 20  # at one store in a round
log = structlog.get_logger()


class Barista:
    """Goes from store to store."""

    def __init__(
        self, shop: Shop, stores: Stores, queues: TicketQueues, *, every_seconds: float
    ) -> None:
        self._shop = shop
        self._stores = stores
        self._queues = queues
        self._every = every_seconds

    async def run(self, stopping: asyncio.Event) -> None:
        """Worker: a round now and then; a store, or all, may be away meanwhile."""
        while not stopping.is_set():
            await wait_or_stop(stopping, self._every)
            try:
                await self.round(stopping)
            except CafeError as error:
                log.info("no barista's round", why=error.detail)

    async def round(self, stopping: asyncio.Event) -> int:
        """Finish what waits at each store; returns how many tickets.

        Raises:
            CafeError: nobody tells which stores there are.
        """
        finished, cursor = 0, None
        while not stopping.is_set():
            page = await self._shop.stores(cursor)
            for store_id in page.stores:
                if stopping.is_set():
                    break
                finished += await self._serve(store_id)
            cursor = page.next
            if cursor is None:
                break
        return finished

    async def _serve(self, store_id: str) -> int:
        finished = 0
        try:
            queue = (await self._stores.of(store_id)).tickets_queue
            if queue is None:
                return 0
            for _ in range(MOST_TAKES):  # of a busy store: others wait as well
                tickets = await self._queues.take(queue, MOST_TICKETS)
                if not tickets:
                    break
                finished += await self._queues.done(queue, [one.receipt for one in tickets])
        except CafeError as error:
            log.info("no barista at the store", store=store_id, why=error.detail)
        return finished
