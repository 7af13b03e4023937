"""podKill: delete pods as a node failure would, and see whether their workload replaces them.

A killed pod does not come back: its workload makes another one. So there is nothing to restore,
and a pod that nobody would replace is refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from cloudcafe_operator.errors import Conflict, UserError
from cloudcafe_operator.faults.contract import Entry, Fault, FaultSpec, Undone, World
from cloudcafe_operator.faults.pods import (
    RBAC,
    RBAC_OF_WORKLOADS,
    PodSelector,
    capacity_of_pods,
    is_whole,
    read_pod,
    ready_pods,
    select_pods,
)
from cloudcafe_operator.kinds import PODS
from cloudcafe_operator.planning.pods import workload
from cloudcafe_operator.planning.shares import Capacity
from cloudcafe_operator.ports import Json, Ref
from cloudcafe_operator.resources.duration import Duration, seconds
from cloudcafe_operator.resources.run import Target


class PodKillSpec(FaultSpec):
    """Deletes pods; their workload has to replace them."""

    selector: PodSelector = Field(description="Which pods.")
    grace_period: Duration = Field(
        default="0s", description="Time to stop in good order; 0s kills at once."
    )


class PodKill(Fault[PodKillSpec]):
    """See the module's docstring."""

    name = "podKill"
    summary = "Deletes pods at once, as a node failure would; their workload replaces them."
    spec_type = PodKillSpec
    propagation_s = 0.0  # Kubernetes shows what was written
    apart = True
    momentary = True
    rbac = (*RBAC, *RBAC_OF_WORKLOADS, "delete pods")

    async def select(self, spec: PodKillSpec, world: World) -> Sequence[Target]:
        """Return the running pods that match."""
        return await select_pods(spec.selector, world)

    async def capacity(
        self, spec: PodKillSpec, targets: Sequence[Target], world: World
    ) -> Capacity:
        """Return the pods of the targets' services."""
        return await capacity_of_pods(targets, world)

    async def capture(self, spec: PodKillSpec, target: Target, world: World) -> Json:
        """Note whose pod it is."""
        pod = await read_pod(target, world)
        if pod is None:
            raise UserError(f"{target.id} is gone or was replaced meanwhile: apply it again")
        if not workload(pod):
            raise UserError(
                f"{target.id} has no workload that would replace it: narrow the selector to pods "
                "of a Deployment, StatefulSet or DaemonSet"
            )
        ready = len(await ready_pods(workload(pod), target, world))
        return {"uid": target.uid, "workload": workload(pod), "ready": ready}

    async def inject(self, spec: PodKillSpec, entry: Entry, world: World) -> Json:
        """Delete exactly the captured pod; one of the same name that came later is spared."""
        pod = await read_pod(entry.target, world)
        if pod is None or "deletionTimestamp" in pod["metadata"]:
            return {"already": True}
        try:
            gone = not await world.kubernetes.delete(
                Ref(PODS, entry.target.name, entry.target.namespace),
                uid=entry.captured["uid"],
                grace_seconds=int(seconds(spec.grace_period)),
            )
        except Conflict:  # replaced between the read and the delete: the captured one is gone
            gone = True
        return {"already": True} if gone else {}

    def calls(self, spec: PodKillSpec, target: Target) -> Sequence[str]:
        """Name the one call."""
        return (f"delete {target.id} with grace {spec.grace_period}",)

    async def in_force(self, spec: PodKillSpec, entry: Entry, world: World) -> bool:
        """The captured pod is gone or on its way."""
        pod = await read_pod(entry.target, world)
        return pod is None or "deletionTimestamp" in pod["metadata"]

    async def healthy(self, entry: Entry, world: World) -> bool:
        """As many pods of the workload are ready as before, without the killed one."""
        was = entry.captured
        return await is_whole(
            was["workload"], was["ready"], entry.target, world, without=was["uid"]
        )

    async def revert(self, entry: Entry, world: World) -> Undone:
        """Do nothing: the workload replaces what was killed."""
        return Undone("Reverted", f"{entry.captured['workload']} replaces it")

    async def verify(self, entry: Entry, world: World) -> bool:
        """A kill leaves nothing of ours behind; users' recovery is what the probes measure."""
        return True

    def by_hand(self, entry: Entry) -> str:
        """Show the workload."""
        kind, _, name = entry.captured["workload"].partition(" ")
        return f"kubectl -n {entry.target.namespace} rollout status {kind.lower()}/{name}"
