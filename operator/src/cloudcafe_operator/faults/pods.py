"""How faults find pods. Not a fault: shared by those whose targets are pods."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from cloudcafe_operator.faults.contract import World
from cloudcafe_operator.kinds import NAMESPACES, NODES, PODS
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
    fields = dict(selector.fields) | ({"spec.nodeName": selector.node} if selector.node else {})
    labels = ",".join(f"{key}={value}" for key, value in selector.labels.items())
    pods = await world.kubernetes.list(
        PODS,
        namespace=namespace,
        labels=labels or None,
        fields=",".join(f"{key}={value}" for key, value in fields.items()) or None,
    )
    hit = [pod for pod in pods if is_running(pod) and _is_named(pod, selector.names)]
    if not hit:
        return []
    narrow = bool(selector.names or fields or labels)
    everyone = await world.kubernetes.list(PODS, namespace=namespace) if narrow else pods
    sizes = Counter(workload(pod) for pod in everyone if is_running(pod))
    opted_in = await has_opted_in(namespace, world)
    return [_target(pod, sizes, opted_in=opted_in) for pod in hit]


async def pod_capacity(
    namespaces: Collection[str], lost: Collection[str], world: World
) -> Capacity:
    """Return the running pods of namespaces as members of their services, and who is lost."""
    nodes = await world.kubernetes.list(NODES)
    zones = {node["metadata"]["name"]: zone_of(node) for node in nodes}
    members = [
        Member(pod_id(pod), service_of(pod), zones.get(pod["spec"].get("nodeName", ""), ""))
        for namespace in sorted(namespaces)
        for pod in await world.kubernetes.list(PODS, namespace=namespace)
        if is_running(pod)
    ]
    return Capacity(frozenset(members), frozenset(lost))


async def capacity_of_pods(targets: Sequence[Target], world: World) -> Capacity:
    """Return the capacity that goes with chosen pods."""
    namespaces = {target.namespace for target in targets if target.namespace}
    return await pod_capacity(namespaces, [target.id for target in targets], world)


def pod_id(pod: Manifest) -> str:
    """Return a pod's id as a target."""
    return f"Pod/{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def service_of(pod: Manifest) -> str:
    """Return `shop/order`, what its customers call, by the label everybody sets; or nothing."""
    name = (pod["metadata"].get("labels") or {}).get(NAME)
    return f"{pod['metadata']['namespace']}/{name}" if name else ""


def zone_of(node: Manifest) -> str:
    """Return a node's Availability Zone, where it says one."""
    return str((node["metadata"].get("labels") or {}).get(ZONE, ""))


async def read_pod(target: Target, world: World) -> Manifest | None:
    """Return the very pod that was selected; None where it is gone or replaced."""
    pod = await world.kubernetes.get(Ref(PODS, target.name, target.namespace))
    return pod if pod and pod["metadata"]["uid"] == target.uid else None


async def ready_pods(whose: str, target: Target, world: World) -> set[str]:
    """Return the uids of the ready pods of a workload in the target's namespace."""
    pods = await world.kubernetes.list(PODS, namespace=target.namespace)
    return {pod["metadata"]["uid"] for pod in pods if workload(pod) == whose and _is_ready(pod)}


def workload(pod: Manifest) -> str:
    """Return `Deployment order` for a pod; empty for one that nobody would replace."""
    owner = _controller(pod)
    if owner is None:
        return ""
    kind, name = owner["kind"], owner["name"]
    template = (pod["metadata"].get("labels") or {}).get("pod-template-hash", "")
    if kind == "ReplicaSet" and template and name.endswith(f"-{template}"):
        return f"Deployment {name.removesuffix(f'-{template}')}"
    return f"{kind} {name}"


def _controller(pod: Manifest) -> dict[str, Any] | None:
    owners: Sequence[dict[str, Any]] = pod["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), None)


def _target(pod: Manifest, sizes: Counter[str], *, opted_in: bool) -> Target:
    meta = pod["metadata"]
    group = workload(pod)
    return Target(
        id=pod_id(pod),
        name=meta["name"],
        namespace=meta["namespace"],
        uid=meta["uid"],
        opted_in=opted_in,
        protected=_protected(meta.get("labels") or {}),
        group=group,
        group_size=sizes[group] if group else 1,
    )


def _protected(labels: Mapping[str, str]) -> str:
    if labels.get(NAME) == OPERATOR:
        return "is the operator itself"
    return f"carries {OPT_IN}=forbidden" if labels.get(OPT_IN) == "forbidden" else ""


def is_running(pod: Manifest) -> bool:
    """Whether it runs and is not being stopped."""
    running = (pod.get("status") or {}).get("phase") == "Running"
    return running and "deletionTimestamp" not in pod["metadata"]


def _is_ready(pod: Manifest) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def _is_named(pod: Manifest, names: Sequence[str]) -> bool:
    return not names or pod["metadata"]["name"] in names


async def has_opted_in(namespace: str, world: World) -> bool:
    """Whether the namespace's owner agreed to chaos."""
    found = await world.kubernetes.get(Ref(NAMESPACES, namespace)) or {"metadata": {}}
    return (found["metadata"].get("labels") or {}).get(OPT_IN) == "allowed"
