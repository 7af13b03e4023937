"""POST /orders without the framework: the one route whose cost per request matters.

Called by the edge before the application. What it understands it handles from the body's bytes to
the answer's; for anything unusual (a header missing or twice, another content type, a body that is
not quite right) it returns False, and the ordinary endpoint handles the request or says what is
wrong with it. So this route builds no problem documents and documents nothing.
"""

import re

from cafe_kit.auth import caller_of
from cafe_kit.idempotency import key_pattern
from cafe_kit.settings import KitSettings
from starlette.types import Scope, Send

from cafe_order.intake import decoded
from cafe_order.measuring import Places
from cafe_order.placing import Answer

METHOD, PATH = "POST", "/orders"

_KEY = re.compile(key_pattern().encode())
_BEARER = re.compile(rb"Bearer ([\x21-\x7e]+)")
_JSON = (b"content-type", b"application/json")
_REPLAYED = (b"idempotent-replayed", b"true")


class HotRoute:
    """Handles `POST /orders`; one instance per application."""

    def __init__(self, placing: Places, settings: KitSettings) -> None:
        self._placing = placing
        self._settings = settings

    async def __call__(self, scope: Scope, body: bytes, send: Send) -> bool:
        """Answer the request; False when it is for the ordinary way.

        Raises:
            CafeError: as `Placing.place`; the edge renders it.
        """
        pairs = scope["headers"]
        headers = dict(pairs)
        key = _KEY.fullmatch(headers.get(b"idempotency-key", b""))
        bearer = _BEARER.fullmatch(headers.get(b"authorization", b""))
        plain = headers.get(b"content-type") == b"application/json" and len(headers) == len(pairs)
        if key is None or bearer is None or not plain:
            return False
        asked = decoded(body)
        if asked is None:
            return False
        caller = caller_of(bearer[1], self._settings)
        await _send(await self._placing.place(asked, key[0].decode("ascii"), caller), send)
        return True


async def _send(answer: Answer, send: Send) -> None:
    headers = [(b"content-length", b"%d" % len(answer.body)), _JSON]
    if answer.replayed:
        headers.append(_REPLAYED)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
