"""cpuStress: a service's busy hour, burnt on the CPU of its own pods through their admin ports.

Each service tells its own story with it (Morning Rush, …). What burns is a process of the pod's,
bounded in share and seconds: it ends by itself even where nobody is left to stop it.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from cloudcafe_operator.errors import UserError
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
from cloudcafe_operator.planning.pods import workload
from cloudcafe_operator.planning.shares import Capacity
from cloudcafe_operator.ports import Json, Method
from cloudcafe_operator.resources.run import Target

PATH = "/admin/stress"
LONGEST_S = 600
SERVICE = "app.kubernetes.io/name"


class CpuStressSpec(FaultSpec):
    """Burns CPU in pods of the cafe's services, at most ten minutes long."""

    selector: PodSelector = Field(description="Which pods; of the cafe's services only.")
    percent: int = Field(
        default=100, ge=1, le=100, description="Share of one CPU to burn in each pod."
    )


class CpuStress(Fault[CpuStressSpec]):
    """See the module's docstring."""

    name = "cpuStress"
    summary = "Burns CPU in pods of a service, as its busiest hour would; ends by itself."
    spec_type = CpuStressSpec
    propagation_s = 0.0  # Kubernetes shows what was written
    apart = True
    rbac = (*RBAC, *RBAC_OF_WORKLOADS)

    async def select(self, spec: CpuStressSpec, world: World) -> Sequence[Target]:
        """Return the running pods that match."""
        return await select_pods(spec.selector, world)

    async def capacity(
        self, spec: CpuStressSpec, targets: Sequence[Target], world: World
    ) -> Capacity:
        """Return the pods of the targets' services."""
        return await capacity_of_pods(targets, world)

    def ends_after(self, spec: CpuStressSpec) -> float:
        """The services burn for no longer than this."""
        return LONGEST_S

    async def capture(self, spec: CpuStressSpec, target: Target, world: World) -> Json:
        """Note where the pod is reached; refuse where it is stressed already."""
        pod = await read_pod(target, world)
        address = (pod or {}).get("status", {}).get("podIP")
        if pod is None or not address:
            raise UserError(f"{target.id} is gone or was replaced meanwhile: apply it again")
        captured = {
            "service": (pod["metadata"].get("labels") or {}).get(SERVICE, ""),
            "address": address,
            "workload": workload(pod),
            "ready": len(await ready_pods(workload(pod), target, world)),
        }
        burning = await _call(world, target, captured, "GET")
        if burning.get("active"):
            raise UserError(f"{target.id} is stressed already until {burning.get('until')}: wait")
        return captured

    async def inject(self, spec: CpuStressSpec, entry: Entry, world: World) -> Json:
        """Start it in the run's name, unless it burns."""
        if await read_pod(entry.target, world) is None:
            raise UserError(f"{entry.target.id} is gone or was replaced meanwhile")
        burning = await _call(world, entry.target, entry.captured, "GET")
        if not _is_ours(burning, entry):
            body = {"share": spec.percent / 100, "seconds": LONGEST_S, "owner": entry.run_uid}
            burning = await _call(world, entry.target, entry.captured, "POST", body=body)
        return {"story": burning.get("story", ""), "until": burning.get("until")}

    def calls(self, spec: CpuStressSpec, target: Target) -> Sequence[str]:
        """Name the calls to the admin port."""
        return (
            f"POST {PATH} of {target.id}: {spec.percent}% of one CPU, at most {LONGEST_S} s",
            f"DELETE {PATH} of {target.id}",
        )

    async def in_force(self, spec: CpuStressSpec, entry: Entry, world: World) -> bool:
        """The pod says that it burns for this run."""
        return _is_ours(await _call(world, entry.target, entry.captured, "GET"), entry)

    async def healthy(self, entry: Entry, world: World) -> bool:
        """As many pods of the workload are ready as before."""
        was = entry.captured
        return await is_whole(was["workload"], was["ready"], entry.target, world)

    async def revert(self, entry: Entry, world: World) -> Undone:
        """Stop what burns in the run's name; it died with a pod that is gone."""
        if await read_pod(entry.target, world) is None:
            return Undone("Reverted", "the pod is gone, and with it what burnt")
        burning = await _call(world, entry.target, entry.captured, "GET")
        if _is_ours(burning, entry):
            query = f"?owner={entry.run_uid}"
            await _call(world, entry.target, entry.captured, "DELETE", query=query)
        elif burning.get("active"):
            return Undone("Diverged", "somebody else's stress burns there now, and goes on")
        return Undone("Reverted")

    async def verify(self, entry: Entry, world: World) -> bool:
        """Nothing burns for this run any more."""
        if await read_pod(entry.target, world) is None:
            return True
        return not _is_ours(await _call(world, entry.target, entry.captured, "GET"), entry)

    def by_hand(self, entry: Entry) -> str:
        """Replace the pod: its stress dies with it, and the token need not be known."""
        return f"kubectl -n {entry.target.namespace} delete pod {entry.target.name}"


def _is_ours(burning: Json, entry: Entry) -> bool:
    return bool(burning.get("active")) and burning.get("owner") == entry.run_uid


async def _call(  # noqa: PLR0913 - one request in full
    world: World,
    target: Target,
    captured: Json,
    method: Method,
    *,
    query: str = "",
    body: Json | None = None,
) -> Json:
    """Call the stress of exactly this pod."""
    return await world.admin.call(
        captured["service"],
        method,
        f"{PATH}{query}",
        namespace=target.namespace or world.namespace,
        pod_ip=captured["address"],
        json=body,
    )
