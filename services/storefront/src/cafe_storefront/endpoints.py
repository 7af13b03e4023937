"""HTTP of the storefront: parse, call the rules, answer. Errors carry their own status.

`/shop` is for guests, and all that the public load balancer lets through to here; `/board` is for
a store's staff, with the key of its till.
"""

from typing import Annotated, Any
from uuid import UUID

from cafe_kit.auth import AnyCaller
from cafe_kit.idempotency import key_header
from cafe_kit.problems import Problem
from cafe_kit.wire import StoreIdPath
from fastapi import APIRouter, Depends, Query, Request

from cafe_storefront.board import Board
from cafe_storefront.models import (
    MenuSeen,
    OrderSeen,
    ReceiptsInput,
    Settled,
    ShopOrder,
    StoreList,
    StoreSeen,
    TakeInput,
    Tickets,
)
from cafe_storefront.service import Shop

MOST_OF_KEY = 100
"""With what is put before it, the order service still takes it."""

shop = APIRouter(prefix="/shop", tags=["shop"])
board = APIRouter(prefix="/board/stores/{store_id}", tags=["board"])


def _shop(request: Request) -> Shop:
    service: Shop = request.app.state.shop
    return service


def _board(request: Request) -> Board:
    service: Board = request.app.state.board
    return service


Guests = Annotated[Shop, Depends(_shop)]
Staff = Annotated[Board, Depends(_board)]
Key = Annotated[str, key_header("new for an order, the same for its retry.", most=MOST_OF_KEY)]
REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The neighbour cannot understand it"},
    404: {"model": Problem, "description": "It does not exist"},
    409: {"model": Problem, "description": "Store closed, price changed, or too late to cancel"},
}
NO_QUEUE: dict[int | str, dict[str, Any]] = {
    409: {"model": Problem, "description": "The store has no queue of tickets"}
}


@shop.get("/stores", responses=REFUSED)
async def list_stores(
    guests: Guests, cursor: Annotated[str | None, Query(max_length=1024)] = None
) -> StoreList:
    """The stores that sell something, by id."""
    return await guests.stores(cursor)


@shop.get("/stores/{store_id}", responses=REFUSED)
async def get_store(store_id: StoreIdPath, guests: Guests) -> StoreSeen:
    """A store, and whether it takes orders."""
    return await guests.store(store_id)


@shop.get("/stores/{store_id}/menu", responses=REFUSED)
async def get_menu(store_id: StoreIdPath, guests: Guests) -> MenuSeen:
    """What a store sells now, and for how much."""
    return await guests.menu(store_id)


@shop.post("/orders", status_code=201, responses=REFUSED)
async def place_order(body: ShopOrder, key: Key, guests: Guests) -> OrderSeen:
    """Place an order, exactly once per Idempotency-Key."""
    return await guests.place(body, key)


@shop.get("/orders/{order_id}", responses=REFUSED)
async def get_order(order_id: UUID, guests: Guests) -> OrderSeen:
    """An order and what became of it."""
    return await guests.order(order_id)


@shop.post("/orders/{order_id}/cancel", responses=REFUSED)
async def cancel_order(order_id: UUID, guests: Guests) -> OrderSeen:
    """Cancel an order that is not paid yet; repeating it changes nothing."""
    return await guests.cancel(order_id)


@board.post("/take", responses=NO_QUEUE)
async def take_tickets(
    store_id: StoreIdPath, body: TakeInput, caller: AnyCaller, staff: Staff
) -> Tickets:
    """Take tickets that nobody holds, and hold them for two minutes."""
    return Tickets(tickets=await staff.take(store_id, caller, body.most))


@board.post("/hold", responses=NO_QUEUE)
async def hold_tickets(
    store_id: StoreIdPath, body: ReceiptsInput, caller: AnyCaller, staff: Staff
) -> Settled:
    """Hold tickets for two more minutes."""
    return Settled(settled=await staff.hold(store_id, caller, body.receipts))


@board.post("/done", responses=NO_QUEUE)
async def finish_tickets(
    store_id: StoreIdPath, body: ReceiptsInput, caller: AnyCaller, staff: Staff
) -> Settled:
    """Take tickets off the queue: their coffee is made."""
    return Settled(settled=await staff.done(store_id, caller, body.receipts))
