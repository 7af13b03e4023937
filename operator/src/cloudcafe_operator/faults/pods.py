"""How faults find pods. Not a fault: shared by those whose targets are pods."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, ClassVar

from pydantic import Field

from cloudcafe_operator.faults.contract import World
from cloudcafe_operator.kinds import (
    DAEMON_SETS,
    DEPLOYMENTS,
    NAMESPACES,
    NODES,
    PODS,
    REPLICA_SETS,
    STATEFUL_SETS,
)
from cloudcafe_operator.planning.pods import PodSeen
from cloudcafe_operator.planning.shares import Capacity, Member
from cloudcafe_operator.ports import Manifest, Ref
from cloudcafe_operator.resources.common import Model, Rule
from cloudcafe_operator.resources.run import Target

Text = Annotated[str, Field(max_length=253)]
OPT_IN = "cloudcafe.dev/chaos"  # on a namespace: allowed; on a pod: forbidden
OPERATOR = "cloudcafe-operator"
NAME = "app.kubernetes.io/name"
ZONE = "topology.kubernetes.io/zone"
RBAC = ("list pods", "get pods", "get namespaces", "list nodes")
WORKLOADS = {one.kind: one for one in (DEPLOYMENTS, STATEFUL_SETS, REPLICA_SETS, DAEMON_SETS)}
RBAC_OF_WORKLOADS = tuple(f"get apps/{one.plural}" for one in WORKLOADS.values())


class PodSelector(Model):
    """Which pods: all that is given must hold. Only running pods are hit."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.labels) && size(self.labels) > 0 || has(self.names) && size(self.names) > 0",
            "an empty selector would match every pod: give labels or names",
        ),
    )
    namespace: str = Field(
        default="",
        max_length=63,
        description="Where; empty: the experiment's namespace. Elsewhere the author needs the "
        "verb inject on faults.cloudcafe.dev there.",
    )
    labels: dict[str, Text] = Field(
        default_factory=dict, max_length=20, description="Labels that the pods carry."
    )
    names: tuple[Text, ...] = Field(
        default=(), max_length=100, description="Names of pods; empty: any."
    )
    fields: dict[str, Text] = Field(
        default_factory=dict, max_length=10, description="Field selectors, as kubectl has them."
    )
    node: str = Field(default="", max_length=253, description="Only pods on this node.")


async def select_pods(selector: PodSelector, world: World) -> list[Target]:
    """Return the running pods that match, with the workload they belong to as their group."""
    namespace = selector.namespace or world.namespace
    seen = await world.lists.pods(namespace)
    hit = [pod for pod in seen.pods if pod.running and _matches(pod, selector)]
    if hit and (selector.fields or selector.node):
        among = await _with_fields(selector, namespace, world)
        hit = [pod for pod in hit if pod.uid in among]
    if not hit:
        return []
    opted_in = await has_opted_in(namespace, world)
    return [_target(pod, seen.sizes, opted_in=opted_in) for pod in hit]


def _matches(pod: PodSeen, selector: PodSelector) -> bool:
    if selector.names and pod.name not in selector.names:
        return False
    return all(pod.labels.get(key) == value for key, value in selector.labels.items())


async def _with_fields(selector: PodSelector, namespace: str, world: World) -> set[str]:
    """Return the uids of the pods that only the API server can tell."""
    fields = dict(selector.fields) | ({"spec.nodeName": selector.node} if selector.node else {})
    found = await world.kubernetes.list_metadata(
        PODS,
        namespace=namespace,
        fields=",".join(f"{key}={value}" for key, value in fields.items()),
    )
    return {pod["metadata"]["uid"] for pod in found}


async def pod_capacity(
    namespaces: Collection[str], lost: Collection[str], world: World
) -> Capacity:
    """Return the running pods of namespaces as members of their services, and who is lost."""
    nodes = await world.kubernetes.list_metadata(NODES)
    zones = {node["metadata"]["name"]: zone_of(node) for node in nodes}
    members = [
        Member(f"Pod/{pod.namespace}/{pod.name}", _service(pod), zones.get(pod.node, ""))
        for namespace in sorted(namespaces)
        for pod in (await world.lists.pods(namespace)).pods
        if pod.running
    ]
    return Capacity(frozenset(members), frozenset(lost))


async def capacity_of_pods(targets: Sequence[Target], world: World) -> Capacity:
    """Return the capacity that goes with chosen pods."""
    namespaces = {target.namespace for target in targets if target.namespace}
    return await pod_capacity(namespaces, [target.id for target in targets], world)


def pod_id(pod: Manifest) -> str:
    """Return a pod's id as a target."""
    return f"Pod/{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def _service(pod: PodSeen) -> str:
    """Return `shop/order`, what its customers call, by the label everybody sets; or nothing."""
    name = pod.labels.get(NAME)
    return f"{pod.namespace}/{name}" if name else ""


def zone_of(node: Manifest) -> str:
    """Return a node's Availability Zone, where it says one."""
    return str((node["metadata"].get("labels") or {}).get(ZONE, ""))


async def read_pod(target: Target, world: World) -> Manifest | None:
    """Return the very pod that was selected; None where it is gone or replaced."""
    pod = await world.kubernetes.get(Ref(PODS, target.name, target.namespace))
    return pod if pod and pod["metadata"]["uid"] == target.uid else None


async def operators_nodes(world: World) -> set[str]:
    """Return the names of the nodes that carry an operator: whoever undoes must not be broken."""
    pods = await world.kubernetes.list(PODS, labels=f"{NAME}={OPERATOR}")
    return {pod.get("spec", {}).get("nodeName", "") for pod in pods}


async def is_whole(
    whose: str, before: int, target: Target, world: World, *, without: str = ""
) -> bool:
    """Whether as many of a workload's pods are ready as before, or as it wants meanwhile.

    Without the pod of that uid. Who scaled it in wants fewer; one that is gone is never whole.
    """
    ready = len(await ready_pods(whose, target, world) - {without})
    if ready >= before:
        return True
    wanted = await _wanted(whose, target.namespace or world.namespace, world)
    return wanted is not None and ready >= wanted


async def _wanted(whose: str, namespace: str, world: World) -> int | None:
    """Return how many pods a workload is to have now; None: it does not say."""
    kind, _, name = whose.partition(" ")
    if kind not in WORKLOADS:
        return None
    found = await world.kubernetes.get(Ref(WORKLOADS[kind], name, namespace))
    if found is None:
        return None
    if kind == "DaemonSet":
        return (found.get("status") or {}).get("desiredNumberScheduled")
    return int((found.get("spec") or {}).get("replicas", 1))


async def ready_pods(whose: str, target: Target, world: World) -> frozenset[str]:
    """Return the uids of the ready pods of a workload in the target's namespace."""
    seen = await world.lists.pods(target.namespace or world.namespace)
    return seen.ready.get(whose, frozenset())


def _target(pod: PodSeen, sizes: Mapping[str, int], *, opted_in: bool) -> Target:
    return Target(
        id=f"Pod/{pod.namespace}/{pod.name}",
        name=pod.name,
        namespace=pod.namespace,
        uid=pod.uid,
        opted_in=opted_in,
        protected=_protected(pod.labels),
        group=pod.workload,
        group_size=sizes[pod.workload] if pod.workload else 1,
    )


def _protected(labels: Mapping[str, str]) -> str:
    if labels.get(NAME) == OPERATOR:
        return "is the operator itself"
    return f"carries {OPT_IN}=forbidden" if labels.get(OPT_IN) == "forbidden" else ""


async def has_opted_in(namespace: str, world: World) -> bool:
    """Whether the namespace's owner agreed to chaos."""
    found = await world.kubernetes.get(Ref(NAMESPACES, namespace)) or {"metadata": {}}
    return (found["metadata"].get("labels") or {}).get(OPT_IN) == "allowed"
