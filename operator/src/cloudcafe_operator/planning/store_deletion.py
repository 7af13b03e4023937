"""The order in which a store is taken apart, and what is said on the way. Pure.

First nobody can order any more, then the services forget it, then AWS: so nothing is left that
could still write to what is gone already.
"""

from __future__ import annotations

from typing import Literal

from cloudcafe_operator.planning.store_world import Identity, Json
from cloudcafe_operator.resources.store import FORCE_DELETE
from cloudcafe_operator.resources.store_status import Deletion

Removal = Literal[
    "orders stopped",
    "store",
    "menu",
    "stock",
    "order queue",
    "dead-letter queue",
    "secret",
    "left for its owner",
    "left untouched",
]
DELETE: tuple[Removal, ...] = (
    "orders stopped", "store", "menu", "stock", "order queue", "dead-letter queue", "secret",
)  # fmt: skip
OBSERVED: tuple[Removal, ...] = ("left untouched",)
RETAIN: tuple[Removal, ...] = ("orders stopped", "left for its owner")


def plan_deletion(spec: Json) -> tuple[Removal, ...]:
    """Return what to do, in order, before the finalizer goes; the spec may be unreadable."""
    if spec.get("managementPolicy") == "Observe":
        return OBSERVED
    return RETAIN if spec.get("deletionPolicy") == "Retain" else DELETE


def blocked(
    identity: Identity, done: tuple[Removal, ...], next_: Removal, error: Exception
) -> Deletion:
    """Return what the status says while a removal does not succeed."""
    remedy = (
        f"It is tried again. If what must answer is gone for good, let the store go without it: "
        f"kubectl annotate cafestore -n {identity.namespace} {identity.name} {FORCE_DELETE}=true"
    )
    return Deletion(done=done, next=next_, blocked_by=f"{error}. {remedy}")
