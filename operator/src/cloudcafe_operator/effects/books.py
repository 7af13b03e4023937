"""The services' books over the operator's HTTP: implements cafe_ledger.collect.BookReader.

Used by the look at all stores (`ledger.py`) and by the audit of a run (`audit_run.py`). Pages are
small, because each is read on the event loop between other work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from cafe_ledger.collect import Book, BookError, Collector

from cloudcafe_operator.effects.cafe import checked
from cloudcafe_operator.errors import OperatorError
from cloudcafe_operator.ports import Http

TIMEOUT_SECONDS = 10.0
PAGE = 200
MOST = 1_000


@dataclass(frozen=True, slots=True)
class HttpBooks:
    """Where the books are; an empty URL of the provider: its statement is not to be had."""

    http: Http
    urls: Mapping[Book, str]
    token: str

    async def get(self, book: Book, path: str, params: Mapping[str, str]) -> Mapping[str, Any]:
        """Return one page; BookError where it cannot be had."""
        url = f"{self.urls[book]}{path}"
        answer = await self.http.request(
            "GET",
            f"{url}?{urlencode(params)}",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout_seconds=TIMEOUT_SECONDS,
        )
        try:
            return checked(answer, f"GET {url}")
        except OperatorError as problem:
            raise BookError(book, f"cannot be read: {problem}") from problem


def collector(books: HttpBooks) -> Collector:
    """Return what reads these books in portions that do not hold up the event loop."""
    statement = bool(books.urls["payment-provider"])
    return Collector(books, statement=statement, page=PAGE, most=MOST)
