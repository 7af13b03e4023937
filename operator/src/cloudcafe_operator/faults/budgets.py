"""Whether disruption budgets leave room. Not a fault: for those that evict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cloudcafe_operator.faults.contract import World
from cloudcafe_operator.kinds import POD_DISRUPTION_BUDGETS
from cloudcafe_operator.ports import Manifest


async def exhausted(pods: Iterable[Manifest], world: World) -> str:
    """Say which budget allows none of these pods to go at the moment; empty: none forbids it."""
    by_namespace: dict[str, list[Manifest]] = {}
    for pod in pods:
        by_namespace.setdefault(pod["metadata"]["namespace"], []).append(pod)
    for namespace, theirs in sorted(by_namespace.items()):
        budgets = await world.kubernetes.list(POD_DISRUPTION_BUDGETS, namespace=namespace)
        for budget in budgets:
            if (budget.get("status") or {}).get("disruptionsAllowed", 0) > 0:
                continue
            selector = budget["spec"].get("selector") or {}
            if any(_matches(selector, pod["metadata"].get("labels") or {}) for pod in theirs):
                name = budget["metadata"]["name"]
                return (
                    f"budget {name} in namespace {namespace} allows no disruption now: scale the "
                    "workload up, or wait until all its pods are ready"
                )
    return ""


def _matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether labels match a selector; an empty one matches everything, as policy/v1 says."""
    wanted: Mapping[str, str] = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_holds(one, labels) for one in selector.get("matchExpressions") or ())


def _holds(requirement: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    found, values = labels.get(requirement["key"]), requirement.get("values") or ()
    match requirement["operator"]:
        case "In":
            return found in values
        case "NotIn":
            return found not in values
        case "Exists":
            return found is not None
    return found is None
