"""HTTP of the payment processor: the platform reads, the card provider calls back.

Charging comes by the queue.
"""

import base64
from typing import Annotated, Any

from cafe_kit.auth import ServiceOnly
from cafe_kit.errors import NotFoundError
from cafe_kit.events import Moment
from cafe_kit.paging import DEFAULT_LIMIT, Cursor, Limit
from cafe_kit.problems import Problem
from cafe_kit.wire import ORDER_ID, STORE_ID
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from cafe_payments import callback
from cafe_payments.books import ledger_page, view
from cafe_payments.models import LedgerPage, PaymentView, Period
from cafe_payments.repository import DynamoLedger

router = APIRouter(dependencies=[ServiceOnly])
callbacks = APIRouter()  # the signature of the body is what lets a call back in


async def _ledger(request: Request) -> DynamoLedger:
    ledger: DynamoLedger = request.app.state.ledger
    return ledger


async def _period(
    since: Annotated[Moment, Query(alias="from")],
    until: Moment,
    store_id: Annotated[str | None, Query(alias="storeId", pattern=STORE_ID)] = None,
) -> Period:
    return Period(since, until, store_id)


Ledger = Annotated[DynamoLedger, Depends(_ledger)]
NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "No payment was asked for"}
}


@router.get("/payments/{order_id}", responses={**NOT_FOUND}, tags=["payments"])
async def get_payment(
    order_id: Annotated[str, Path(pattern=ORDER_ID)], ledger: Ledger
) -> PaymentView:
    """An order's payment as the ledger has it."""
    entry = await ledger.read(order_id)
    if entry is None:
        raise NotFoundError(f"No payment was asked for order {order_id}.")
    return view(entry)


@router.get("/ledger", tags=["ledger"])
async def get_ledger(
    period: Annotated[Period, Depends(_period)],
    ledger: Ledger,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> LedgerPage:
    """The payments of the orders placed in [from, until). A page may be short; follow `next`."""
    return await ledger_page(ledger, period, limit=limit, cursor=cursor)


@callbacks.post(
    callback.PATH,
    status_code=callback.ACCEPTED,
    responses={
        callback.MALFORMED: {"description": "It names no order"},
        callback.UNSIGNED: {"description": "Not signed with our key"},
        callback.TOO_LONG: {"description": "Longer than any call back"},
    },
    tags=["provider"],
)
async def call_back(request: Request) -> Response:
    """The card provider tells that a charge has changed; as a function, API Gateway brings it."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > callback.LONGEST_BODY:
        return Response(status_code=callback.TOO_LONG)
    body = base64.b64encode(await request.body()).decode()
    event = {"headers": dict(request.headers), "body": body, "isBase64Encoded": True}
    status, _ = callback.judge(event, request.app.state.merchant_key)
    return Response(status_code=status)
