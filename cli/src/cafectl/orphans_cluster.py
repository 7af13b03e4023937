"""Who exists in the cluster: stores and runs, and the network policies that runs left there."""

from __future__ import annotations

from functools import partial
from typing import Any

from kubernetes import client

from cafectl.chaos.cluster import GROUP, TIMEOUT_S, VERSION, Gone, asked
from cafectl.orphans import RUN_TAG, Alive, Orphan, Tagged

PAGE = 500
POLICY = "arn:k8s:kubernetes:::networkpolicy/"


def alive() -> Alive:
    """Return who exists now. ClusterError where it cannot be told."""
    stores = {
        f"{one['metadata']['namespace']}/{one['metadata']['name']}": one["metadata"]["uid"]
        for one in _all("cafestores")
    }
    runs = (one for one in _all("chaosruns") if _is_open(one.get("status") or {}))
    return Alive(stores, frozenset(one["metadata"]["uid"] for one in runs))


def policies() -> list[Tagged]:
    """Return the network policies of runs, as something tagged."""
    found = asked(
        lambda api: api.list_network_policy_for_all_namespaces(
            label_selector=RUN_TAG, _request_timeout=TIMEOUT_S
        ),
        client.NetworkingV1Api,
    )
    return [
        Tagged(f"{POLICY}{one.metadata.namespace}/{one.metadata.name}", one.metadata.labels)
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
        GROUP, VERSION, plural, _request_timeout=TIMEOUT_S, **options
    )
