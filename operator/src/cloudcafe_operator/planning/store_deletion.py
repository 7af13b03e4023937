"""The order in which a store is taken apart, and what is said on the way. Pure.

First nobody can order any more, then the services forget it, then AWS: so nothing is left that
could still write to what is gone already. The order service refuses to forget it (409) until its
orders have ended, so all that follows waits for them. A table is backed up while it is still there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cloudcafe_operator.planning.store_world import Identity, Json
from cloudcafe_operator.resources.conditions import false, set_condition
from cloudcafe_operator.resources.store import FORCE_DELETE
from cloudcafe_operator.resources.store_status import CafeStoreStatus, Deletion

Removal = Literal[
    "orders stopped",
    "alarms",
    "dashboard",
    "store",
    "menu",
    "stock",
    "order queue",
    "dead-letter queue",
    "final backup",
    "table",
    "secret",
    "left for its owner",
    "left untouched",
]
DELETE: tuple[Removal, ...] = (
    "orders stopped", "store", "menu", "stock", "alarms", "dashboard",
    "order queue", "dead-letter queue", "table", "secret",
)  # fmt: skip
BACKUP: tuple[Removal, ...] = ("final backup",)
OBSERVED: tuple[Removal, ...] = ("left untouched",)
RETAIN: tuple[Removal, ...] = ("orders stopped", "left for its owner")


def plan_deletion(spec: Json) -> tuple[Removal, ...]:
    """Return what to do, in order, before the finalizer goes; the spec may be unreadable."""
    if spec.get("managementPolicy") == "Observe":
        return OBSERVED
    if spec.get("deletionPolicy") == "Retain":
        return RETAIN
    if spec.get("finalBackup") is not True:
        return DELETE
    stopped = DELETE.index("stock") + 1  # the services write to it no more
    return (*DELETE[:stopped], *BACKUP, *DELETE[stopped:])


@dataclass(frozen=True, slots=True)
class Blocked:
    """How far it came, what comes next, and what it says."""

    done: tuple[Removal, ...]
    next: Removal
    error: Exception


def blocked_status(
    old: CafeStoreStatus, identity: Identity, at: Blocked, *, generation: int, now: datetime
) -> CafeStoreStatus:
    """Return what the status says while a removal does not succeed."""
    before = old.deletion
    since = before.since if before and before.next == at.next and before.since else now
    deletion = Deletion(
        done=at.done,
        next=at.next,
        blocked_by=f"{str(at.error).rstrip('.')}. {_remedy(identity)}",
        since=since.replace(microsecond=0),
    )
    ready = false("Ready", "Deleting", f"{at.next}: {deletion.blocked_by}")
    conditions = set_condition(old.conditions, ready, generation=generation, now=now)
    accepting = old.accepting_orders and "orders stopped" not in at.done
    update = {"deletion": deletion, "conditions": conditions, "accepting_orders": accepting}
    return old.model_copy(update=update)


def _remedy(identity: Identity) -> str:
    return (
        "It is tried again. If what must answer is gone for good, let the store go without it: "
        f"kubectl annotate cafestore -n {identity.namespace} {identity.name} {FORCE_DELETE}=true; "
        "`cafectl orphans` finds what is left then"
    )
