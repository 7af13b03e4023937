"""The rules of a store's board: its staff take tickets, hold them, and say what is done.

Called by the endpoints. The board itself is a page in the staff's browser, which keeps what it
took; nothing is kept here, so any replica serves any board (docs/decisions/0018).
"""

from collections.abc import Sequence
from typing import Protocol

from cafe_kit.auth import Caller
from cafe_kit.errors import CafeError, ConflictError, ForbiddenError, NotFoundError

from cafe_storefront.models import Ticket
from cafe_storefront.repository import TicketQueues
from cafe_storefront.stores import Stores


class Business(Protocol):
    """Where business metrics go; never fails."""

    def count(self, name: str, value: float = 1.0) -> None:
        """Something happened, this often."""
        ...


class Board:
    """What the key of a store's till opens: the tickets of this store."""

    def __init__(self, stores: Stores, queues: TicketQueues, business: Business) -> None:
        self._stores = stores
        self._queues = queues
        self._business = business

    async def take(self, store_id: str, caller: Caller, most: int) -> list[Ticket]:
        """Tickets that nobody holds; they may have been here before, with the same id."""
        return await self._queues.take(await self._queue(store_id, caller), most)

    async def hold(self, store_id: str, caller: Caller, receipts: Sequence[str]) -> int:
        """Keep tickets for longer; returns how many are kept."""
        return await self._queues.hold(await self._queue(store_id, caller), receipts)

    async def done(self, store_id: str, caller: Caller, receipts: Sequence[str]) -> int:
        """Their coffee is made; returns how many are off the queue."""
        gone = await self._queues.done(await self._queue(store_id, caller), receipts)
        self._business.count("TicketsDone", gone)
        return gone

    async def _queue(self, store_id: str, caller: Caller) -> str:
        """The queue of a store, for its till and for the platform.

        Raises:
            ConflictError: no operator looks after this store, so it has no queue.
            ForbiddenError: not this store's key, or there is no such store.
        """
        refused = ForbiddenError(
            f"This is not the till key of store {store_id}.",
            remedy="Use the key of that store's till Secret.",
        )
        try:
            store = await self._stores.of(store_id)
        except CafeError as error:
            if error.status == NotFoundError.status:
                raise refused from error
            raise
        if not caller.may_act_for(store.till_key_sha256):
            raise refused
        if store.tickets_queue is None:
            raise ConflictError(f"Store {store_id} has no queue of tickets.", slug="no-tickets")
        return store.tickets_queue
