"""HTTP of the inventory service: parse, call the rules, answer. All for the platform only."""

from typing import Annotated, Any

from cafe_kit.auth import ServiceOnly
from cafe_kit.problems import Problem
from cafe_kit.wire import ORDER_ID, StoreIdPath
from fastapi import APIRouter, Depends, Path, Request

from cafe_inventory.models import (
    ParInput,
    ReservationInput,
    ReservationView,
    StockView,
)
from cafe_inventory.service import InventoryService

router = APIRouter(dependencies=[ServiceOnly])


def _service(request: Request) -> InventoryService:
    service: InventoryService = request.app.state.service
    return service


Service = Annotated[InventoryService, Depends(_service)]
OrderIdPath = Annotated[str, Path(pattern=ORDER_ID)]
NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "It does not exist"}
}
OUT_OF_STOCK: dict[int | str, dict[str, Any]] = {
    409: {"model": Problem, "description": "Out of stock; `sku` and `available` say of what"}
}
SETTLED: dict[int | str, dict[str, Any]] = {
    409: {"model": Problem, "description": "Settled the other way already"}
}


@router.put("/stores/{store_id}/stock", tags=["stock"])
async def put_stock(store_id: StoreIdPath, body: ParInput, service: Service) -> StockView:
    """Create what is missing of a store's par; what is there stays as it is."""
    return await service.put_par(store_id, body)


@router.get("/stores/{store_id}/stock", responses={**NOT_FOUND}, tags=["stock"])
async def get_stock(store_id: StoreIdPath, service: Service) -> StockView:
    """What a store has on hand, and how much of it is reserved."""
    return await service.stock(store_id)


@router.delete("/stores/{store_id}/stock", status_code=204, tags=["stock"])
async def delete_stock(store_id: StoreIdPath, service: Service) -> None:
    """Forget a store's stock."""
    await service.delete_stock(store_id)


@router.put("/reservations/{order_id}", responses={**OUT_OF_STOCK}, tags=["reservations"])
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
