"""The gateway's own paths: probes, metrics and a look inside. None of them is signed.

Kubernetes, Prometheus, humans and tests call them; an S3 bucket of the same name stays reachable,
since requests to it carry a signature.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from localaws.messages import Reply

if TYPE_CHECKING:
    from localaws.embedded import EmbeddedAws
    from localaws.settings import Settings

PATHS = frozenset({"/livez", "/readyz", "/metrics", "/_localaws/state", "/_localaws/reset"})
JSON = ((b"content-type", b"application/json"),)


class Own:
    """Answers the paths that are not AWS's."""

    def __init__(self, aws: EmbeddedAws, settings: Settings) -> None:
        self._aws = aws
        self._settings = settings

    def takes(self, path: str, headers: dict[str, str]) -> bool:
        """Whether the request is meant for us."""
        return path in PATHS and "authorization" not in headers

    async def answer(self, method: str, path: str) -> Reply:
        """Answer one of `PATHS`."""
        if path == "/livez":
            return _json(200, {"status": "alive"})
        if path == "/readyz":
            ready = self._aws.ready
            return _json(200 if ready else 503, {"status": "ready" if ready else "starting"})
        if path == "/metrics":
            body = generate_latest(self._aws.world.registry)
            return Reply(200, body, ((b"content-type", CONTENT_TYPE_LATEST.encode()),))
        if path == "/_localaws/state":
            return _json(200, self._state())
        return await self._reset(method)

    def _state(self) -> dict[str, object]:
        return {
            "ready": self._aws.ready,
            "region": self._settings.region,
            "motoUsed": self._aws.moto.used,
            "consequences": {
                name: consequence.state() for name, consequence in self._aws.consequences.items()
            },
        }

    async def _reset(self, method: str) -> Reply:
        if not self._settings.allow_reset:
            return _json(403, {"error": "set LOCALAWS_ALLOW_RESET=true to allow it (tests only)"})
        if method != "POST":
            return _json(405, {"error": "use POST"})
        await self._aws.reset()
        return _json(200, {"status": "reset"})


def _json(status: int, document: object) -> Reply:
    return Reply(status, json.dumps(document).encode(), JSON)
