"""An HTTP proxy before AWS that throttles, and that loses answers after the call was carried out.

A lost answer is the worst of what a network does to a sender: the record is in the stream, the
message in the queue, and nobody told us. Shares are of the calls of one AWS service; the choice is
seeded, so that a run can be had again.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp import web

SERVICE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/")
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}
THROTTLE = {
    "dynamodb": "ProvisionedThroughputExceededException",
    "kinesis": "ProvisionedThroughputExceededException",
    "sqs": "ThrottlingException",
}


@dataclass(frozen=True)
class Fault:
    """What happens to the calls of one service."""

    throttled: float = 0.0
    unanswered: float = 0.0


class AwsFaults:
    """The proxy; `faults` may be changed at any time."""

    def __init__(self, upstream: str, seed: int) -> None:
        self._upstream = upstream
        self._random = random.Random(seed)
        self.faults: dict[str, Fault] = {}
        self.done: Counter[str] = Counter()
        self.url = ""
        self._session: aiohttp.ClientSession | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One call."""
        body = await request.read()
        found = SERVICE.search(request.headers.get("Authorization", ""))
        service = found[1] if found else ""
        fault = self.faults.get(service, Fault())
        if self._random.random() < fault.throttled:
            self.done[f"{service} throttled"] += 1
            code = THROTTLE[service]
            return web.json_response(
                {"__type": code, "message": "Rate exceeded"},
                status=400,
                content_type="application/x-amz-json-1.0",
                headers={"x-amzn-errortype": code},
            )
        assert self._session is not None
        headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP_BY_HOP}
        try:
            async with self._session.request(
                request.method, self._upstream + request.path_qs, data=body, headers=headers
            ) as answer:
                text = await answer.read()
                kept = {k: v for k, v in answer.headers.items() if k.lower() not in HOP_BY_HOP}
        except aiohttp.ClientError:
            _hang_up(request)
            return web.Response(status=502)
        if self._random.random() < fault.unanswered:
            self.done[f"{service} unanswered"] += 1
            _hang_up(request)
        return web.Response(body=text, status=answer.status, headers=kept)


def _hang_up(request: web.Request) -> None:
    """Break the connection; a caller that was killed meanwhile has done so itself."""
    if request.transport is not None:
        request.transport.abort()


@asynccontextmanager
async def aws_faults(upstream: str, seed: int) -> AsyncIterator[AwsFaults]:
    """Run the proxy on a free port."""
    proxy = AwsFaults(upstream, seed)
    app = web.Application(client_max_size=8 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", proxy.handle)
    # a call whose caller gave up ends here too; else those would take all connections for good
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    proxy.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with aiohttp.ClientSession(
        auto_decompress=False, connector=aiohttp.TCPConnector(limit=256)
    ) as session:
        proxy._session = session
        try:
            yield proxy
        finally:
            await runner.cleanup()
