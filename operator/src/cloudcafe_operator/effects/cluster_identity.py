"""Which cluster this is, as AWS resources must tell it. Asked by `main.py` once, at the start.

Clusters have no identity of their own. The namespace kube-system is made once and never again, so
its uid stands for its cluster, as in OpenTelemetry's `k8s.cluster.uid`.
"""

from __future__ import annotations

from cloudcafe_operator.errors import AccessDenied, Unavailable
from cloudcafe_operator.kinds import NAMESPACES
from cloudcafe_operator.ports import Kubernetes, Ref

OLDEST = "kube-system"


async def cluster_uid(kubernetes: Kubernetes) -> str:
    """Return the uid of this cluster.

    Raises:
        AccessDenied: the role does not let us; the message says what to do.
        Unavailable: there is no such namespace yet, as right after a cluster's birth.
    """
    try:
        found = await kubernetes.get(Ref(NAMESPACES, OLDEST))
    except AccessDenied as refused:
        raise AccessDenied(
            f"which cluster this is cannot be told: {refused}: upgrade the chart, whose "
            "ClusterRole cloudcafe-operator has it"
        ) from refused
    if found is None:
        raise Unavailable(f"namespace {OLDEST}, whose uid tells which cluster this is, is missing")
    return str(found["metadata"]["uid"])
