"""Ports that let no write begin after a moment. Used by `execute.py` around an injection.

Another operator may take an injection over once our claim is old. A process that was frozen
between its claim and its write must not wake up and write then: it finds the fence closed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cloudcafe_operator.errors import Retry
from cloudcafe_operator.ports import (
    Admin,
    Aws,
    Clock,
    Json,
    Keep,
    Kubernetes,
    Manifest,
    Method,
    Ref,
    Resource,
    User,
)


@dataclass(frozen=True, slots=True)
class Fence:
    """Open until a moment of the monotonic clock."""

    clock: Clock
    closes_at: float

    def pass_through(self) -> None:
        """Raise Retry where it is closed."""
        if self.clock.monotonic() >= self.closes_at:
            raise Retry("the claim on this injection is too old: it is renewed first", after=0.1)


@dataclass(frozen=True, slots=True)
class FencedAws:
    """Implements ports.Aws; reads too wait behind the fence, since calls are not told apart."""

    inner: Aws
    fence: Fence

    async def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call while the fence is open."""
        self.fence.pass_through()
        return await self.inner.call(service, operation, **parameters)

    async def pages(
        self, service: str, operation: str, result_key: str, **parameters: Any
    ) -> list[Any]:
        """Read while the fence is open."""
        self.fence.pass_through()
        return await self.inner.pages(service, operation, result_key, **parameters)


@dataclass(frozen=True, slots=True)
class FencedAdmin:
    """Implements ports.Admin."""

    inner: Admin
    fence: Fence

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
        """Call while the fence is open."""
        self.fence.pass_through()
        return await self.inner.call(
            service, method, path, namespace=namespace, pod_ip=pod_ip, json=json
        )


@dataclass(frozen=True, slots=True)
class FencedKubernetes:
    """Implements ports.Kubernetes; reads always pass."""

    inner: Kubernetes
    fence: Fence

    async def get(self, ref: Ref) -> Manifest | None:
        """Read."""
        return await self.inner.get(ref)

    async def list(
        self,
        resource: Resource,
        *,
        namespace: str | None = None,
        labels: str | None = None,
        fields: str | None = None,
        keep: Keep | None = None,
    ) -> Sequence[Manifest]:
        """Read."""
        return await self.inner.list(
            resource, namespace=namespace, labels=labels, fields=fields, keep=keep
        )

    async def list_metadata(
        self,
        resource: Resource,
        *,
        namespace: str | None = None,
        labels: str | None = None,
        fields: str | None = None,
    ) -> Sequence[Manifest]:
        """Read."""
        return await self.inner.list_metadata(
            resource, namespace=namespace, labels=labels, fields=fields
        )

    async def evict(self, ref: Ref, *, uid: str) -> bool:
        """Evict while the fence is open."""
        self.fence.pass_through()
        return await self.inner.evict(ref, uid=uid)

    async def may(self, who: User, verb: str, what: Ref) -> bool:
        """Ask."""
        return await self.inner.may(who, verb, what)

    async def create(self, resource: Resource, manifest: Manifest) -> Manifest:
        """Create while the fence is open."""
        self.fence.pass_through()
        return await self.inner.create(resource, manifest)

    async def apply(self, resource: Resource, manifest: Manifest) -> Manifest:
        """Apply while the fence is open."""
        self.fence.pass_through()
        return await self.inner.apply(resource, manifest)

    async def patch(
        self, ref: Ref, patch: Json, *, resource_version: str | None = None
    ) -> Manifest:
        """Patch while the fence is open."""
        self.fence.pass_through()
        return await self.inner.patch(ref, patch, resource_version=resource_version)

    async def patch_status(
        self, ref: Ref, status: Json, *, resource_version: str | None = None
    ) -> Manifest:
        """Patch while the fence is open."""
        self.fence.pass_through()
        return await self.inner.patch_status(ref, status, resource_version=resource_version)

    async def delete(
        self, ref: Ref, *, uid: str | None = None, grace_seconds: int | None = None
    ) -> bool:
        """Delete while the fence is open."""
        self.fence.pass_through()
        return await self.inner.delete(ref, uid=uid, grace_seconds=grace_seconds)
