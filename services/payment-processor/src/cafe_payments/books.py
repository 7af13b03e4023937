"""The ledger as others read it: views and pages. Used by `endpoints.py`."""

from datetime import UTC, datetime
from typing import Protocol

from cafe_kit.errors import UnprocessableError
from cafe_kit.ledger_index import SHARDS
from cafe_kit.paging import decode_cursor, encode_cursor

from cafe_payments.models import Entry, LedgerEntry, LedgerPage, PaymentView, Period
from cafe_payments.repository import Position


class Pages(Protocol):
    """Where pages come from."""

    async def page(
        self, period: Period, position: Position | None, limit: int
    ) -> tuple[list[Entry], Position | None]:
        """Entries, and where they go on."""
        ...


def view(entry: Entry) -> PaymentView:
    """What callers see of an entry."""
    return PaymentView(
        order_id=entry.order_id,
        store_id=entry.store_id,
        state=entry.state,
        currency=entry.currency,
        amount_minor=entry.amount_minor,
        charge_id=entry.charge_id,
        reason=entry.reason,
        cancel_requested=entry.cancel_requested,
        placed_at=entry.placed_at,
        updated_at=entry.updated_at,
    )


async def ledger_page(
    pages: Pages, period: Period, *, limit: int, cursor: str | None
) -> LedgerPage:
    """A page of the books.

    Raises:
        UnprocessableError: `bad-cursor`.
    """
    position = _position(cursor, period) if cursor else None
    entries, following = await pages.page(period, position, limit)
    return LedgerPage(
        entries=[_row(entry) for entry in entries],
        next=_cursor(following) if following else None,
    )


def _row(entry: Entry) -> LedgerEntry:
    return LedgerEntry(
        order_id=entry.order_id,
        store_id=entry.store_id,
        state=entry.state,
        currency=entry.currency,
        amount_minor=entry.amount_minor,
        charge_id=entry.charge_id,
        placed_at=entry.placed_at,
        updated_at=entry.updated_at,
    )


def _cursor(position: Position) -> str:
    return encode_cursor(
        {
            "hour": position.hour.isoformat(),
            "shard": str(position.shard),
            "after": position.after,
        }
    )


def _position(cursor: str, period: Period) -> Position:
    parts = decode_cursor(cursor, "hour", "shard", "after")
    try:
        hour = datetime.fromisoformat(parts["hour"]).astimezone(UTC)
        shard = int(parts["shard"])
    except (ValueError, OverflowError):
        raise _bad_cursor() from None
    whole = hour.replace(minute=0, second=0, microsecond=0) == hour
    if not whole or hour >= period.until or not 0 <= shard < SHARDS:
        raise _bad_cursor()
    return Position(hour, shard, parts["after"])


def _bad_cursor() -> UnprocessableError:
    return UnprocessableError(
        "The cursor does not belong to this list.",
        slug="bad-cursor",
        field="cursor",
        remedy="Pass `next` of the page before as it is, with the same period.",
    )
