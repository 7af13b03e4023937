"""What a list of pods says: which run, which are ready, whose they are. Pure.

Used by `effects/shared_lists.py`, which keeps no more of a pod than this, and by the faults whose
targets are pods.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

Manifest = Mapping[str, Any]


class _Meta(TypedDict, total=False):
    name: Any
    namespace: Any
    uid: Any
    labels: Any
    ownerReferences: Any
    deletionTimestamp: Any


class _Spec(TypedDict, total=False):
    nodeName: Any


class _Status(TypedDict, total=False):
    phase: Any
    conditions: Any


class PodInShort(TypedDict, total=False):
    """What `pod_seen` reads of a pod: nothing else is read of a list of thousands."""

    metadata: _Meta
    spec: _Spec
    status: _Status


@dataclass(frozen=True, slots=True)
class PodSeen:
    """One pod in short."""

    name: str
    namespace: str
    uid: str
    labels: Mapping[str, str]
    workload: str  # `Deployment order`; empty: nobody would replace it
    node: str  # empty: it waits for one
    running: bool
    ready: bool


@dataclass(frozen=True, slots=True)
class PodsSeen:
    """The pods of one namespace at one moment."""

    pods: tuple[PodSeen, ...]
    sizes: Mapping[str, int]  # running pods by workload
    ready: Mapping[str, frozenset[str]]  # uids of ready pods by workload


def pods_seen(manifests: Iterable[Manifest]) -> PodsSeen:
    """Count once for all who ask: among thousands of pods each question would look at all."""
    pods = tuple(pod_seen(pod) for pod in manifests)
    ready: dict[str, set[str]] = defaultdict(set)
    for pod in pods:
        if pod.ready:
            ready[pod.workload].add(pod.uid)
    return PodsSeen(
        pods=pods,
        sizes=Counter(pod.workload for pod in pods if pod.running),
        ready={whose: frozenset(uids) for whose, uids in ready.items()},
    )


def pod_seen(pod: Manifest) -> PodSeen:
    """Return a pod in short."""
    meta = pod["metadata"]
    return PodSeen(
        name=meta["name"],
        namespace=meta["namespace"],
        uid=meta["uid"],
        labels=meta.get("labels") or {},
        workload=workload(pod),
        node=(pod.get("spec") or {}).get("nodeName", ""),
        running=is_running(pod),
        ready=is_ready(pod),
    )


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


def _controller(pod: Manifest) -> Mapping[str, Any] | None:
    owners: Sequence[Mapping[str, Any]] = pod["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), None)


def is_running(pod: Manifest) -> bool:
    """Whether it runs and is not being stopped."""
    running = (pod.get("status") or {}).get("phase") == "Running"
    return running and "deletionTimestamp" not in pod["metadata"]


def is_ready(pod: Manifest) -> bool:
    """Whether it takes requests and is not being stopped."""
    conditions = (pod.get("status") or {}).get("conditions") or ()
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]
