"""What the analytics worker is asked and answers. Money is in minor units, times are UTC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Generic, TypeVar

from cafe_kit.wire import WireView
from pydantic import AfterValidator, AwareDatetime, Field

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("it lies outside the calendar once it is in UTC") from None


Instant = Annotated[AwareDatetime, AfterValidator(_utc)]


class Report(StrEnum):
    """By what sales are added up."""

    BY_STORE = "by-store"
    BY_HOUR = "by-hour"
    BY_PRODUCT = "by-product"


@dataclass(frozen=True, slots=True)
class Window:
    """Orders placed in [since, until), of one store or of all."""

    since: datetime = EARLIEST
    until: datetime = LATEST
    store_id: str = ""


class StoreSales(WireView):
    """What a store sold."""

    store_id: str
    currency: str
    orders: int
    revenue_minor: int


class HourSales(WireView):
    """What a store sold in the orders of one hour, which begins at `hour`."""

    hour: datetime
    store_id: str
    currency: str
    orders: int
    revenue_minor: int


class ProductSales(WireView):
    """What an item brought."""

    sku: str
    currency: str
    name: str
    quantity: int
    revenue_minor: int


Sales = StoreSales | HourSales | ProductSales
Row = TypeVar("Row")


class Page(WireView, Generic[Row]):
    """Some rows, and where the next ones begin."""

    rows: Sequence[Row]
    next: str | None = None


class LedgerEntry(WireView):
    """An order as the warehouse has it. `rows` is how many rows it has: 1 is right."""

    order_id: str
    store_id: str
    status: str
    currency: str
    total_minor: int
    placed_at: datetime
    rows: int


class LedgerPage(WireView):
    """Some entries, in the order of placing."""

    entries: Sequence[LedgerEntry]
    next: str | None = None


class Total(WireView):
    """Completed orders in one currency."""

    currency: str
    orders: int
    revenue_minor: int


class DayTotal(Total):
    """One day's, in UTC."""

    day: datetime


class MonthEnd(WireView):
    """The month in figures. Everything but `orders` counts completed orders only."""

    month: str
    since: datetime
    until: datetime
    orders: Mapping[str, int] = Field(description="Orders placed in the month, by status.")
    totals: Sequence[Total]
    days: Sequence[DayTotal]
    stores: Sequence[StoreSales] = Field(description="Those with the highest revenue.")
    products: Sequence[ProductSales] = Field(description="Those sold most often.")
