"""The rules of the shop: what guests see and buy. Called by the endpoints.

A guest has no credentials, so the storefront acts for all of them with the platform's token, and
lets through only what it names here: menus, stores as guests see them, orders at today's prices,
and what becomes of an order for whoever knows its id. An id has 74 random bits: it is the key.
"""

from uuid import UUID

from pydantic import BaseModel

from cafe_storefront.models import (
    MenuSeen,
    OrderSeen,
    ShopOrder,
    StoreList,
    StoreSeen,
)
from cafe_storefront.neighbours import Neighbour
from cafe_storefront.stores import Stores, read

PREFIX = "web:"
"""Guests choose their own Idempotency-Keys: none of them may be a till's."""
PAGE = 50


class _Summary(BaseModel):
    storeId: str  # noqa: N815 - as the menu service calls it


class _Page(BaseModel):
    menus: list[_Summary]
    next: str | None = None


class Shop:
    """Everything that a guest may do."""

    def __init__(self, menu: Neighbour, order: Neighbour, stores: Stores) -> None:
        self._menu = menu
        self._order = order
        self._stores = stores

    async def stores(self, cursor: str | None = None) -> StoreList:
        """The stores that have a menu, a page at a time."""
        asked = {"limit": PAGE} | ({} if cursor is None else {"cursor": cursor})
        page = read(_Page, await self._menu.ask("GET", "/menus", params=asked), "menu")
        return StoreList(stores=[one.storeId for one in page.menus], next=page.next)

    async def store(self, store_id: str) -> StoreSeen:
        """A store, and whether it takes orders."""
        known = await self._stores.of(store_id)
        return StoreSeen.model_validate(known.model_dump(include=set(StoreSeen.model_fields)))

    async def menu(self, store_id: str) -> MenuSeen:
        """What a store sells now, and for how much."""
        return read(MenuSeen, await self._menu.ask("GET", f"/stores/{store_id}/menu"), "menu")

    async def place(self, order: ShopOrder, key: str) -> OrderSeen:
        """Order, once per key: the same order with the same key gets the first answer again."""
        answer = await self._order.ask(
            "POST",
            "/orders",
            body=order.model_dump_json(by_alias=True).encode(),
            headers={"Content-Type": "application/json", "Idempotency-Key": f"{PREFIX}{key}"},
        )
        return read(OrderSeen, answer, "order")

    async def order(self, order_id: UUID) -> OrderSeen:
        """An order and what became of it."""
        return read(OrderSeen, await self._order.ask("GET", f"/orders/{order_id}"), "order")

    async def cancel(self, order_id: UUID) -> OrderSeen:
        """Cancel an order that is not paid yet; repeating it changes nothing."""
        answer = await self._order.ask("POST", f"/orders/{order_id}/cancel")
        return read(OrderSeen, answer, "order")
