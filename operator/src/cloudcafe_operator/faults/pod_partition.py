"""podPartition: cut pods off the network by a label and a NetworkPolicy that denies it everything.

Policies only add up: a policy that allows traffic and still selects a labelled pod would keep it
connected, so capture refuses then and names it. Undo deletes the policy with the first pod, since a
run undoes all of them together, and takes each pod's label off, by which policies that allow know
it; a terminating namespace allows both, and nothing has to be created for it.

Each direction has a label of its own, so that policies which allow only the other one still do. A
run has a policy for each set of directions that it cuts.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from pydantic import Field

from cloudcafe_operator.errors import AlreadyExists, Conflict, NotFound, Retry, UserError
from cloudcafe_operator.faults.contract import Entry, Fault, FaultSpec, Undone, World
from cloudcafe_operator.faults.pods import (
    RBAC,
    PodSelector,
    capacity_of_pods,
    read_pod,
    select_pods,
)
from cloudcafe_operator.kinds import CHAOS_RUNS, NETWORK_POLICIES, PODS
from cloudcafe_operator.planning.shares import Capacity
from cloudcafe_operator.ports import Json, Manifest, Ref
from cloudcafe_operator.resources.run import Target

LABELS = {"Ingress": "cloudcafe.dev/partition-ingress", "Egress": "cloudcafe.dev/partition-egress"}
LABEL_OF_BEFORE = "cloudcafe.dev/partition"  # of both directions, in entries that name no labels
RUN = "cloudcafe.dev/run"  # on the policy: whose it is
Direction = Literal["Both", "Ingress", "Egress"]


class PodPartitionSpec(FaultSpec):
    """Cuts pods off the network."""

    selector: PodSelector = Field(description="Which pods.")
    direction: Direction = Field(default="Both", description="Which traffic is cut.")


class PodPartition(Fault[PodPartitionSpec]):
    """See the module's docstring."""

    name = "podPartition"
    summary = "Cuts pods off the network with a label and a NetworkPolicy that denies everything."
    spec_type = PodPartitionSpec
    propagation_s = 0.0  # Kubernetes shows what was written
    unproven = "nothing but a probe can tell whether this cluster's network enforces policies"
    apart = True
    rbac = (
        *RBAC,
        "patch pods",
        "list networking.k8s.io/networkpolicies",
        "create networking.k8s.io/networkpolicies",
        "delete networking.k8s.io/networkpolicies",
    )

    async def select(self, spec: PodPartitionSpec, world: World) -> Sequence[Target]:
        """Return the running pods that match."""
        return await select_pods(spec.selector, world)

    async def capacity(
        self, spec: PodPartitionSpec, targets: Sequence[Target], world: World
    ) -> Capacity:
        """Return the pods of the targets' services."""
        return await capacity_of_pods(targets, world)

    async def capture(self, spec: PodPartitionSpec, target: Target, world: World) -> Json:
        """Refuse where the cut would not cut."""
        pod = await read_pod(target, world)
        if pod is None:
            raise UserError(f"{target.id} is gone or was replaced meanwhile: apply it again")
        labels = pod["metadata"].get("labels") or {}
        for label in (*LABELS.values(), LABEL_OF_BEFORE):
            if label in labels:
                raise UserError(f"{target.id} is partitioned already by run {labels[label]}")
        types = _types(spec.direction)
        ours = {LABELS[kind]: "any" for kind in types}
        policies = await world.lists.fresh(NETWORK_POLICIES, namespace=target.namespace, whole=True)
        for policy in policies:
            if kind := _lets_through(policy, {**labels, **ours}, types):
                name = policy["metadata"]["name"]
                raise UserError(
                    f"NetworkPolicy {target.namespace}/{name} would still allow its traffic: add "
                    "to its podSelector matchExpressions "
                    f"{{key: {LABELS[kind]}, operator: DoesNotExist}}"
                )
        return {"policyTypes": list(types), "labels": sorted(ours)}

    async def inject(self, spec: PodPartitionSpec, entry: Entry, world: World) -> Json:
        """Make the policy, then label the pod; each only where it is not done yet."""
        ref, target = _policy_ref(entry), entry.target
        policies, labelled = await _seen(entry, world)
        if not policies:
            await world.acts.once(("create", ref), partial(_create_policy, entry, world))
        if labelled.get(target.uid, _Cut("")).wholly:
            return {"policy": ref.name}
        # the API server refuses it where the pod of this name is another by now
        label = {"uid": target.uid, "labels": _marks(entry)}
        try:
            pod = Ref(PODS, target.name, target.namespace)
            await world.kubernetes.patch(pod, {"metadata": label})
        except (NotFound, UserError):
            if await read_pod(target, world) is not None:
                raise
        return {"policy": ref.name}

    def calls(self, spec: PodPartitionSpec, target: Target) -> Sequence[str]:
        """Name policy and label."""
        return (
            f"create NetworkPolicy in {target.namespace} that denies {spec.direction}",
            f"patch {target.id} label {', '.join(LABELS[kind] for kind in _types(spec.direction))}",
        )

    async def in_force(self, spec: PodPartitionSpec, entry: Entry, world: World) -> bool:
        """Policy and labels are all there."""
        policies, labelled = await _seen(entry, world)
        return bool(policies) and labelled.get(entry.target.uid, _Cut("")).wholly

    async def revert(self, entry: Entry, world: World) -> Undone:
        """Take the policy away, which a run undoes for all its pods together, and the label off."""
        policies, labelled = await _seen(entry, world)
        for uid in policies:
            await world.acts.once(uid, partial(_delete_policy, entry, uid, world))
        if cut := labelled.get(entry.target.uid):
            await _unlabel(entry, cut.version, world)
        return Undone("Reverted")

    async def verify(self, entry: Entry, world: World) -> bool:
        """Neither label nor policy."""
        policies, labelled = await _seen(entry, world)
        return not policies and entry.target.uid not in labelled

    def by_hand(self, entry: Entry) -> str:
        """Take label and policy away."""
        where = f"kubectl -n {entry.target.namespace}"
        off = " ".join(f"{label}-" for label in _marks(entry))
        return (
            f"{where} label pod {entry.target.name} {off} ; "
            f"{where} delete networkpolicy {_policy_ref(entry).name}"
        )


async def _create_policy(entry: Entry, world: World) -> None:
    with contextlib.suppress(AlreadyExists):  # by the run's uid: another target made it
        await world.kubernetes.create(NETWORK_POLICIES, _policy(entry))


async def _delete_policy(entry: Entry, uid: str, world: World) -> None:
    await world.kubernetes.delete(_policy_ref(entry), uid=uid)


async def _unlabel(entry: Entry, version: str, world: World) -> None:
    """Remove our labels only, as they were seen: another run's stay."""
    try:
        await world.kubernetes.patch(
            Ref(PODS, entry.target.name, entry.target.namespace),
            {"metadata": {"labels": dict.fromkeys(_marks(entry))}},
            resource_version=version,
        )
    except NotFound:
        return  # the pod went meanwhile, and its label with it
    except Conflict as race:
        raise Retry(f"{entry.target.id} was changed meanwhile", after=0.2) from race


@dataclass(frozen=True, slots=True)
class _Cut:
    """A pod that bears a label of the entry, or all of them."""

    version: str
    wholly: bool = False


async def _seen(entry: Entry, world: World) -> tuple[list[str], Mapping[str, _Cut]]:
    """Return the uid of the entry's policy where there is one, and the entry's pods by uid.

    A few lists of what any run did serve all targets, and all runs of the namespace. A policy that
    is being deleted is still there.
    """
    where, marks = entry.target.namespace, _marks(entry)
    policies, *lists = await asyncio.gather(
        world.lists.fresh(NETWORK_POLICIES, namespace=where, labels=RUN),
        *(world.lists.fresh(PODS, namespace=where, labels=label) for label in marks),
    )
    ours = [one["metadata"] for one in policies]
    found: dict[str, _Cut] = {}
    for meta in (one["metadata"] for pods in lists for one in pods):
        bears = [meta["labels"].get(label) == value for label, value in marks.items()]
        if any(bears):
            found[meta["uid"]] = _Cut(meta["resourceVersion"], all(bears))
    return [meta["uid"] for meta in ours if meta["name"] == _policy_ref(entry).name], found


def _types(direction: Direction) -> tuple[str, ...]:
    return ("Ingress", "Egress") if direction == "Both" else (direction,)


def _marks(entry: Entry) -> dict[str, str]:
    """Return the labels of a pod that is cut."""
    return dict.fromkeys(entry.captured.get("labels", [LABEL_OF_BEFORE]), entry.run_uid)


def _policy_ref(entry: Entry) -> Ref:
    types = entry.captured["policyTypes"] if "labels" in entry.captured else ()
    name = "-".join(("cloudcafe-partition", *(kind.lower() for kind in types), entry.run_uid))
    return Ref(NETWORK_POLICIES, name, entry.target.namespace)


def _policy(entry: Entry) -> Manifest:
    """Return the entry's policy: no rules, so nothing is allowed. The run owns it where it may."""
    ref = _policy_ref(entry)
    meta: dict[str, Any] = {
        "name": ref.name,
        "namespace": ref.namespace,
        "labels": {RUN: entry.run_uid},
    }
    if entry.run_namespace == ref.namespace:
        meta["ownerReferences"] = [
            {
                "apiVersion": CHAOS_RUNS.api_version,
                "kind": CHAOS_RUNS.kind,
                "name": entry.run_name,
                "uid": entry.run_uid,
            }
        ]
    return {
        "apiVersion": NETWORK_POLICIES.api_version,
        "kind": NETWORK_POLICIES.kind,
        "metadata": meta,
        "spec": {
            "podSelector": {"matchLabels": _marks(entry)},
            "policyTypes": entry.captured["policyTypes"],
        },
    }


def _lets_through(policy: Manifest, labels: Mapping[str, str], types: Sequence[str]) -> str:
    """Return a type of traffic that the policy allows to pods with these labels."""
    spec = policy["spec"]
    if not _selects(spec.get("podSelector") or {}, labels):
        return ""
    return next((kind for kind in types if spec.get(kind.lower())), "")


def _selects(selector: Json, labels: Mapping[str, str]) -> bool:
    matches = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in matches.items()):
        return False
    return all(_holds(item, labels) for item in selector.get("matchExpressions") or ())


def _holds(item: Json, labels: Mapping[str, str]) -> bool:
    key, operator = item["key"], item["operator"]
    if operator == "Exists":
        return key in labels
    if operator == "DoesNotExist":
        return key not in labels
    among = labels.get(key) in (item.get("values") or ())
    return among if operator == "In" else not among
