"""Reading the books page by page, through a port that speaks HTTP for us. Called by `audit.py`.

One window of time is read at a time and no more orders than `most` are held at once: a window with
more is not read further but halved by the caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol, TypeVar

from pydantic import ValidationError

from cafe_ledger.compare import Books
from cafe_ledger.entries import (
    Charge,
    Entry,
    Grants,
    Hold,
    KeptPage,
    Level,
    Model,
    Movements,
    Order,
    Page,
    Payment,
    SalesRow,
)

Book = Literal[
    "order",
    "inventory",
    "payment-processor",
    "payment-provider",
    "loyalty",
    "analytics-worker",
]
LEDGER = "/ledger"
LEVELS = "/ledger/levels"
HOLDS = "/ledger/holds"
AnEntry = TypeVar("AnEntry", bound=Entry)
AModel = TypeVar("AModel", bound=Model)
APage = TypeVar("APage", bound=Page[Any])
AKeptPage = TypeVar("AKeptPage", bound=KeptPage[Any])


class BookError(Exception):
    """A book could not be read, so nothing can be said; the text names it and the remedy."""

    def __init__(self, book: Book, reason: str) -> None:
        super().__init__(f"the book of {book} {reason}")
        self.book = book


class BookReader(Protocol):
    """One GET of one service. Bounded in time; raises BookError where there is no good answer."""

    async def get(self, book: Book, path: str, params: Mapping[str, str]) -> Mapping[str, Any]:
        """Return the answer's JSON object."""
        ...


@dataclass(frozen=True, slots=True)
class Window:
    """Orders placed in [since, until), of one store or of all."""

    since: datetime
    until: datetime
    store_id: str = ""

    @property
    def width(self) -> timedelta:
        """How long it is."""
        return self.until - self.since

    def params(self) -> dict[str, str]:
        """Return it as the query of `GET /ledger`."""
        found = {"from": _iso(self.since), "until": _iso(self.until)}
        return found | ({"storeId": self.store_id} if self.store_id else {})


@dataclass(frozen=True, slots=True)
class Collector:
    """Reads books. `statement`: whether there is a provider whose statement can be had."""

    reader: BookReader
    statement: bool = True
    page: int = 500
    most: int = 10_000

    async def orders(self, window: Window, *, bounded: bool = True) -> list[Order] | None:
        """Return the orders of a window; None where there are more than may be held."""
        found: list[Order] = []
        async for page in self._pages("order", LEDGER, Page[Order], window.params()):
            found += _inside("order", page, window)
            if bounded and len(found) > self.most:
                return None
        return found

    async def others(self, window: Window, orders: list[Order]) -> Books:
        """Read all other books about the same window, after the orders and all at once."""
        try:
            async with asyncio.TaskGroup() as tasks:
                movements = tasks.create_task(self._kept("inventory", Movements, window))
                payments = tasks.create_task(self._all("payment-processor", Page[Payment], window))
                grants = tasks.create_task(self._kept("loyalty", Grants, window))
                rows = tasks.create_task(self._all("analytics-worker", Page[SalesRow], window))
                charges = tasks.create_task(self._charges(window))
        except ExceptionGroup as group:
            unread = next((one for one in group.exceptions if isinstance(one, BookError)), group)
            raise unread from None
        moved, moves_kept_from = movements.result()
        granted, grants_kept_from = grants.result()
        return Books(
            orders=orders,
            movements=moved,
            moves_kept_from=moves_kept_from,
            payments=payments.result(),
            charges=charges.result(),
            grants=granted,
            grants_kept_from=grants_kept_from,
            rows=rows.result(),
        )

    async def levels(self, store_id: str = "") -> AsyncIterator[Level]:
        """Yield every store's stock, item by item."""
        params = {"storeId": store_id} if store_id else {}
        async for page in self._pages("inventory", LEVELS, Page[Level], params):
            for level in page:
                yield level

    async def holds(self, store_id: str = "") -> AsyncIterator[Hold]:
        """Yield what orders under way hold, of all stores or of one."""
        params = {"storeId": store_id} if store_id else {}
        async for page in self._pages("inventory", HOLDS, Page[Hold], params):
            for hold in page:
                yield hold

    async def _charges(self, window: Window) -> list[Charge] | None:
        if not self.statement:
            return None
        return await self._all("payment-provider", Page[Charge], window)

    async def _kept(
        self, book: Book, model: type[AKeptPage], window: Window
    ) -> tuple[list[Any], datetime | None]:
        """Return the entries, and since when all of them are kept: the latest that a page says."""
        found: list[Any] = []
        kept: list[datetime] = []
        async for page in self._read_all(book, LEDGER, model, window.params()):
            found += _inside(book, page.entries, window)
            kept += [page.kept_from] if page.kept_from else []
        return found, max(kept, default=None)

    async def _all(self, book: Book, model: type[Page[AnEntry]], window: Window) -> list[AnEntry]:
        found: list[AnEntry] = []
        async for page in self._pages(book, LEDGER, model, window.params()):
            found += _inside(book, page, window)
        return found

    async def _pages(
        self, book: Book, path: str, model: type[Page[AModel]], params: Mapping[str, str]
    ) -> AsyncIterator[tuple[AModel, ...]]:
        """Yield the entries, page after page."""
        async for page in self._read_all(book, path, model, params):
            yield page.entries

    async def _read_all(
        self, book: Book, path: str, model: type[APage], params: Mapping[str, str]
    ) -> AsyncIterator[APage]:
        """Yield page after page; a cursor that comes back would go on for ever and is refused."""
        cursor: str | None = ""
        seen: set[str] = set()
        while cursor is not None:
            asked = {**params, "limit": str(self.page)} | ({"cursor": cursor} if cursor else {})
            page = _read(book, model, await self.reader.get(book, path, asked))
            yield page
            cursor = page.next
            if cursor in seen:
                raise BookError(book, "gave the same page cursor twice: this is a bug of it")
            seen.add(cursor or "")


def _read(book: Book, model: type[APage], answer: Mapping[str, Any]) -> APage:
    try:
        return model.model_validate(answer)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BookError(
            book,
            f"is not as agreed: {where}: {first['msg']}. Run the services and the audit in one "
            "version",
        ) from problem


def _inside(book: Book, entries: tuple[AnEntry, ...], window: Window) -> tuple[AnEntry, ...]:
    """Return the entries; one of another window would be missing there and stray here."""
    for entry in entries:
        if not window.since <= entry.placed_at < window.until:
            raise BookError(
                book,
                f"answered with order {entry.order_id} placed at {entry.placed_at.isoformat()}, "
                f"outside of {_iso(window.since)} to {_iso(window.until)}: this is a bug of it",
            )
    return entries


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
