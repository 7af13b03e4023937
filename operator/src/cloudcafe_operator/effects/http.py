"""Outgoing HTTP: implements ports.Http with aiohttp.

Used for the cafe's services, and by `probe_http.py` for where users' URLs lead. Network trouble is
an answer with status 0 and a sentence, because for a probe it is a measurement and for the rest a
reason in a condition.
aiohttp and not httpx: with 50 stores httpx's pool held up the event loop for 50 ms and more,
because it looks at all its connections for each request, and it imports on the first use.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import aiohttp
import msgspec
from aiohttp.abc import AbstractResolver

from cloudcafe_operator import metrics
from cloudcafe_operator.ports import HttpAnswer, Json

MOST_BYTES = 1024 * 1024
MOST_CONNECTIONS = 100


class HttpClient:
    """Implements ports.Http over one connection pool. Made on the event loop that uses it.

    What measures asks by a connection each, as new customers do (`reuse=False`): a kept one stays
    with one pod, and a NetworkPolicy may leave it alone, so that it would notice nothing.
    """

    def __init__(self, resolver: AbstractResolver | None = None, *, reuse: bool = True) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=MOST_CONNECTIONS, resolver=resolver, force_close=not reuse
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,  # the cafe is reached directly, whatever proxy there is for the world
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()

    async def request(
        self,
        method: str,
        url: str,
        *,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = 2.0,
    ) -> HttpAnswer:
        """Send one request; never raises for network trouble, and a refusal is such."""
        if why := self._refused(url):
            return HttpAnswer(status=0, elapsed_ms=0.0, error=why)
        started = time.perf_counter()
        try:
            found = await self._send(method, url, body, headers or {}, timeout_seconds)
        except TimeoutError:
            found = _no_answer(started, f"no answer within {timeout_seconds:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as problem:
            found = _no_answer(started, str(problem) or type(problem).__name__)
        metrics.http_calls.labels(method, str(found.status)).inc()
        return found

    def _refused(self, url: str) -> str:  # noqa: ARG002 - for those who go only to some
        """Say why nothing is sent there; empty: it may be."""
        return ""

    async def _send(
        self,
        method: str,
        url: str,
        body: Json | None,
        headers: Mapping[str, str],
        timeout_seconds: float,
    ) -> HttpAnswer:
        started = time.perf_counter()
        content = None if body is None else msgspec.json.encode(body)
        sent = {**headers, "Content-Type": "application/json"} if content else dict(headers)
        async with self._session.request(
            method,
            url,
            data=content,
            headers=sent,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=timeout_seconds),
        ) as response:
            answered = await _read(response)
            return HttpAnswer(
                status=response.status,
                elapsed_ms=(time.perf_counter() - started) * 1000,
                body=answered,
                headers=dict(response.headers),
            )


def _no_answer(started: float, why: str) -> HttpAnswer:
    return HttpAnswer(status=0, elapsed_ms=(time.perf_counter() - started) * 1000, error=why)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    content = b""
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > MOST_BYTES:
            return content[:MOST_BYTES]
    return content
