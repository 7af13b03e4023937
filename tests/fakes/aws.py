"""AWS as a table of handlers: `aws.on("rds", "describe_db_clusters", function)`."""

from __future__ import annotations

import asyncio
import copy
import itertools
from collections.abc import Callable, Mapping
from typing import Any

from cloudcafe_operator.errors import Bug, OperatorError

from tests.fakes.recorder import Call, Recorder

Handler = Callable[..., Mapping[str, Any]]
READS = ("describe_", "get_", "list_", "batch_get_", "query", "scan", "receive_")


class FakeAws:
    """Implements ports.Aws. Handlers take the call's parameters and return AWS's answer.

    A handler raises the errors of `errors.py`. A call without a handler is a Bug, so that a test
    sees each call it did not foresee.
    """

    def __init__(self, recorder: Recorder | None = None) -> None:
        self.recorder = recorder or Recorder()
        self._handlers: dict[tuple[str, str], Handler] = {}
        self._requests = itertools.count(1)
        self._failures: dict[tuple[str, str], list[OperatorError]] = {}

    def on(self, service: str, operation: str, handler: Handler) -> None:
        """Answer an operation with a function."""
        self._handlers[service, operation] = handler

    def fail_next(self, service: str, operation: str, *errors: OperatorError) -> None:
        """Raise these errors at the next calls of an operation, one each, before its handler."""
        self._failures.setdefault((service, operation), []).extend(errors)

    def count(self, service: str, operation: str) -> int:
        """How often an operation was called."""
        verb = f"{service}.{operation}"
        return sum(call.verb == verb for call in self.recorder.calls)

    async def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Answer from the handler, recorded as a write unless the operation's name is a read's."""
        await asyncio.sleep(0)
        request = Call("aws", f"{service}.{operation}", _target(parameters), parameters)
        if operation.startswith(READS):
            self.recorder.read(request)
            return self._answer(service, operation, parameters)
        self.recorder.before(request)
        answer = self._answer(service, operation, parameters)
        answer["ResponseMetadata"] = {"RequestId": f"request-{next(self._requests)}"}
        self.recorder.after(request)
        return answer

    async def pages(
        self,
        service: str,
        operation: str,
        result_key: str,
        *,
        gap_s: float = 0.0,
        **parameters: Any,
    ) -> list[Any]:
        """Answer as one page, before which there is no gap."""
        answer = await self.call(service, operation, **parameters)
        return list(answer.get(result_key, []))

    def _answer(self, service: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        failures = self._failures.get((service, operation))
        if failures:
            raise failures.pop(0)
        handler = self._handlers.get((service, operation))
        if handler is None:
            raise Bug(f"no handler for {service}.{operation}")
        return copy.deepcopy(dict(handler(**copy.deepcopy(parameters))))


def _target(parameters: Mapping[str, Any]) -> str:
    for name, value in parameters.items():
        if isinstance(value, str) and name.endswith(("Identifier", "Name", "Url", "Arn", "Id")):
            return value
    return ""
