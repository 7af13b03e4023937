"""The rules of the reports: windows, pages, months. Called by `endpoints.py`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from cafe_kit.errors import UnprocessableError
from cafe_kit.paging import bad_cursor, decode_cursor, encode_cursor

from cafe_analytics.models import (
    LedgerEntry,
    LedgerPage,
    MonthEnd,
    Page,
    Report,
    Sales,
    Window,
)

KEYS = {
    Report.BY_STORE: ("storeId", "currency"),
    Report.BY_HOUR: ("hour", "storeId", "currency"),
    Report.BY_PRODUCT: ("sku", "currency"),
}
DECEMBER = 12


class Reports(Protocol):
    """What the rules need of the warehouse."""

    async def sales(
        self, report: Report, window: Window, *, after: Sequence[object] | None, most: int
    ) -> list[Sales]:
        """A report's rows behind a key, in the order of the keys."""
        ...

    async def ledger(
        self, window: Window, *, after: tuple[datetime, str] | None, most: int
    ) -> list[LedgerEntry]:
        """Orders behind a key, in the order of placing."""
        ...

    async def month_end(self, month: str, since: datetime, until: datetime) -> MonthEnd:
        """One month in figures."""
        ...


class ReportService:
    """Answers questions about sales."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    async def sales(
        self, report: Report, window: Window, *, limit: int, cursor: str | None
    ) -> Page[Sales]:
        """One page of a report."""
        check(window)
        after = None if cursor is None else _sales_key(report, cursor)
        rows = await self._reports.sales(report, window, after=after, most=limit + 1)
        shown = rows[:limit]
        more = len(rows) > limit
        following = encode_cursor(_position(report, shown[-1])) if more else None
        return Page[Sales](rows=shown, next=following)

    async def ledger(self, window: Window, *, limit: int, cursor: str | None) -> LedgerPage:
        """One page of the book that `cafectl audit` compares with the others."""
        check(window)
        after = None if cursor is None else _ledger_key(cursor)
        entries = await self._reports.ledger(window, after=after, most=limit + 1)
        shown = entries[:limit]
        following = None
        if len(entries) > limit:
            last = shown[-1]
            position = {"placedAt": last.placed_at.isoformat(), "orderId": last.order_id}
            following = encode_cursor(position)
        return LedgerPage(entries=shown, next=following)

    async def month_end(self, month: str) -> MonthEnd:
        """The month in figures; `month` as 2026-11."""
        year, number = (int(part) for part in month.split("-"))
        since = datetime(year, number, 1, tzinfo=UTC)
        next_year, next_number = (year + 1, 1) if number == DECEMBER else (year, number + 1)
        until = datetime(next_year, next_number, 1, tzinfo=UTC)
        return await self._reports.month_end(month, since, until)


def check(window: Window) -> None:
    """Refuse a window in which nothing can lie.

    Raises:
        UnprocessableError: it ends before it begins, or when.
    """
    if window.until <= window.since:
        raise UnprocessableError(
            "`until` is not after `from`.",
            field="until",
            remedy="Give a later `until`, or leave it out.",
        )


def _position(report: Report, row: Sales) -> dict[str, str]:
    shown = row.model_dump(mode="json", by_alias=True)
    return {name: shown[name] for name in KEYS[report]}


def _sales_key(report: Report, cursor: str) -> Sequence[object]:
    position = decode_cursor(cursor, *KEYS[report])
    values = [position[name] for name in KEYS[report]]
    if report is not Report.BY_HOUR:
        return values
    # the column is in UTC and says so nowhere
    return [_moment(values[0]).replace(tzinfo=None), *values[1:]]


def _ledger_key(cursor: str) -> tuple[datetime, str]:
    position = decode_cursor(cursor, "placedAt", "orderId")
    return _moment(position["placedAt"]), position["orderId"]


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise bad_cursor() from None
