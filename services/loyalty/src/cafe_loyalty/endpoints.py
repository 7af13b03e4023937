"""HTTP of the loyalty service: parse, call the rules, answer. All for the platform only."""

from typing import Annotated, Any

from cafe_kit.auth import ServiceOnly
from cafe_kit.idempotency import key_header
from cafe_kit.paging import DEFAULT_LIMIT, Cursor, Limit
from cafe_kit.problems import Problem
from cafe_kit.wire import STORE_ID
from fastapi import APIRouter, Depends, Query, Request, Response

from cafe_loyalty.ledger import Ledger, Window
from cafe_loyalty.models import (
    BalanceView,
    CustomerIdPath,
    InstantQuery,
    LedgerPage,
    PointsPage,
    PromotionInput,
    PromotionPath,
    PromotionsView,
    PromotionView,
    RedemptionInput,
    RedemptionView,
)
from cafe_loyalty.service import LoyaltyService

router = APIRouter(dependencies=[ServiceOnly])


def _service(request: Request) -> LoyaltyService:
    service: LoyaltyService = request.app.state.service
    return service


def _ledger(request: Request) -> Ledger:
    ledger: Ledger = request.app.state.ledger
    return ledger


def _window(
    starts: Annotated[InstantQuery, Query(alias="from", description="Placed at or after it.")],
    ends: Annotated[InstantQuery, Query(alias="until", description="Placed before it.")],
    store_id: Annotated[str | None, Query(alias="storeId", pattern=STORE_ID)] = None,
) -> Window:
    return Window(starts, ends, store_id)


Service = Annotated[LoyaltyService, Depends(_service)]
IdempotencyKey = Annotated[str, key_header("the same for a retry.")]
NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "It does not exist"}
}
TOO_MANY: dict[int | str, dict[str, Any]] = {
    409: {"model": Problem, "description": "There are too many promotions"}
}
REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "No Idempotency-Key"},
    409: {"model": Problem, "description": "Too few points; `balance` says how many there are"},
}


# A customer's id is a path, because it may have a slash in it, and servers decode %2F before a
# route is sought. So the routes that add to it come before the one that is nothing but the id.
@router.get("/customers/{customer_id:path}/points", tags=["points"])
async def get_points(
    customer_id: CustomerIdPath,
    service: Service,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> PointsPage:
    """What came in and went out, the newest first."""
    return await service.history(customer_id, cursor, limit)


@router.post(
    "/customers/{customer_id:path}/redemptions",
    status_code=201,
    response_model=RedemptionView,
    responses=REFUSED,
    tags=["points"],
)
async def redeem(
    customer_id: CustomerIdPath, body: RedemptionInput, key: IdempotencyKey, service: Service
) -> Response:
    """Take points for something, exactly once per Idempotency-Key."""
    redeemed = await service.redeem(customer_id, body, key)
    return Response(
        redeemed.view.model_dump_json(by_alias=True),
        status_code=201,
        headers={"Idempotent-Replayed": "true"} if redeemed.replayed else None,
        media_type="application/json",
    )


@router.get("/customers/{customer_id:path}", tags=["points"])
async def get_customer(customer_id: CustomerIdPath, service: Service) -> BalanceView:
    """How many points a customer has."""
    return await service.balance(customer_id)


@router.get("/promotions", tags=["promotions"])
async def list_promotions(service: Service) -> PromotionsView:
    """All promotions, by name; they are few."""
    return await service.promotions()


@router.put("/promotions/{name}", responses=TOO_MANY, tags=["promotions"])
async def put_promotion(
    name: PromotionPath, body: PromotionInput, service: Service
) -> PromotionView:
    """Create or replace a promotion; points that were granted stay as they are."""
    return await service.put_promotion(name, body)


@router.get("/promotions/{name}", responses=NOT_FOUND, tags=["promotions"])
async def get_promotion(name: PromotionPath, service: Service) -> PromotionView:
    """One promotion."""
    return await service.promotion(name)


@router.delete("/promotions/{name}", status_code=204, tags=["promotions"])
async def delete_promotion(name: PromotionPath, service: Service) -> None:
    """Forget a promotion; fine when it is gone already."""
    await service.delete_promotion(name)


@router.get("/ledger", tags=["ledger"])
async def get_ledger(
    window: Annotated[Window, Depends(_window)],
    ledger: Annotated[Ledger, Depends(_ledger)],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> LedgerPage:
    """The points of orders placed in [from, until), for the audit."""
    return await ledger.page(window, cursor, limit)
