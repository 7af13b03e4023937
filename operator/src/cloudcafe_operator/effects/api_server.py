"""HTTP to the API server, on the event loop. Used by `kubernetes.py`, which knows what is asked.

One pool of connections; no thread and no model stands between a request and its JSON, because
with thousands of stores these are what an operator's time goes to. The access (address, TLS, token
renewal) is the Kubernetes client's.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypedDict, TypeVar, cast

import aiohttp
import msgspec

from cloudcafe_operator.effects.kubernetes_errors import OK, Answer, Intent
from cloudcafe_operator.errors import Unavailable
from cloudcafe_operator.ports import Json, Keep, Manifest

TIMEOUT = aiohttp.ClientTimeout(total=20.0, sock_connect=3.0)
LONGEST_LINE = 4 * 1024 * 1024  # of a watch: etcd keeps no object above 1.5 MiB
SECONDS_OF_A_WATCH = 300
SECONDS_OF_SILENCE = 330.0  # a watch that says less than its bookmarks is dead


Item = TypeVar("Item")


class _Page(TypedDict, Generic[Item], total=False):
    """A list whose items are read in part: six times faster than whole pods."""

    metadata: Any
    items: list[Item] | None


@dataclass(frozen=True, slots=True)
class Access:
    """Where the API server is and how to be let in; `headers` renews what expires."""

    host: str
    tls: ssl.SSLContext | None
    headers: Callable[[], Mapping[str, str]]


class ApiServer:
    """One connection pool. Its session is made on the loop of the first request."""

    def __init__(self, access: Access, *, connections: int, agent: str) -> None:
        self._access = access
        self._connections = connections
        self._fixed = {"Accept": "application/json", "User-Agent": agent}
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Give the connections back."""
        if self._session is not None:
            await self._session.close()

    async def send(
        self,
        intent: Intent,
        *,
        body: Json | None,
        query: Mapping[str, str],
        types: tuple[str, str],
        keep: Keep | None = None,
    ) -> Answer:
        """Send one request; Unavailable where no answer comes in time.

        `types` are the media types that it accepts and that it sends; `keep` names what is read of
        the items of a list.
        """
        data = None if body is None else msgspec.json.encode(body)
        try:
            async with self._pool().request(
                intent.method,
                f"{self._access.host}{intent.path}",
                params=query or None,
                data=data,
                headers={**self._headers(), "Accept": types[0], "Content-Type": types[1]},
                timeout=TIMEOUT,
                allow_redirects=False,
            ) as response:
                found = await response.read()
                of_list = keep and response.status in OK
                shape = _Page[keep] if of_list else Any  # type: ignore[valid-type] # as asked
                return Answer(response.status, _json(found, shape), response.headers)
        except (aiohttp.ClientError, OSError, TimeoutError) as problem:
            said = str(problem) or type(problem).__name__
            raise Unavailable(f"no answer from the API server for {intent}: {said}") from problem

    @asynccontextmanager
    async def watch(
        self, intent: Intent, query: Mapping[str, str]
    ) -> AsyncIterator[tuple[int, AsyncIterable[bytes]]]:
        """Open a watch: the status, and its lines until the server or the network ends it."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=3.0, sock_read=SECONDS_OF_SILENCE)
        asked = {"watch": "true", "timeoutSeconds": str(SECONDS_OF_A_WATCH), **query}
        try:
            async with self._pool().get(
                f"{self._access.host}{intent.path}",
                params=asked,
                headers=self._headers(),
                timeout=timeout,
                read_bufsize=LONGEST_LINE,
            ) as response:
                yield response.status, response.content
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as problem:
            said = str(problem) or type(problem).__name__
            raise Unavailable(f"{intent}: the watch broke off: {said}") from problem

    def _headers(self) -> dict[str, str]:
        return {**self._fixed, **self._access.headers()}

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:
            tls: Any = self._access.tls if self._access.tls is not None else False
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections, ssl=tls),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("Accept-Encoding",),
            )
        return self._session


def decoded(content: bytes, shape: Any = Any) -> Any:
    """Return what JSON says, or ValueError: of two hundred runs at once half was spent on this."""
    try:
        return msgspec.json.decode(content, type=shape)
    except msgspec.DecodeError as problem:
        raise ValueError(str(problem)) from problem


def _json(content: bytes, shape: Any) -> Manifest:
    try:
        found = decoded(content or b"{}", shape)
    except ValueError:  # a proxy's page
        found = {"message": content[:200].decode(errors="replace")}
    return cast("Manifest", found)
