"""Today's prices, from the menu service, with a short memory.

A list is fresh for a few seconds; while the menu service is away, an older one serves for a
bounded time, because selling at a price two minutes old beats selling nothing. One fetch per store
is under way at a time, however many orders wait for it.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

import httpx
from cafe_kit.errors import ConflictError, UnavailableError
from pydantic import BaseModel, ValidationError

from cafe_order.models import Item, PriceList

MAX_STORES = 10_000
HOLD_OFF_SECONDS = 1.0
STALE_PATIENCE_SECONDS = 0.25
"""An order does not wait longer for a slow menu when it has a price list that still serves."""


class _Menu(BaseModel):
    currency: str
    items: list[Item]


@dataclass(slots=True)
class _Entry:
    prices: PriceList
    fetched_at: float
    tried_at: float


class MenuPrices:
    """The cache in front of the menu service."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        fresh_seconds: float,
        stale_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._fresh = fresh_seconds
        self._stale = stale_seconds
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._under_way: dict[str, asyncio.Task[PriceList]] = {}

    async def of(self, store_id: str, max_age_seconds: float | None = None) -> PriceList:
        """The store's prices; not older than asked, if the menu service answers.

        Raises:
            ConflictError: the store has no menu yet.
            UnavailableError: the menu service is away and we remember nothing recent.
        """
        entry = self._entries.get(store_id)
        now = self._clock()
        fresh = self._fresh if max_age_seconds is None else min(self._fresh, max_age_seconds)
        if entry is not None and now - entry.fetched_at < fresh:
            return entry.prices
        usable = entry is not None and now - entry.fetched_at < self._stale
        if entry is not None and usable and now - entry.tried_at < HOLD_OFF_SECONDS:
            return entry.prices
        if entry is None or not usable:
            return await asyncio.shield(self._shared_fetch(store_id))
        try:
            async with asyncio.timeout(STALE_PATIENCE_SECONDS):
                return await asyncio.shield(self._shared_fetch(store_id))
        except (UnavailableError, TimeoutError):
            entry.tried_at = self._clock()
            return entry.prices

    async def check(self) -> None:
        """Raise unless the menu service answers."""
        (await self._client.get("/livez")).raise_for_status()

    def _shared_fetch(self, store_id: str) -> asyncio.Task[PriceList]:
        task = self._under_way.get(store_id)
        if task is None:
            task = asyncio.create_task(self._fetch(store_id))
            self._under_way[store_id] = task
            task.add_done_callback(lambda done: self._landed(store_id, done))
        return task

    def _landed(self, store_id: str, task: asyncio.Task[PriceList]) -> None:
        self._under_way.pop(store_id, None)
        if not task.cancelled():
            task.exception()  # seen here too, should every waiter have left

    async def _fetch(self, store_id: str) -> PriceList:
        try:
            response = await self._client.get(f"/stores/{store_id}/menu")
        except httpx.HTTPError as error:
            raise _menu_away(type(error).__name__) from error
        if response.status_code == HTTPStatus.NOT_FOUND:
            self._entries.pop(store_id, None)
            raise ConflictError(
                f"Store {store_id} has no menu yet.",
                slug="no-menu",
                remedy=f"PUT /stores/{store_id}/menu on the menu service first.",
            )
        if response.is_error:
            raise _menu_away(f"it answered {response.status_code}")
        try:
            menu = _Menu.model_validate_json(response.content)
        except ValidationError as error:
            raise _menu_away("its answer is not a menu") from error
        prices = PriceList(menu.currency, {item.sku: item for item in menu.items})
        now = self._clock()
        self._entries[store_id] = _Entry(prices, fetched_at=now, tried_at=now)
        self._entries.move_to_end(store_id)
        if len(self._entries) > MAX_STORES:
            self._entries.popitem(last=False)
        return prices


def _menu_away(why: str) -> UnavailableError:
    return UnavailableError(f"The menu service is not available ({why}).", slug="menu-unavailable")
