"""Ports whose writes begin only while this operator's Lease is surely its own. Made by `main.py`.

A process that was frozen longer than its Lease must not wake up and write: by then another one
leads, and may have deleted the very store whose queue would be made. Kubernetes itself refuses
the stale leader's writes by their resourceVersion; AWS and the services have nothing of the kind.
What began before the Lease ran out may end after it: `cafectl orphans` finds what that leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from cloudcafe_operator.planning.store_history import changes_something
from cloudcafe_operator.ports import Aws, Http, HttpAnswer, Json


class Leader(Protocol):
    """Implemented by `lease.Leadership`."""

    def confirm(self) -> None:
        """Raise Retry where it is not sure that we still lead."""


@dataclass(frozen=True, slots=True)
class LeaderAws:
    """Implements ports.Aws."""

    inner: Aws
    leader: Leader

    async def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Read, or change something while we lead."""
        if changes_something(operation):
            self.leader.confirm()
        return await self.inner.call(service, operation, **parameters)

    async def pages(
        self, service: str, operation: str, result_key: str, **parameters: Any
    ) -> list[Any]:
        """Read."""
        return await self.inner.pages(service, operation, result_key, **parameters)


@dataclass(frozen=True, slots=True)
class LeaderHttp:
    """Implements ports.Http."""

    inner: Http
    leader: Leader

    async def request(
        self,
        method: str,
        url: str,
        *,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = 2.0,
    ) -> HttpAnswer:
        """Read, or change something while we lead."""
        if method != "GET":
            self.leader.confirm()
        return await self.inner.request(
            method, url, body=body, headers=headers, timeout_seconds=timeout_seconds
        )
