"""The kinds of Kubernetes objects that the operator knows, as API paths.

Used by effects, faults and handlers with `ports.Kubernetes`. Planning names kinds by apiVersion
and kind in its manifests; `resource_of` finds the path.
"""

from __future__ import annotations

from typing import Any

from cloudcafe_operator.errors import Bug
from cloudcafe_operator.ports import Ref, Resource
from cloudcafe_operator.resources import experiment, run, store
from cloudcafe_operator.resources.common import GROUP
from cloudcafe_operator.resources.crd import stored

CAFE_STORES = Resource(GROUP, stored(store.VERSIONS), "cafestores", "CafeStore")
CHAOS_EXPERIMENTS = Resource(
    GROUP, stored(experiment.VERSIONS), "chaosexperiments", "ChaosExperiment"
)
FAULTS = Resource(  # only in roles: what a person may inject
    GROUP, stored(experiment.VERSIONS), "faults", "Fault"
)
CHAOS_RUNS = Resource(GROUP, stored(run.VERSIONS), "chaosruns", "ChaosRun")
NAMESPACES = Resource("", "v1", "namespaces", "Namespace", namespaced=False)
PODS = Resource("", "v1", "pods", "Pod")
NODES = Resource("", "v1", "nodes", "Node", namespaced=False)
SERVICES = Resource("", "v1", "services", "Service")
SECRETS = Resource("", "v1", "secrets", "Secret")
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
EVENTS = Resource("", "v1", "events", "Event")
DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")
REPLICA_SETS = Resource("apps", "v1", "replicasets", "ReplicaSet")
SUBJECT_ACCESS_REVIEWS = Resource(
    "authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview", namespaced=False
)
STATEFUL_SETS = Resource("apps", "v1", "statefulsets", "StatefulSet")
DAEMON_SETS = Resource("apps", "v1", "daemonsets", "DaemonSet")
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")
POD_DISRUPTION_BUDGETS = Resource("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget")
AUTOSCALERS = Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
NETWORK_POLICIES = Resource("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy")

ALL = (
    CAFE_STORES, CHAOS_EXPERIMENTS, CHAOS_RUNS, NAMESPACES, PODS, NODES, SERVICES, SECRETS,
    CONFIG_MAPS, EVENTS, DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS, DAEMON_SETS, LEASES,
    POD_DISRUPTION_BUDGETS, NETWORK_POLICIES, AUTOSCALERS,
)  # fmt: skip


def resource_of(manifest: dict[str, Any]) -> Resource:
    """Return the kind of a manifest."""
    said = (manifest.get("apiVersion"), manifest.get("kind"))
    for resource in ALL:
        if (resource.api_version, resource.kind) == said:
            return resource
    raise Bug(f"unknown kind {said}: add it to kinds.py")


def ref_of(manifest: dict[str, Any]) -> Ref:
    """Return the reference to an object from its manifest."""
    meta = manifest["metadata"]
    return Ref(resource_of(manifest), meta["name"], meta.get("namespace"))


def key_of(ref: Ref) -> str:
    """Return the work queue's key: `CafeStore/lisbon/corner`."""
    return f"{ref.resource.kind}/{ref.namespace or ''}/{ref.name}"


def ref_from_key(key: str) -> Ref:
    """Return what a work queue's key stands for."""
    kind, namespace, name = key.split("/", 2)
    for resource in ALL:
        if resource.kind == kind:
            return Ref(resource, name, namespace or None)
    raise Bug(f"unknown kind in {key}")
