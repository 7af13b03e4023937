"""HTTP as a table of routes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from cloudcafe_operator.ports import HttpAnswer, Json

from tests.fakes.recorder import Call, Recorder

Route = Callable[[str, str, Any, Mapping[str, str]], tuple[int, Any]]
REFUSED = HttpAnswer(status=0, elapsed_ms=1.0, error="connection refused")


class FakeHttp:
    """Implements ports.Http: hosts (`order:8080`) answer by functions; all others refuse.

    A route takes method, path (with its query), body and headers and returns a status and a JSON
    value.
    """

    def __init__(self, recorder: Recorder | None = None) -> None:
        self.recorder = recorder or Recorder()
        self._hosts: dict[str, Route] = {}
        self.elapsed_ms = 3.0

    def mount(self, host: str, route: Route) -> None:
        """Let a host answer."""
        self._hosts[host] = route

    def unmount(self, host: str) -> None:
        """Let a host refuse connections."""
        self._hosts.pop(host, None)

    async def request(
        self,
        method: str,
        url: str,
        *,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = 2.0,
    ) -> HttpAnswer:
        """Answer from the host's route; all methods but GET are recorded as writes."""
        await asyncio.sleep(0)
        request = Call("http", method, url, body)
        if method == "GET":
            self.recorder.read(request)
            return self._answer(method, url, body, headers or {})
        self.recorder.before(request)
        answer = self._answer(method, url, body, headers or {})
        self.recorder.after(request)
        return answer

    def _answer(
        self, method: str, url: str, body: Json | None, headers: Mapping[str, str]
    ) -> HttpAnswer:
        parts = urlsplit(url)
        route = self._hosts.get(parts.netloc)
        if route is None:
            return REFUSED
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        status, value = route(method, path, body, headers)
        content = b"" if value is None else json.dumps(value).encode()
        return HttpAnswer(status=status, elapsed_ms=self.elapsed_ms, body=content)
