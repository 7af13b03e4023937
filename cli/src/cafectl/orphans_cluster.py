"""Which cluster kubectl means, who exists there, and the network policies that runs left there."""

from __future__ import annotations

from functools import partial
from typing import Any

from kubernetes import client

from cafectl.catalogue import version
from cafectl.chaos.cluster import GROUP, TIMEOUT_S, Gone, asked
from cafectl.orphans import Alive, Orphan
from cafectl.orphans_tags import RUN_CLUSTER_TAG, RUN_TAG, Tagged, run_cluster

PAGE = 500
OLDEST = "kube-system"  # made once with the cluster: the operator takes its uid for the cluster's
POLICY = "arn:k8s:kubernetes:::networkpolicy/"


def uid() -> str:
    """Return the uid of the cluster. ClusterError where it cannot be told."""
    found = asked(
        lambda api: api.read_namespace(OLDEST, _request_timeout=TIMEOUT_S), client.CoreV1Api
    )
    return str(found.metadata.uid)


def alive(cluster: str, *, alone: bool) -> Alive:
    """Return who exists now in the cluster of that uid. ClusterError where it cannot be told."""
    stores = {
        f"{one['metadata']['namespace']}/{one['metadata']['name']}": one["metadata"]["uid"]
        for one in _all("cafestores")
    }
    runs = (one for one in _all("chaosruns") if _is_open(one.get("status") or {}))
    return Alive(stores, frozenset(one["metadata"]["uid"] for one in runs), cluster, alone=alone)


def policies(cluster: str) -> list[Tagged]:
    """Return the network policies of runs, as something tagged in the cluster of that uid."""
    found = asked(
        lambda api: api.list_network_policy_for_all_namespaces(
            label_selector=RUN_TAG, _request_timeout=TIMEOUT_S
        ),
        client.NetworkingV1Api,
    )
    return [
        Tagged(
            f"{POLICY}{one.metadata.namespace}/{one.metadata.name}",
            {
                **one.metadata.labels,
                RUN_CLUSTER_TAG: run_cluster(cluster, one.metadata.labels[RUN_TAG]),
            },
        )
        for one in found.items
    ]


def delete_policy(orphan: Orphan) -> None:
    """Delete a run's network policy; gone already is success."""
    namespace, _, name = orphan.name.partition("/")
    try:
        asked(
            lambda api: api.delete_namespaced_network_policy(
                name, namespace, _request_timeout=TIMEOUT_S
            ),
            client.NetworkingV1Api,
        )
    except Gone:
        return


def _is_open(status: dict[str, Any]) -> bool:
    """Whether a run may still need what it made: it is not over, or not all is undone."""
    undone = all(entry["state"] in ("Reverted", "Diverged") for entry in status.get("journal", ()))
    return status.get("phase") != "Finished" or not undone


def _all(plural: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    token: str | None = None
    while True:
        page = asked(partial(_page, plural=plural, token=token))
        items += page["items"]
        token = page["metadata"].get("continue")
        if not token:
            return items


def _page(api: Any, *, plural: str, token: str | None) -> Any:
    options = {"limit": PAGE, **({"_continue": token} if token else {})}
    return api.list_cluster_custom_object(
        GROUP, version(plural), plural, _request_timeout=TIMEOUT_S, **options
    )
