"""The storefront's neighbours by HTTP: what they say, and their silence as 503.

A guest sees the neighbour's refusal without what is meant for the platform: our token that is not
taken, a remedy that only an administrator could use. What may pass becomes 503, so that the page
has one thing to do about it: say so, wait, and ask the same again.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import httpx
from cafe_kit.clients import RetryBudget, call
from cafe_kit.errors import CafeError, UnavailableError
from cafe_kit.problems import TYPE_BASE

DEADLINE_SECONDS = 6.0
"""Less than a request may take, so that its answer says who is silent."""
PASSING = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})
SHOWN = ("currency", "totalMinor", "prices")
"""What a refusal says beside its sentence, of use to a guest."""


class Neighbour:
    """One neighbour. All that is asked of it may be asked twice."""

    def __init__(self, name: str, client: httpx.AsyncClient) -> None:
        self.name = name
        self._client = client
        self._budget = RetryBudget()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str | int] | None = None,
    ) -> bytes:
        """The body of a good answer; bounded in time.

        Raises:
            UnavailableError: it is silent, or cannot serve now; the outcome may be unknown.
            CafeError: it refuses, with its own status, slug and sentence.
        """
        request = self._client.build_request(
            method, path, content=body, headers=headers, params=params
        )
        try:
            response = await call(
                self._client,
                request,
                budget=self._budget,
                idempotent=True,
                deadline_seconds=DEADLINE_SECONDS,
            )
        except httpx.HTTPError as error:
            raise self._away(type(error).__name__) from error
        if response.is_success:
            return response.content
        raise self._refusal(response)

    async def check(self) -> None:
        """Raise unless it answers."""
        (await self._client.get("/livez")).raise_for_status()

    def _away(self, why: str) -> UnavailableError:
        return UnavailableError(
            f"The {self.name} service does not answer ({why}).", slug=f"{self.name}-unavailable"
        )

    def _refusal(self, response: httpx.Response) -> CafeError:
        said = _problem(response)
        slug = str(said.get("type", "")).removeprefix(TYPE_BASE)
        detail = str(said.get("detail", f"The {self.name} service refuses."))
        if response.status_code == HTTPStatus.SERVICE_UNAVAILABLE and slug:
            return UnavailableError(detail, slug=slug)
        if response.is_server_error or response.status_code in PASSING:
            return self._away(f"it answered {response.status_code}")
        extra = {name: said[name] for name in SHOWN if name in said}
        error = CafeError(detail, slug=slug or "refused", extra=extra)
        error.status = response.status_code  # type: ignore[misc] # this instance's, not the class's
        return error


def _problem(response: httpx.Response) -> dict[str, Any]:
    try:
        said = response.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
