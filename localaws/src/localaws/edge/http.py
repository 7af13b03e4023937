"""HTTP through the edge: the ALB, as an ASGI application. `edge.server` runs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx

from localaws.edge.routing import Answer, Asked, Forward

if TYPE_CHECKING:
    from localaws.emulators.ministack import Message, Receive, Send

Decide = Callable[[Asked], Answer | Forward]
Tell = Callable[[int, bool], None]
"""Told of each answer: its status, and whether it is the door's own."""
HOP_BY_HOP = frozenset(
    ["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "host"]
)
LONGEST_BODY = 1024 * 1024
TIMEOUT = httpx.Timeout(60.0, connect=5.0)  # an ALB's idle time
LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=64)


class Door:
    """Asks what to do with each request, and does it."""

    def __init__(self, decide: Decide, address_of: Callable[[str], str], tell: Tell) -> None:
        """`address_of` gives host and port of a service."""
        self._decide = decide
        self._tell = tell
        self._address_of = address_of
        self._http = httpx.AsyncClient(timeout=TIMEOUT, limits=LIMITS, trust_env=False)

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """ASGI's entry point; only HTTP comes here."""
        headers = [
            (name.decode("latin-1"), text.decode("latin-1")) for name, text in scope["headers"]
        ]
        host = next((text for name, text in headers if name == "host"), "")
        body = await _body(receive)
        if body is None:
            await self._answer(send, Answer(413, b"413 Payload Too Large"))
            return
        decision = self._decide(Asked(scope["method"], host.partition(":")[0], scope["path"]))
        if isinstance(decision, Answer):
            await self._answer(send, decision)
            return
        url = f"http://{self._address_of(decision.service)}{scope['raw_path'].decode('latin-1')}"
        if scope["query_string"]:
            url += "?" + scope["query_string"].decode("latin-1")
        passed = [(name, text) for name, text in headers if name not in HOP_BY_HOP]
        passed.append(("x-forwarded-for", (scope.get("client") or ("",))[0]))
        try:
            reply = await self._http.request(scope["method"], url, headers=passed, content=body)
        except httpx.TimeoutException:
            await self._answer(send, Answer(504, b"504 Gateway Time-out"))
        except httpx.HTTPError:
            await self._answer(send, Answer(502, b"502 Bad Gateway"))
        else:
            self._tell(reply.status_code, False)
            await _pass_back(send, reply)

    async def _answer(self, send: Send, answer: Answer) -> None:
        self._tell(answer.status, True)
        await _answer(send, answer)


async def _body(receive: Receive) -> bytes | None:
    """Return the body; None for one that is longer than any order."""
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if len(body) > LONGEST_BODY:
            return None
        if not message.get("more_body", False):
            return body


async def _answer(send: Send, answer: Answer) -> None:
    headers = [(b"content-type", answer.content_type.encode()), (b"server", b"awselb/2.0")]
    if answer.location:
        headers.append((b"location", answer.location.encode()))
    await _send(send, answer.status, headers, answer.body)


async def _pass_back(send: Send, reply: httpx.Response) -> None:
    """What httpx has unpacked goes on unpacked."""
    dropped = HOP_BY_HOP | {"content-encoding", "content-length"}
    headers = [(name.lower(), text) for name, text in reply.headers.raw]
    kept = [(name, text) for name, text in headers if name.decode("latin-1") not in dropped]
    await _send(send, reply.status_code, kept, reply.content)


async def _send(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
