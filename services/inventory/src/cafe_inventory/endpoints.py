"""HTTP of the inventory service: parse, call the rules, answer. All for the platform only."""

from typing import Annotated, Any

from cafe_kit.auth import ServiceOnly
from cafe_kit.batch import Batch, StoreIds, read_each
from cafe_kit.idempotency import key_header
from cafe_kit.paging import DEFAULT_LIMIT, MAX_LIMIT, Cursor, Limit
from cafe_kit.problems import Problem
from cafe_kit.wire import OrderId, StoreId, StoreIdPath
from fastapi import APIRouter, Depends, Query, Request, Response

from cafe_inventory.books import Window
from cafe_inventory.ledger import Ledger
from cafe_inventory.models import (
    BatchInput,
    BatchView,
    HoldsPage,
    LedgerPage,
    LevelsPage,
    Moment,
    ParInput,
    ReservationInput,
    ReservationView,
    RestockInput,
    RestockView,
    StockView,
)
from cafe_inventory.service import InventoryService

router = APIRouter(dependencies=[ServiceOnly])


def _service(request: Request) -> InventoryService:
    service: InventoryService = request.app.state.service
    return service


def _ledger(request: Request) -> Ledger:
    ledger: Ledger = request.app.state.ledger
    return ledger


Service = Annotated[InventoryService, Depends(_service)]
Books = Annotated[Ledger, Depends(_ledger)]
OrderIdPath = OrderId
IdempotencyKey = Annotated[str, key_header("the same when a delivery is repeated.")]
NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "It does not exist"}
}
BAD_HEADER: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "No Idempotency-Key, or a malformed one"}
}
MALFORMED: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body is not JSON"}
}
OUT_OF_STOCK: dict[int | str, dict[str, Any]] = {
    409: {"model": Problem, "description": "Out of stock; `sku` and `available` say of what"}
}
HELD: dict[int | str, dict[str, Any]] = {
    409: {"model": Problem, "description": "Orders hold some; `sku` and `reserved` say of what"}
}
SETTLED: dict[int | str, dict[str, Any]] = {
    409: {"model": Problem, "description": "Settled the other way already"}
}


@router.put("/stores/{store_id}/stock", responses={**MALFORMED}, tags=["stock"])
async def put_stock(store_id: StoreIdPath, body: ParInput, service: Service) -> StockView:
    """Create what is missing of a store's par; what is there keeps its counters."""
    return await service.put_par(store_id, body)


@router.get("/stores/{store_id}/stock", responses={**NOT_FOUND}, tags=["stock"])
async def get_stock(
    store_id: StoreIdPath, service: Service, limit: Limit = MAX_LIMIT, cursor: Cursor = None
) -> StockView:
    """What a store has on hand, and how much of it is reserved."""
    return await service.stock(store_id, cursor, limit)


@router.get("/stocks:batch", response_model=Batch[StockView], tags=["stock"])
async def get_stocks(ids: StoreIds, service: Service) -> Response:
    """The first page of up to a hundred stores' stock; those that have none are missing."""
    return await read_each(ids, service.stock)


@router.delete("/stores/{store_id}/stock", status_code=204, responses={**HELD}, tags=["stock"])
async def delete_stock(store_id: StoreIdPath, service: Service) -> None:
    """Forget a store's stock, once no order holds any of it."""
    await service.delete_stock(store_id)


@router.post(
    "/stores/{store_id}/stock/restock",
    responses={**BAD_HEADER, **NOT_FOUND},
    tags=["stock"],
)
async def restock(
    store_id: StoreIdPath, body: RestockInput, key: IdempotencyKey, service: Service
) -> RestockView:
    """Book a delivery, exactly once per Idempotency-Key."""
    return await service.restock(store_id, key, body)


@router.post("/reservations:batch", responses={**MALFORMED}, tags=["reservations"])
async def batch(body: BatchInput, service: Service) -> BatchView:
    """Steps of up to fifty orders at once; each gets the outcome that it would have alone."""
    return BatchView(results=await service.batch(body.requests))


@router.put(
    "/reservations/{order_id}", responses={**MALFORMED, **OUT_OF_STOCK}, tags=["reservations"]
)
async def put_reservation(
    order_id: OrderIdPath, body: ReservationInput, service: Service
) -> ReservationView:
    """Keep stock for an order, all lines or none; repeating it changes nothing."""
    return await service.reserve(order_id, body)


@router.get("/reservations/{order_id}", responses={**NOT_FOUND}, tags=["reservations"])
async def get_reservation(order_id: OrderIdPath, service: Service) -> ReservationView:
    """An order's reservation."""
    return await service.reservation(order_id)


@router.post(
    "/reservations/{order_id}/commit", responses={**NOT_FOUND, **SETTLED}, tags=["reservations"]
)
async def commit_reservation(order_id: OrderIdPath, service: Service) -> ReservationView:
    """The stock leaves the house."""
    return await service.commit(order_id)


@router.post(
    "/reservations/{order_id}/release", responses={**NOT_FOUND, **SETTLED}, tags=["reservations"]
)
async def release_reservation(order_id: OrderIdPath, service: Service) -> ReservationView:
    """The stock is for sale again."""
    return await service.release(order_id)


@router.get("/ledger", tags=["books"])
async def get_ledger(  # noqa: PLR0913 - a query string has names
    books: Books,
    since: Annotated[Moment, Query(alias="from", description="Placed then or later.")],
    until: Annotated[Moment, Query(description="Placed before.")],
    *,
    store_id: Annotated[StoreId | None, Query(alias="storeId")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> LedgerPage:
    """Reservations of real orders, by the moment the orders were placed."""
    return await books.page(Window(since, until, store_id), cursor, limit)


@router.get("/ledger/holds", tags=["books"])
async def get_holds(
    books: Books,
    store_id: Annotated[StoreId | None, Query(alias="storeId")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> HoldsPage:
    """What is reserved, order by order: the sum of an item is its counter `reserved`."""
    return await books.holds(store_id, cursor, limit)


@router.get("/ledger/levels", tags=["books"])
async def get_levels(
    books: Books,
    store_id: Annotated[StoreId | None, Query(alias="storeId")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> LevelsPage:
    """The counters of all stock; received = available + reserved + sold."""
    return await books.levels(store_id, cursor, limit)
