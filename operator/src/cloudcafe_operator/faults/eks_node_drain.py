"""eksNodeDrain: take a node out of service as an upgrade of the node group does.

The node is cordoned and its pods are evicted through the Eviction API, so disruption budgets hold.
Undo uncordons it, where we cordoned it. Pods stay where a drain would leave them too (DaemonSets,
static pods), and where their owner said no: their namespace did not opt in, or they carry
cloudcafe.dev/chaos=forbidden.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from cloudcafe_operator.errors import Conflict, Retry, UserError
from cloudcafe_operator.faults.budgets import exhausted
from cloudcafe_operator.faults.contract import Entry, Fault, FaultSpec, Undone, World
from cloudcafe_operator.faults.pods import (
    NAME,
    OPERATOR,
    RBAC_OF_WORKLOADS,
    Text,
    has_opted_in,
    is_whole,
    operators_nodes,
    pod_capacity,
    pod_id,
    ready_pods,
    zone_of,
)
from cloudcafe_operator.kinds import NODES, PODS
from cloudcafe_operator.planning.pods import is_running, workload
from cloudcafe_operator.planning.shares import Capacity
from cloudcafe_operator.ports import Json, Manifest, Ref
from cloudcafe_operator.resources.common import Model, Rule
from cloudcafe_operator.resources.run import Target

OPT_IN = "cloudcafe.dev/chaos"
MARK = "cloudcafe.dev/cordoned-by"  # annotation: the run's uid
GROUP = "the nodes"
STAY = ("DaemonSet", "Node")


class NodeSelector(Model):
    """Which nodes: all that is given must hold."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.labels) && size(self.labels) > 0 || has(self.names) && size(self.names) > 0",
            "an empty selector would match every node: give labels or names",
        ),
    )
    labels: dict[str, Text] = Field(
        default_factory=dict,
        max_length=20,
        description="Labels that the nodes carry. The operator's own node is no candidate then.",
    )
    names: tuple[Text, ...] = Field(
        default=(), max_length=100, description="Names of nodes; empty: any."
    )


class EksNodeDrainSpec(FaultSpec):
    """Cordons nodes and evicts their pods; uncordons them afterwards."""

    selector: NodeSelector = Field(description="Which nodes.")


class EksNodeDrain(Fault[EksNodeDrainSpec]):
    """See the module's docstring."""

    name = "eksNodeDrain"
    summary = "Cordons a node and evicts its pods as their disruption budgets allow."
    spec_type = EksNodeDrainSpec
    propagation_s = 0.0  # Kubernetes shows what was written
    rbac = (
        *RBAC_OF_WORKLOADS,
        "list nodes",
        "get nodes",
        "patch nodes",
        "list pods",
        "get namespaces",
        "list policy/poddisruptionbudgets",
        "create pods/eviction",
    )

    async def select(self, spec: EksNodeDrainSpec, world: World) -> Sequence[Target]:
        """Return the ready nodes that match."""
        nodes = [node for node in await world.kubernetes.list(NODES) if _takes_pods(node)]
        ours = await operators_nodes(world)
        hit = [node for node in nodes if _matches(spec.selector, node)]
        named = spec.selector.names
        return [
            _target(node, len(nodes), carries_us=_name(node) in ours)
            for node in hit
            if named or _name(node) not in ours
        ]

    async def capacity(
        self, spec: EksNodeDrainSpec, targets: Sequence[Target], world: World
    ) -> Capacity:
        """Return the pods that would have to go, among all of their namespaces."""
        going = [pod for target in targets for pod in await _to_evict(target, world)]
        namespaces = {pod["metadata"]["namespace"] for pod in going}
        return await pod_capacity(namespaces, [pod_id(pod) for pod in going], world)

    async def capture(self, spec: EksNodeDrainSpec, target: Target, world: World) -> Json:
        """Note what has to come back; refuse a drain that could not end."""
        node = await _read(target, world)
        if node is None:
            raise UserError(f"{target.id} is gone or was replaced meanwhile: apply it again")
        if target.group_size < 2:  # noqa: PLR2004 - somewhere else to go
            raise UserError(f"{target.id} is the only node that takes pods: add one, then drain it")
        pods = await _to_evict(target, world)
        alone = [f"{_where(pod)}" for pod in pods if not workload(pod)]
        if alone:
            raise UserError(
                f"nobody would replace {', '.join(alone)} of {target.id}: move it first"
            )
        if blocked := await exhausted(pods, world):
            raise UserError(f"{target.id} cannot be drained: {blocked}")
        ready = [
            {"namespace": namespace, "workload": whose, "ready": len(there)}
            for namespace, whose in sorted({_whose(pod) for pod in pods})
            if (there := await ready_pods(whose, _in(target, namespace), world))
        ]
        return {"cordoned": _is_cordoned(node), "pods": len(pods), "ready": ready}

    async def inject(self, spec: EksNodeDrainSpec, entry: Entry, world: World) -> Json:
        """Cordon in the run's name, then evict what is still there."""
        node = await _read(entry.target, world)
        if node is None:
            raise UserError(f"{entry.target.id} is gone or was replaced meanwhile")
        if not entry.captured["cordoned"] and _mark(node) != entry.run_uid:
            await _patch(entry, node, world, cordoned=True, mark=entry.run_uid)
        blocked = 0
        for pod in await _to_evict(entry.target, world):
            meta = pod["metadata"]
            try:
                ref = Ref(PODS, meta["name"], meta["namespace"])
                await world.kubernetes.evict(ref, uid=meta["uid"])
            except (Retry, Conflict):  # a budget wants others to be back first
                blocked += 1
        if blocked:
            raise Retry(f"{blocked} pods of {entry.target.id} wait for their budgets", after=1.0)
        return {"cordoned": not entry.captured["cordoned"]}

    def calls(self, spec: EksNodeDrainSpec, target: Target) -> Sequence[str]:
        """Name the calls."""
        return (
            f"patch {target.id}: unschedulable",
            f"create pods/eviction for each pod of {target.id} whose namespace opted in",
            f"patch {target.id}: schedulable",
        )

    async def in_force(self, spec: EksNodeDrainSpec, entry: Entry, world: World) -> bool:
        """It takes no pods, and those that had to go are gone."""
        node = await _read(entry.target, world)
        if node is None:
            return True
        return _is_cordoned(node) and not await _to_evict(entry.target, world)

    async def healthy(self, entry: Entry, world: World) -> bool:
        """Every workload has as many ready pods as before."""
        for one in entry.captured["ready"]:
            place = _in(entry.target, one["namespace"])
            if not await is_whole(one["workload"], one["ready"], place, world):
                return False
        return True

    async def revert(self, entry: Entry, world: World) -> Undone:
        """Uncordon what we cordoned; who was cordoned before stays so."""
        node = await _read(entry.target, world)
        if node is None:
            return Undone("Reverted", "the node is gone")
        if _mark(node) != entry.run_uid:
            return Undone("Reverted", "it was not cordoned by this run")
        if not _is_cordoned(node):
            await _patch(entry, node, world, cordoned=False, mark=None)
            return Undone("Reverted", "somebody had uncordoned it already")
        await _patch(entry, node, world, cordoned=False, mark=None)
        return Undone("Reverted")

    async def verify(self, entry: Entry, world: World) -> bool:
        """Our mark is gone from the node."""
        node = await _read(entry.target, world)
        return node is None or _mark(node) != entry.run_uid

    def by_hand(self, entry: Entry) -> str:
        """Uncordon."""
        name = entry.target.name
        return f"kubectl uncordon {name} && kubectl annotate node {name} {MARK}-"


async def _read(target: Target, world: World) -> Manifest | None:
    node = await world.kubernetes.get(Ref(NODES, target.name))
    return node if node and node["metadata"]["uid"] == target.uid else None


async def _patch(
    entry: Entry, node: Manifest, world: World, *, cordoned: bool, mark: str | None
) -> None:
    """Write both at once, or neither, and only on what was read."""
    await world.kubernetes.patch(
        Ref(NODES, entry.target.name),
        {
            "metadata": {"annotations": {MARK: mark}},
            "spec": {"unschedulable": True if cordoned else None},
        },
        resource_version=node["metadata"]["resourceVersion"],
    )


async def _to_evict(target: Target, world: World) -> list[Manifest]:
    """Return the running pods of a node that a drain moves and whose owners agreed."""
    pods = await world.kubernetes.list(PODS, fields=f"spec.nodeName={target.name}")
    moving = [pod for pod in pods if is_running(pod) and not _stays(pod)]
    namespaces = sorted({pod["metadata"]["namespace"] for pod in moving})
    agreed = {name for name in namespaces if await has_opted_in(name, world)}
    return [pod for pod in moving if pod["metadata"]["namespace"] in agreed]


def _stays(pod: Manifest) -> bool:
    meta = pod["metadata"]
    labels: Mapping[str, str] = meta.get("labels") or {}
    kinds = {
        owner["kind"] for owner in meta.get("ownerReferences") or () if owner.get("controller")
    }
    return (
        bool(kinds & set(STAY)) or labels.get(OPT_IN) == "forbidden" or labels.get(NAME) == OPERATOR
    )


def _takes_pods(node: Manifest) -> bool:
    """Ready, and for everybody: not a control plane's, not tainted away."""
    taints: Sequence[dict[str, Any]] = (node.get("spec") or {}).get("taints") or ()
    closed = any(
        one["effect"] in ("NoSchedule", "NoExecute") and one["key"] != _CORDON for one in taints
    )
    conditions = (node.get("status") or {}).get("conditions") or ()
    ready = Counter(one["status"] for one in conditions if one["type"] == "Ready")
    return ready["True"] > 0 and not closed


_CORDON = "node.kubernetes.io/unschedulable"  # the taint that comes with a cordon


def _matches(selector: NodeSelector, node: Manifest) -> bool:
    labels = node["metadata"].get("labels") or {}
    named = not selector.names or _name(node) in selector.names
    return named and all(labels.get(key) == value for key, value in selector.labels.items())


def _target(node: Manifest, nodes: int, *, carries_us: bool) -> Target:
    meta = node["metadata"]
    return Target(
        id=f"Node/{meta['name']}",
        name=meta["name"],
        uid=meta["uid"],
        opted_in=(meta.get("labels") or {}).get(OPT_IN) == "allowed",
        protected="carries the operator" if carries_us else "",
        group=GROUP,
        zone=zone_of(node),
        group_size=nodes,
        everywhere=True,
    )


def _in(target: Target, namespace: str) -> Target:
    return target.model_copy(update={"namespace": namespace})


def _whose(pod: Manifest) -> tuple[str, str]:
    return pod["metadata"]["namespace"], workload(pod)


def _where(pod: Manifest) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def _name(node: Manifest) -> str:
    return str(node["metadata"]["name"])


def _mark(node: Manifest) -> str:
    return str((node["metadata"].get("annotations") or {}).get(MARK, ""))


def _is_cordoned(node: Manifest) -> bool:
    return bool((node.get("spec") or {}).get("unschedulable"))
