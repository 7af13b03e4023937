"""HTTP of the analytics worker: parse, call the rules, answer. For the platform only."""

from typing import Annotated, Any

from cafe_kit.auth import ServiceOnly
from cafe_kit.paging import DEFAULT_LIMIT, Cursor, Limit
from cafe_kit.wire import STORE_ID
from fastapi import APIRouter, Depends, Header, Query, Request, Response

from cafe_analytics.models import (
    EARLIEST,
    LATEST,
    HourSales,
    Instant,
    LedgerPage,
    MonthEnd,
    Page,
    ProductSales,
    Report,
    Sales,
    StoreSales,
    Window,
)
from cafe_analytics.service import ReportService
from cafe_analytics.tables import MEDIA_TYPE, as_csv, wants_csv

router = APIRouter(dependencies=[ServiceOnly])

CSV: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "One page; as CSV, `Link` leads to the next.",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}


def _service(request: Request) -> ReportService:
    service: ReportService = request.app.state.service
    return service


def _window(
    since: Annotated[
        Instant | None, Query(alias="from", description="Orders placed then or later.")
    ] = None,
    until: Annotated[Instant | None, Query(description="Orders placed before.")] = None,
    store_id: Annotated[
        str | None, Query(alias="storeId", pattern=STORE_ID, description="Of one store.")
    ] = None,
) -> Window:
    return Window(since or EARLIEST, until or LATEST, store_id or "")


Service = Annotated[ReportService, Depends(_service)]
Placed = Annotated[Window, Depends(_window)]
Month = Annotated[str, Query(pattern=r"^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])$", examples=["2026-11"])]


class Asked:
    """A page of a report, in the form that the caller likes better."""

    def __init__(
        self,
        request: Request,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
        *,
        accept: Annotated[str, Header()] = "",
    ) -> None:
        self.limit, self.cursor = limit, cursor
        self._request = request
        self._csv = wants_csv(accept)

    def answer(self, page: Page[Sales], row: type[Sales]) -> Response:
        """JSON, or CSV with the way to the next page in its header."""
        if not self._csv:
            # a page of one kind of row: what the schema says of it
            body = page.model_dump_json(by_alias=True)
            return Response(body, media_type="application/json", headers={"Vary": "Accept"})
        columns = [field.alias or name for name, field in row.model_fields.items()]
        headers = {"Vary": "Accept"}
        if page.next is not None:
            url = self._request.url.include_query_params(cursor=page.next)
            headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
        return Response(as_csv(page.rows, columns), media_type=MEDIA_TYPE, headers=headers)


PageAsked = Annotated[Asked, Depends()]


@router.get(
    "/reports/sales/by-store", response_model=Page[StoreSales], responses=CSV, tags=["reports"]
)
async def sales_by_store(window: Placed, asked: PageAsked, service: Service) -> Response:
    """What each store sold; completed orders only."""
    page = await service.sales(Report.BY_STORE, window, limit=asked.limit, cursor=asked.cursor)
    return asked.answer(page, StoreSales)


@router.get(
    "/reports/sales/by-hour", response_model=Page[HourSales], responses=CSV, tags=["reports"]
)
async def sales_by_hour(window: Placed, asked: PageAsked, service: Service) -> Response:
    """What each store sold hour by hour (of placing, UTC); completed orders only."""
    page = await service.sales(Report.BY_HOUR, window, limit=asked.limit, cursor=asked.cursor)
    return asked.answer(page, HourSales)


@router.get(
    "/reports/sales/by-product", response_model=Page[ProductSales], responses=CSV, tags=["reports"]
)
async def sales_by_product(window: Placed, asked: PageAsked, service: Service) -> Response:
    """What each item brought; completed orders only."""
    page = await service.sales(Report.BY_PRODUCT, window, limit=asked.limit, cursor=asked.cursor)
    return asked.answer(page, ProductSales)


@router.get("/reports/month-end", tags=["reports"])
async def month_end(month: Month, service: Service) -> MonthEnd:
    """The Month-End Report: orders by status, revenue by day, the best stores and items."""
    return await service.month_end(month)


@router.get("/ledger", tags=["books"])
async def ledger(
    window: Placed, service: Service, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> LedgerPage:
    """The warehouse's book of orders, by the time of placing."""
    return await service.ledger(window, limit=limit, cursor=cursor)
