"""HTTP of the payment provider: parse, call the rules, answer. Needs the merchant's key."""

from typing import Annotated, Any

from cafe_kit.auth import bearer, identify, require_service
from cafe_kit.events import Moment
from cafe_kit.paging import DEFAULT_LIMIT, Cursor, Limit
from cafe_kit.problems import Problem
from cafe_kit.wire import ORDER_ID, STORE_ID
from fastapi import APIRouter, Depends, Header, Path, Query, Request, Security
from fastapi.security import HTTPAuthorizationCredentials

from cafe_provider.models import (
    ChargeInput,
    ChargesView,
    ChargeView,
    Faults,
    LedgerPage,
    Period,
)
from cafe_provider.service import ProviderService

Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]


async def _merchant(request: Request, credentials: Credentials) -> None:
    """As `ServiceOnly`, on the event loop: a dependency that is no coroutine costs a thread."""
    require_service(identify(request, credentials))


router = APIRouter(dependencies=[Depends(_merchant)])


async def _service(request: Request) -> ProviderService:
    service: ProviderService = request.app.state.service
    return service


async def _period(
    since: Annotated[Moment, Query(alias="from")],
    until: Moment,
    store_id: Annotated[str | None, Query(alias="storeId", pattern=STORE_ID)] = None,
) -> Period:
    return Period(since, until, store_id)


Service = Annotated[ProviderService, Depends(_service)]
ChargeId = Annotated[str, Path(pattern=r"^ch_[0-9a-f]{24}$", examples=["ch_" + "0" * 24])]
Key = Annotated[str | None, Header(alias="Idempotency-Key", pattern=r"^[A-Za-z0-9._:-]{1,200}$")]
Answers = dict[int | str, dict[str, Any]]
FAILED: Answers = {500: {"model": Problem, "description": "The card network failed (a fault)"}}
UNREADABLE: Answers = {400: {"model": Problem, "description": "No JSON, or a malformed header"}}
NOT_FOUND: Answers = {404: {"model": Problem, "description": "There is no such charge"}}
STATE: Answers = {409: {"model": Problem, "description": "Not in this state; `state` says which"}}


@router.post("/charges", status_code=201, responses={**UNREADABLE, **FAILED}, tags=["charges"])
async def post_charge(body: ChargeInput, service: Service, key: Key = None) -> ChargeView:
    """Charge a card. Send an Idempotency-Key, or a repetition charges again."""
    return await service.charge(body, key)


@router.get("/charges", tags=["charges"])
async def get_charges(
    reference: Annotated[str, Query(pattern=ORDER_ID)], service: Service
) -> ChargesView:
    """All charges with a reference, oldest first."""
    return await service.with_reference(reference)


@router.get("/charges/{charge_id}", responses={**NOT_FOUND}, tags=["charges"])
async def get_charge(charge_id: ChargeId, service: Service) -> ChargeView:
    """One charge."""
    return await service.find(charge_id)


@router.post(
    "/charges/{charge_id}/capture", responses={**FAILED, **NOT_FOUND, **STATE}, tags=["charges"]
)
async def capture_charge(charge_id: ChargeId, service: Service) -> ChargeView:
    """Take the money that was authorised."""
    return await service.settle(charge_id, "capture")


@router.post(
    "/charges/{charge_id}/void", responses={**FAILED, **NOT_FOUND, **STATE}, tags=["charges"]
)
async def void_charge(charge_id: ChargeId, service: Service) -> ChargeView:
    """Let an authorisation go."""
    return await service.settle(charge_id, "void")


@router.post(
    "/charges/{charge_id}/refund", responses={**FAILED, **NOT_FOUND, **STATE}, tags=["charges"]
)
async def refund_charge(charge_id: ChargeId, service: Service) -> ChargeView:
    """Give captured money back."""
    return await service.settle(charge_id, "refund")


@router.get("/ledger", tags=["ledger"])
async def get_ledger(
    period: Annotated[Period, Depends(_period)],
    service: Service,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> LedgerPage:
    """Every charge of the orders placed in [from, until), in all its states."""
    return await service.ledger(period, limit=limit, cursor=cursor)


@router.get("/faults", tags=["faults"])
async def get_faults(service: Service) -> Faults:
    """What goes wrong now."""
    return await service.faults()


@router.put("/faults", responses={**UNREADABLE}, tags=["faults"])
async def put_faults(body: Faults, service: Service) -> Faults:
    """Go wrong like this until told otherwise; `{}` heals."""
    return await service.set_faults(body)
