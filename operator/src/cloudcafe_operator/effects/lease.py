"""Leader election over a Lease: at most one operator works at a time.

As client-go does it: a Lease counts as abandoned when it has not changed for its whole duration by
OUR clock, so clocks of two machines need not agree. `main.py` acquires, then holds while the
workers run; when holding fails they are stopped at once. Writes of a stale leader that are under
way fail on their resourceVersion.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import structlog

from cloudcafe_operator import metrics
from cloudcafe_operator.errors import AlreadyExists, Conflict, NotFound, OperatorError, Retry
from cloudcafe_operator.kinds import LEASES
from cloudcafe_operator.ports import Clock, Kubernetes, Manifest, Ref

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds: free after `duration`, given up after `deadline`, renewed every `retry`."""

    duration: float = 15.0
    deadline: float = 10.0
    retry: float = 2.0


class LeaseLost(OperatorError):
    """Somebody else leads, or the API server has not confirmed us in time: stop working."""

    reason = "LeaseLost"


class Leadership:
    """One candidate. Not reentrant: acquire, hold, release, in this order."""

    def __init__(
        self,
        kubernetes: Kubernetes,
        clock: Clock,
        *,
        ref: Ref,
        identity: str,
        timing: Timing | None = None,
    ) -> None:
        self._kubernetes = kubernetes
        self._clock = clock
        self._ref = ref
        self._identity = identity
        self._timing = timing or Timing()
        self._sure_until = float("-inf")
        self._seen: tuple[str, float] = ("", 0.0)  # the Lease's version, and when we first saw it

    async def acquire(self) -> None:
        """Wait until the Lease is ours."""
        while True:
            try:
                if await self.try_once():
                    metrics.leading.set(1)
                    log.info("leading", lease=str(self._ref), identity=self._identity)
                    return
            except OperatorError as error:
                log.warning("cannot read or take the lease", error=str(error))
            await asyncio.sleep(self._timing.retry)

    async def hold(self) -> None:
        """Renew until it fails for too long; raises LeaseLost."""
        try:
            await self._renew_until_lost()
        finally:
            metrics.leading.set(0)

    async def _renew_until_lost(self) -> None:
        renewed = self._clock.monotonic()
        trouble: Exception | None = None
        while (left := self._timing.deadline - (self._clock.monotonic() - renewed)) > 0:
            await asyncio.sleep(self._timing.retry)
            try:
                async with asyncio.timeout(left):
                    ours = await self.try_once()
            except (OperatorError, TimeoutError) as error:
                log.warning("lease not renewed", error=str(error))
                trouble = error
                continue
            if not ours:
                raise LeaseLost(f"{self._ref} is held by another operator")
            renewed = self._clock.monotonic()
        raise LeaseLost(f"{self._ref} was not renewed in time: {trouble}") from trouble

    def confirm(self) -> None:
        """Raise Retry where the Lease may be another's by now."""
        if self._clock.monotonic() >= self._sure_until:
            raise Retry(f"{self._ref} was not renewed in time: nothing is changed", after=1.0)

    async def release(self) -> None:
        """Give the Lease back, so that the next operator starts at once."""
        metrics.leading.set(0)
        self._sure_until = float("-inf")
        lease = await self._kubernetes.get(self._ref)
        if lease is None or lease["spec"].get("holderIdentity") != self._identity:
            return
        version = lease["metadata"]["resourceVersion"]
        empty = {"spec": {"holderIdentity": None, "leaseDurationSeconds": 1}}
        await self._kubernetes.patch(self._ref, empty, resource_version=version)

    async def try_once(self) -> bool:
        """Take or renew the Lease if it is free or ours; whether we hold it now."""
        asked = self._clock.monotonic()
        ours = await self._take()
        # nobody else takes it earlier than its duration after they saw what we wrote after this
        self._sure_until = asked + self._timing.duration if ours else float("-inf")
        return ours

    async def _take(self) -> bool:
        lease = await self._kubernetes.get(self._ref)
        try:
            if lease is None:
                await self._kubernetes.create(LEASES, self._lease())
                return True
            if not self._free(lease):
                return False
            await self._kubernetes.patch(
                self._ref,
                {"spec": self._spec(lease["spec"])},
                resource_version=lease["metadata"]["resourceVersion"],
            )
        except (Conflict, AlreadyExists, NotFound):  # another candidate was faster: look again
            return False
        return True

    def _free(self, lease: Manifest) -> bool:
        """Whether we hold it, nobody does, or its holder has been silent for its duration."""
        holder = lease["spec"].get("holderIdentity")
        if holder in (None, "", self._identity):
            return True
        version, now = lease["metadata"]["resourceVersion"], self._clock.monotonic()
        if self._seen[0] != version:
            self._seen = (version, now)
        return now - self._seen[1] >= self._timing.duration

    def _spec(self, old: dict[str, Any]) -> dict[str, Any]:
        now = self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        renewed: dict[str, Any] = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(self._timing.duration),
            "renewTime": now,
        }
        if old.get("holderIdentity") != self._identity:
            renewed["acquireTime"] = now
            renewed["leaseTransitions"] = old.get("leaseTransitions", 0) + 1
        return renewed

    def _lease(self) -> Manifest:
        return {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {"name": self._ref.name, "namespace": self._ref.namespace},
            "spec": self._spec({"leaseTransitions": -1}),
        }
