"""The services' books over FakeHttp: `mount` lets every service answer `GET /ledger`.

Other requests of a host go to the route that was mounted before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cafe_ledger.fakes import BOOKS, FakeBooks

from tests.fakes.http import FakeHttp, Route


def mount(http: FakeHttp, books: FakeBooks, *, token: str, others: Route | None = None) -> None:
    """Serve all books; a service in `books.away` answers 503."""
    for book in BOOKS:
        http.mount(f"{book}:8080", _route(books, book, token, others))


def _route(
    books: FakeBooks, book: Any, token: str, others: Route | None
) -> Callable[[str, str, Any, Mapping[str, str]], tuple[int, Any]]:
    def answer(method: str, path: str, body: Any, headers: Mapping[str, str]) -> tuple[int, Any]:
        parts = urlsplit(path)
        if not parts.path.startswith("/ledger"):
            return others(method, path, body, headers) if others else (404, {})
        if headers.get("Authorization") != f"Bearer {token}":
            return 401, {"title": "Unauthorized"}
        if book in books.away:
            return 503, {"title": f"{book} is away"}
        books.asked.append((book, dict(parse_qsl(parts.query))))
        return 200, books.answer(book, parts.path, dict(parse_qsl(parts.query)))

    return answer
