"""The services' admin ports as a table of functions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from cloudcafe_operator.errors import UserError
from cloudcafe_operator.ports import Json, Method

from tests.fakes.recorder import Call, Recorder

Answer = Callable[[str, str, str, Any], Json]


class FakeAdmin:
    """Implements ports.Admin: services answer by functions; all others are no services.

    A function takes method, path, the pod's address (empty: any of them) and the body, returns the
    answer's object and may raise an error of the operator's.
    """

    def __init__(self, recorder: Recorder | None = None) -> None:
        self.recorder = recorder or Recorder()
        self._services: dict[str, Answer] = {}

    def mount(self, service: str, answer: Answer) -> None:
        """Let a service answer."""
        self._services[service] = answer

    async def call(  # noqa: PLR0913 - the port's signature: one request in full
        self,
        service: str,
        method: Method,
        path: str,
        *,
        namespace: str,
        pod_ip: str = "",
        json: Json | None = None,
    ) -> Json:
        """Answer; all methods but GET are recorded as writes."""
        await asyncio.sleep(0)
        answer = self._services.get(service)
        if answer is None:
            raise UserError(f"{service} is no service of the cafe in namespace {namespace}")
        call = Call("admin", method, f"{service} {pod_ip or '*'}{path}", json)
        if method == "GET":
            self.recorder.read(call)
            return answer(method, path, pod_ip, json)
        self.recorder.before(call)
        answered = answer(method, path, pod_ip, json)
        self.recorder.after(call)
        return answered
