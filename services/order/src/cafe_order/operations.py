"""HTTP for those who look after the service: books, how busy it is, messages that got stuck.

All for the platform only.
"""

from datetime import UTC, datetime
from typing import Annotated

from cafe_kit.auth import ServiceOnly
from cafe_kit.paging import DEFAULT_LIMIT, Cursor, Limit
from cafe_kit.wire import STORE_ID
from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime

from cafe_order.activity import Activity, PostgresActivity
from cafe_order.events import Destinations
from cafe_order.ledger import LedgerPage, PostgresLedger, Window
from cafe_order.parked import ParkedPage, PostgresParked, RedriveInput, Redriven

router = APIRouter(dependencies=[ServiceOnly])

EVERYTHING = RedriveInput()
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


def _ledger(request: Request) -> PostgresLedger:
    ledger: PostgresLedger = request.app.state.ledger
    return ledger


def _parked(request: Request) -> PostgresParked:
    parked: PostgresParked = request.app.state.parked
    return parked


Parked = Annotated[PostgresParked, Depends(_parked)]


def _window(
    from_: Annotated[AwareDatetime, Query(alias="from", ge=EARLIEST, le=LATEST)],
    until: Annotated[AwareDatetime, Query(ge=EARLIEST, le=LATEST)],
    store_id: Annotated[str | None, Query(alias="storeId", pattern=STORE_ID)] = None,
) -> Window:
    """The window over the orders' placing; its end is not in it."""
    return Window(from_.astimezone(UTC), until.astimezone(UTC), store_id)


@router.get("/ledger", tags=["ledger"])
async def get_ledger(
    window: Annotated[Window, Depends(_window)],
    ledger: Annotated[PostgresLedger, Depends(_ledger)],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> LedgerPage:
    """Orders in the order of their placing, without the synthetic ones."""
    return await ledger.page(window, limit, cursor)


@router.get("/activity", tags=["ledger"])
async def get_activity(
    request: Request, limit: Annotated[int, Query(ge=1, le=1000)] = 1000
) -> Activity:
    """How busy the stores are, the busiest first: orders a minute, and how long guests wait."""
    activity: PostgresActivity = request.app.state.activity
    return await activity.read(limit)


@router.get("/outbox/parked", tags=["outbox"])
async def get_parked(
    parked: Parked,
    destination: Destinations | None = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> ParkedPage:
    """Messages that need a person, with the reason; what follows them in their order waits too."""
    return await parked.page(destination, limit, cursor)


@router.post("/outbox/redrive", tags=["outbox"])
async def redrive(parked: Parked, body: RedriveInput = EVERYTHING) -> Redriven:
    """Put parked messages back on their way: all, one destination's, or those named."""
    return Redriven(redriven=await parked.redrive(body.destination, body.ids))
