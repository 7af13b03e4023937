"""Stores as the order service knows them, with a short memory. Used by the shop and the board.

A board asks every few seconds, and goes on while the order service is away: what is made is paid
for already. A till's key that was changed is known within the seconds for which a store is fresh.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from cafe_kit.errors import UnavailableError
from pydantic import BaseModel, ValidationError

from cafe_storefront.models import Store
from cafe_storefront.neighbours import Neighbour

MAX_STORES = 10_000

Said = TypeVar("Said", bound=BaseModel)


def read(model: type[Said], body: bytes, who: str) -> Said:
    """What a neighbour said.

    Raises:
        UnavailableError: it is not what it should be; another release may be on its way.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise UnavailableError(
            f"The answer of the {who} service cannot be read.", slug=f"{who}-unavailable"
        ) from error


class Stores:
    """The memory of stores, by id."""

    def __init__(
        self,
        order: Neighbour,
        *,
        fresh_seconds: float,
        stale_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._order = order
        self._fresh = fresh_seconds
        self._stale = stale_seconds
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, Store]] = OrderedDict()

    async def of(self, store_id: str) -> Store:
        """The store, a moment old; older while the order service is away.

        Raises:
            UnavailableError: it is away and we remember nothing recent.
            CafeError: there is no such store (404).
        """
        since, known = self._known.get(store_id, (float("-inf"), None))
        age = self._clock() - since
        if known is not None and age < self._fresh:
            return known
        try:
            store = read(Store, await self._order.ask("GET", f"/stores/{store_id}"), "order")
        except UnavailableError:
            if known is None or age >= self._stale:
                raise
            return known
        self._known[store_id] = self._clock(), store
        self._known.move_to_end(store_id)
        if len(self._known) > MAX_STORES:
            self._known.popitem(last=False)
        return store
