"""HTTP of the order service: parse, call the rules, answer. Errors carry their own status."""

from typing import Annotated, Any
from uuid import UUID

from cafe_kit.auth import AnyCaller, ServiceOnly
from cafe_kit.batch import Batch, StoreIds, answer
from cafe_kit.idempotency import key_header
from cafe_kit.paging import DEFAULT_LIMIT, Cursor, Limit
from cafe_kit.problems import Problem
from cafe_kit.wire import PLAIN, StoreIdPath
from fastapi import APIRouter, Depends, Path, Request, Response

from cafe_order.history import CustomerHistory
from cafe_order.intake import MAX_CUSTOMER_ID
from cafe_order.measuring import Places
from cafe_order.models import (
    CustomerOrders,
    OrderInput,
    OrderPlaced,
    OrderView,
    StoreInput,
    StoreView,
)
from cafe_order.service import OrderService
from cafe_order.store_history import StoreHistory

router = APIRouter()


def _service(request: Request) -> OrderService:
    service: OrderService = request.app.state.service
    return service


def _placing(request: Request) -> Places:
    placing: Places = request.app.state.placing
    return placing


def _history(request: Request) -> CustomerHistory:
    history: CustomerHistory = request.app.state.history
    return history


def _store_history(request: Request) -> StoreHistory:
    history: StoreHistory = request.app.state.store_history
    return history


Service = Annotated[OrderService, Depends(_service)]
CustomerIdPath = Annotated[str, Path(max_length=MAX_CUSTOMER_ID, pattern=PLAIN)]
IdempotencyKey = Annotated[
    str, key_header("new for an order of the store, the same for its retry.")
]
NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "It does not exist"}
}
CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": Problem, "description": "Store closed, price changed, or the same key in flight"}
}


@router.post(
    "/orders",
    status_code=201,
    response_model=OrderPlaced,
    responses={400: {"model": Problem, "description": "No key"}, **NOT_FOUND, **CONFLICT},
    tags=["orders"],
)
async def place_order(
    body: OrderInput,
    key: IdempotencyKey,
    caller: AnyCaller,
    placing: Annotated[Places, Depends(_placing)],
) -> Response:
    """Place an order, exactly once per Idempotency-Key."""
    # what the hot route understands never comes here; the answer would be the same
    told = await placing.place(body.asked(), key, caller)
    headers = {"Idempotent-Replayed": "true"} if told.replayed else None
    return Response(told.body, told.status, headers, media_type="application/json")


@router.get("/orders/{order_id}", responses={**NOT_FOUND}, tags=["orders"])
async def get_order(order_id: UUID, caller: AnyCaller, service: Service) -> OrderView:
    """An order with its lines, prices and history."""
    return await service.order(order_id, caller)


@router.post(
    "/orders/{order_id}/cancel",
    responses={**NOT_FOUND, 409: {"model": Problem, "description": "Paid, or rejected"}},
    tags=["orders"],
)
async def cancel_order(order_id: UUID, caller: AnyCaller, service: Service) -> OrderView:
    """Cancel an order that is not paid yet; repeating it changes nothing."""
    return await service.cancel(order_id, caller)


# a path, because an id may have a slash in it, and servers decode %2F before a route is sought
@router.get("/customers/{customer_id:path}/orders", dependencies=[ServiceOnly], tags=["customers"])
async def get_customer_orders(
    customer_id: CustomerIdPath,
    history: Annotated[CustomerHistory, Depends(_history)],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> CustomerOrders:
    """A customer's orders at all stores, the newest first; a moment behind the orders."""
    return await history.page(customer_id, limit, cursor)


@router.get("/stores/{store_id}/orders", responses={**NOT_FOUND}, tags=["stores"])
async def get_store_orders(  # noqa: PLR0913, PLR0917 - FastAPI's dependencies
    store_id: StoreIdPath,
    caller: AnyCaller,
    service: Service,
    history: Annotated[StoreHistory, Depends(_store_history)],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> CustomerOrders:
    """A flagship's orders, the newest first, for its till; a moment behind the orders."""
    return await history.page(await service.own_store(store_id, caller), limit, cursor)


@router.put("/stores/{store_id}", dependencies=[ServiceOnly], tags=["stores"])
async def put_store(store_id: StoreIdPath, body: StoreInput, service: Service) -> StoreView:
    """Create or change a store."""
    return await service.put_store(store_id, body)


@router.get(
    "/stores/{store_id}", dependencies=[ServiceOnly], responses={**NOT_FOUND}, tags=["stores"]
)
async def get_store(store_id: StoreIdPath, service: Service) -> StoreView:
    """One store."""
    return await service.store(store_id)


@router.get(
    "/stores:batch", response_model=Batch[StoreView], dependencies=[ServiceOnly], tags=["stores"]
)
async def get_stores(ids: StoreIds, service: Service) -> Response:
    """Up to a hundred stores, each as it is by itself; those that do not exist are missing."""
    return answer(await service.stores(ids))


@router.delete(
    "/stores/{store_id}",
    status_code=204,
    dependencies=[ServiceOnly],
    responses={409: {"model": Problem, "description": "Orders are under way"}},
    tags=["stores"],
)
async def delete_store(store_id: StoreIdPath, service: Service) -> None:
    """Forget a store, once all of its orders have ended; they stay."""
    await service.delete_store(store_id)
