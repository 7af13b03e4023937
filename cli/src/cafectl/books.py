"""The services' books over HTTP: what `cafectl audit` reads through.

Implements `cafe_ledger.collect.BookReader`. A short outage is sat out; what lasts ends in one
sentence that names the service, the option and what to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from cafe_ledger.collect import Book, BookError

TIMEOUT_S = 30.0
BACKOFFS_S = (0.2, 1.0, 3.0)
TRANSIENT = frozenset({429, 500, 502, 503, 504})
DENIED = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class HttpBooks:
    """Where the books are. `token` is the service token: only services may read books."""

    client: httpx.AsyncClient
    urls: Mapping[Book, str]
    token: str
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def get(self, book: Book, path: str, params: Mapping[str, str]) -> Mapping[str, Any]:
        """Return one page; BookError where it cannot be had."""
        url = self.urls[book].rstrip("/") + path
        answer = await self._answer(book, url, params)
        if answer.status_code in DENIED:
            raise BookError(
                book,
                f"refuses us ({answer.status_code}): give the service token with --token or "
                "CAFE_SERVICE_TOKEN; it is in the Secret cloudcafe-service-token",
            )
        if answer.status_code == httpx.codes.NOT_FOUND:
            raise BookError(book, f"is not at {url}: is that the {book} service, of this version?")
        if not answer.is_success:
            raise BookError(book, f"answered {answer.status_code} at {url}: {answer.text[:200]}")
        try:
            found = answer.json()
        except ValueError as problem:
            raise BookError(book, f"answered without JSON at {url}") from problem
        if not isinstance(found, dict):
            raise BookError(book, f"answered without an object at {url}")
        return found

    async def _answer(self, book: Book, url: str, params: Mapping[str, str]) -> httpx.Response:
        """Ask until there is an answer that trying again would not change."""
        headers = {"Authorization": f"Bearer {self.token}"}
        for pause in (*BACKOFFS_S, None):
            try:
                answer = await self.client.get(
                    url, params=dict(params), headers=headers, timeout=TIMEOUT_S
                )
            except httpx.InvalidURL as problem:
                raise BookError(book, f"has no usable URL: {url}: {problem}") from problem
            except httpx.HTTPError as problem:
                if pause is None:
                    raise BookError(book, _unreachable(book, url, problem)) from problem
            else:
                if answer.status_code not in TRANSIENT or pause is None:
                    return answer
            await self.sleep(pause)
        raise AssertionError("the last try returns or raises")


def _unreachable(book: Book, url: str, problem: Exception) -> str:
    option = f"--{book.removeprefix('payment-').removesuffix('-worker')}-url"
    return (
        f"cannot be reached at {url} ({type(problem).__name__}): inside the cluster it is "
        f"http://{book}:8080; outside, run kubectl port-forward svc/{book} and use {option}"
    )
