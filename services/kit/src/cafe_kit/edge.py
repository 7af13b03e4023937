"""The edge of a service: one ASGI middleware around the public application.

Gives every request a trace, a bounded body, a bounded time and a place in a bounded crowd; counts
it under its route template; turns what escapes the application into a problem document.
Written on bare ASGI because it runs for every request.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable

import structlog
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cafe_kit.context import Trace, continue_trace
from cafe_kit.errors import CafeError, PayloadTooLargeError, TimedOutError, UnavailableError
from cafe_kit.metrics import Metrics
from cafe_kit.problems import render
from cafe_kit.settings import KitSettings

log = structlog.get_logger()
_root = logging.getLogger()

Express = dict[tuple[str, str], Callable[[Scope, bytes, Send], Awaitable[bool]]]
"""Handlers by (method, path), called with the body before the application is; one that returns
False has sent nothing, and the application handles the request."""

CLIENT_ERROR = 400
SERVER_ERROR = 500


class ClientGoneError(Exception):
    """The client closed the connection before its body was complete."""


class Exchange:
    """One request and its response on their way through the edge."""

    def __init__(self, send: Send, trace: Trace) -> None:
        self._send = send
        self._request_id = trace.request_id.encode()
        self.status = 0

    async def send(self, message: Message) -> None:
        """Pass the response on, noting its status and adding the request's id."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message["headers"], (b"x-request-id", self._request_id)]
        await self._send(message)


class Edge:
    """The middleware; one instance per application."""

    def __init__(
        self, app: ASGIApp, *, settings: KitSettings, metrics: Metrics, express: Express
    ) -> None:
        self._app = app
        self._express = express
        self._timeout_seconds = settings.request_timeout_seconds
        self._max_body_bytes = settings.max_body_bytes
        self._max_in_flight = settings.max_in_flight
        self._metrics = metrics
        self._in_flight = 0
        metrics.in_flight.set_function(lambda: self._in_flight)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection event; everything but HTTP passes through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        headers = scope["headers"]
        trace = continue_trace(_header(headers, b"traceparent"), _header(headers, b"x-request-id"))
        exchange = Exchange(send, trace)
        self._in_flight += 1
        try:
            await self._answer(scope, receive, exchange)
        except ClientGoneError:
            log.debug("client left", path=scope["path"])
        finally:
            self._in_flight -= 1
            self._account(scope, exchange, time.perf_counter() - began)

    async def _answer(self, scope: Scope, receive: Receive, exchange: Exchange) -> None:
        problem: CafeError | None = None
        try:
            self._admit()
            async with asyncio.timeout(self._timeout_seconds):
                body = await self._read_body(scope, receive)
                if not await self._handle_express(scope, body, exchange):
                    await self._app(scope, _replay(body, receive), exchange.send)
        except ClientGoneError:
            raise
        except TimeoutError:
            problem = TimedOutError(
                f"No answer within {self._timeout_seconds:g} s; the outcome is unknown.",
                remedy="Retry with the same Idempotency-Key, or read the state first.",
            )
        except CafeError as error:
            problem = error
        except Exception:  # the last line of defence: logged whole, answered without details
            log.exception("request failed", path=scope["path"], method=scope["method"])
            problem = CafeError("An unexpected error; it is in our logs under this request's id.")
        if problem is not None and not exchange.status:
            await _send_response(render(problem, scope["path"]), scope, exchange)

    async def _handle_express(self, scope: Scope, body: bytes | None, exchange: Exchange) -> bool:
        handle = self._express.get((scope["method"], scope["path"]))
        return handle is not None and await handle(scope, body or b"", exchange.send)

    def _admit(self) -> None:
        if self._in_flight > self._max_in_flight:
            self._metrics.shed.inc()
            raise UnavailableError(
                f"More than {self._max_in_flight} requests are being handled.", slug="overloaded"
            )

    async def _read_body(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole body, or None when there is none; never more than the limit."""
        headers = scope["headers"]
        announced = _header(headers, b"content-length")
        if not announced and not _header(headers, b"transfer-encoding"):
            return None
        if announced.isdigit() and int(announced) > self._max_body_bytes:
            raise self._too_large()
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            part: bytes = message.get("body", b"")
            body += part
            if len(body) > self._max_body_bytes:
                raise self._too_large()
            if not message.get("more_body", False):
                return body

    def _too_large(self) -> PayloadTooLargeError:
        return PayloadTooLargeError(
            f"The body is larger than {self._max_body_bytes} bytes.",
            remedy="Send less in one request.",
        )

    def _account(self, scope: Scope, exchange: Exchange, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        if (scope["method"], scope["path"]) in self._express:
            route = scope["path"]
        self._metrics.observe(scope["method"], route, exchange.status, seconds)
        if exchange.status < CLIENT_ERROR and not _root.isEnabledFor(logging.DEBUG):
            return  # before structlog gathers what nobody will read
        level = log.debug if exchange.status < CLIENT_ERROR else log.info
        if exchange.status >= SERVER_ERROR:
            level = log.warning
        level(
            "request",
            method=scope["method"],
            path=scope["path"],
            status=exchange.status,
            ms=round(seconds * 1000, 1),
        )


def _header(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> str:
    for key, value in headers:
        if key == name:
            return value.decode("latin-1")
    return ""


def _replay(body: bytes | None, receive: Receive) -> Receive:
    """A `receive` that hands out the buffered body once, then the connection's own events."""
    if body is None:
        return receive
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return pending.pop() if pending else await receive()

    return replayed


async def _send_response(response: Response, scope: Scope, exchange: Exchange) -> None:
    async def nothing() -> Message:
        return {"type": "http.disconnect"}

    await response(scope, nothing, exchange.send)
