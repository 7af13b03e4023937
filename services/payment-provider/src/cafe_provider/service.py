"""The rules of the stand-in: charge cards, and go wrong exactly as told.

It CAN charge twice: without an Idempotency-Key, or with one that it has forgotten. It can charge
and then not answer. Whoever pays through it has to be right all the same.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable

from cafe_kit.errors import CafeError, TimedOutError
from cafe_kit.ledger_index import moment
from cafe_kit.paging import bad_cursor, decode_cursor, encode_cursor

from cafe_provider import charges
from cafe_provider.chance import Fate, fate
from cafe_provider.models import (
    DECLINED_FROM_MINOR,
    Action,
    Charge,
    ChargeInput,
    ChargesView,
    ChargeView,
    Faults,
    LedgerEntry,
    LedgerPage,
    Period,
)
from cafe_provider.repository import Book

MAX_SERIAL = 2**63 - 1
"""SQLite's largest integer."""

Sleep = Callable[[float], Awaitable[None]]


class ProviderService:
    """A card provider with moods."""

    def __init__(self, book: Book, *, sleep: Sleep = asyncio.sleep) -> None:
        self._book = book
        self._sleep = sleep
        self._known: Faults | None = None

    async def charge(self, wanted: ChargeInput, key: str | None) -> ChargeView:
        """Authorise, and capture if wanted; a declined card is a charge that is `declined`."""
        faults = await self.faults()
        kept_key = None if faults.forget_keys else key

        def job(book: sqlite3.Connection) -> tuple[Fate, Charge | None]:
            coming = _fate(book, faults, wanted.reference)
            if coming.lost_before or coming.fails:
                return coming, None
            reason = _refusal(wanted, coming)
            return coming, charges.charge(book, wanted, key=kept_key, decline=reason)

        return await self._answer(faults, job)

    async def settle(self, charge_id: str, action: Action) -> ChargeView:
        """Capture, void or refund a charge."""
        faults = await self.faults()

        def job(book: sqlite3.Connection) -> tuple[Fate, Charge | None]:
            coming = _fate(book, faults, f"{charge_id}:{action}")
            if coming.lost_before or coming.fails:
                return coming, None
            return coming, charges.settle(book, charge_id, action)

        return await self._answer(faults, job)

    async def find(self, charge_id: str) -> ChargeView:
        """One charge."""
        return (await self._book.do(lambda book: charges.find(book, charge_id))).view()

    async def with_reference(self, reference: str) -> ChargesView:
        """All charges of a reference."""
        found = await self._book.do(lambda book: charges.with_reference(book, reference))
        return ChargesView(charges=[charge.view() for charge in found])

    async def ledger(self, period: Period, *, limit: int, cursor: str | None) -> LedgerPage:
        """A page of the books: every charge ever made is in them."""
        after = _position(cursor)
        found = await self._book.do(
            lambda book: charges.rows(book, period, after=after, limit=limit + 1)
        )
        page = found[:limit]
        following = None
        if len(found) > limit:
            serial, last = page[-1]
            at = moment(last.wanted.placed_at)
            following = encode_cursor({"at": at, "serial": str(serial)})
        return LedgerPage(entries=[_entry(charge) for _, charge in page], next=following)

    async def faults(self) -> Faults:
        """What goes wrong now."""
        if self._known is None:
            self._known = await self._book.do(charges.read_faults)
        return self._known

    async def set_faults(self, faults: Faults) -> Faults:
        """Go wrong like this from now on; keys made so far are forgotten if told so."""

        def job(book: sqlite3.Connection) -> None:
            charges.write_faults(book, faults)
            if faults.forget_keys:
                charges.forget_keys(book)

        await self._book.do(job)
        self._known = faults
        return faults

    async def _answer(
        self, faults: Faults, job: Callable[[sqlite3.Connection], tuple[Fate, Charge | None]]
    ) -> ChargeView:
        if faults.latency_ms:
            await self._sleep(faults.latency_ms / 1000)
        coming, charge = await self._book.do(job)
        if coming.lost_before or coming.lost_after:
            await self._sleep(faults.hang_seconds)
            raise TimedOutError(
                "The card network did not answer in time; the outcome is unknown.",
                remedy="Look the charge up by its reference before charging again.",
            )
        if charge is None:
            raise CafeError("The card network failed.", slug="card-network-failed")
        return charge.view()


def _fate(book: sqlite3.Connection, faults: Faults, subject: str) -> Fate:
    if not faults.any_share:
        return Fate()
    return fate(faults, subject, charges.count_try(book, subject))


def _refusal(wanted: ChargeInput, coming: Fate) -> str | None:
    if wanted.amount_minor >= DECLINED_FROM_MINOR:
        return "The amount is over the card's limit."
    return "The card was declined." if coming.declines else None


def _position(cursor: str | None) -> tuple[str, int]:
    if cursor is None:
        return "", 0
    position = decode_cursor(cursor, "at", "serial")
    at, serial = position["at"], position["serial"]
    digits = serial.isascii() and serial.isdigit() and len(serial) <= len(str(MAX_SERIAL))
    if not digits or int(serial) > MAX_SERIAL:
        raise bad_cursor()
    return at, int(serial)


def _entry(charge: Charge) -> LedgerEntry:
    return LedgerEntry(
        charge_id=charge.charge_id,
        order_id=charge.wanted.reference,
        store_id=charge.wanted.store_id,
        state=charge.state,
        currency=charge.wanted.currency,
        amount_minor=charge.wanted.amount_minor,
        placed_at=charge.wanted.placed_at,
    )
