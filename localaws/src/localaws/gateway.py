"""The ASGI application: one endpoint for all of AWS, and a few paths of its own.

uvicorn runs it. A signed request to a service without consequences is passed to its emulator as
it streams in; all others are read whole, and pass through the consequences of their service.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog
from prometheus_client import Counter, Histogram

from localaws.edge.server import Edge
from localaws.embedded import EmbeddedAws
from localaws.messages import NOT_IMPLEMENTED, Reply, Request, error_reply, protocol_of
from localaws.own import Own
from localaws.routing import Backend, Identity, action_of, backend_of, identify

if TYPE_CHECKING:
    from localaws.emulators.ministack import Message, Receive, Send
    from localaws.settings import Settings

log = structlog.get_logger(__name__)


class Gateway:
    """One per process, since the emulators keep their state in module globals."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.aws = EmbeddedAws(settings)
        registry = self.aws.world.registry
        self._edge = Edge(settings, self.aws.reachability, self.aws.world.measures)
        self._own = Own(self.aws, settings)
        self._requests = Counter(
            "localaws_requests", "Requests answered", ["service", "status"], registry=registry
        )
        self._seconds = Histogram(
            "localaws_request_seconds", "Time to answer", ["service"], registry=registry
        )

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """ASGI's entry point."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            await self.aws.ministack.serve(scope, receive, send)
        else:
            await self._http(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        self._edge.bind()
        await self.aws.start()  # an exception here ends the process, with its traceback logged
        await self._edge.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._edge.stop()
        await self.aws.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _http(self, scope: Message, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        if self._own.takes(scope["path"], headers):
            await _send(send, await self._own.answer(scope["method"], scope["path"]))
            return
        query: bytes = scope["query_string"]
        default = self._settings.region
        identity = identify(headers, query, b"", default_region=default)
        if identity.signed and self._streams(identity):
            service = identity.service
            status = await self._pass_on(scope, receive, send)
        else:
            body = await _body(receive)
            if body is None:
                return
            if not identity.signed:
                identity = identify(headers, query, body, default_region=default)
            reply = await self._answer(scope, headers, body, identity)
            service, status = self._label(identity), reply.status
            await _send(send, reply)
        self._requests.labels(service, str(status)).inc()
        self._seconds.labels(service).observe(time.perf_counter() - started)

    def _streams(self, identity: Identity) -> bool:
        plain = not self.aws.has_consequences(identity.service)
        return plain and backend_of(identity) is Backend.MINISTACK

    def _label(self, identity: Identity) -> str:
        """A metric label that a client cannot multiply."""
        if backend_of(identity) is Backend.NOBODY:
            return "unknown"
        return identity.service or "unsigned"

    async def _pass_on(self, scope: Message, receive: Receive, send: Send) -> int:
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        await self.aws.ministack.serve(scope, receive, noting)
        return status

    async def _answer(
        self, scope: Message, headers: dict[str, str], body: bytes, identity: Identity
    ) -> Reply:
        request = Request(
            scope["method"],
            scope["path"],
            scope["query_string"],
            headers,
            tuple(scope["headers"]),
            body,
            identity.service,
            action_of(headers, scope["path"], body),
            identity.region,
            identity.account,
        )
        if backend_of(identity) is Backend.NOBODY:
            return error_reply(
                protocol_of(identity.service, headers),
                "NotImplementedException",
                f"The embedded AWS has no service {identity.service!r} (see routing.py)",
                status=NOT_IMPLEMENTED,
            )
        try:
            return await self.aws.answer(request)
        except Exception:  # whatever breaks inside, the client is owed AWS's 500
            log.exception("request failed", service=request.service, action=request.action)
            message = f"localaws failed at {request.service} {request.action}; see its log"
            protocol = protocol_of(identity.service, headers)
            return error_reply(protocol, "InternalFailure", message, status=500)


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None where the client hung up before it was sent: half a call is none."""
    chunks = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


async def _send(send: Send, reply: Reply) -> None:
    length = (b"content-length", str(len(reply.body)).encode())
    await send(
        {
            "type": "http.response.start",
            "status": reply.status,
            "headers": [*reply.headers, length],
        }
    )
    await send({"type": "http.response.body", "body": reply.body})
