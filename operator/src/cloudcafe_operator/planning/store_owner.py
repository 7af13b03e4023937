"""Whose is it? What decides whether a store may touch something under one of its names. Pure.

Ours is what bears our owner tag (or what a retained namesake left). What bears none was made by
Terraform or a person: it is ours only where its adoption was agreed to. All else is someone else's.
"""

from __future__ import annotations

from collections.abc import Mapping

from cloudcafe_operator.planning import naming
from cloudcafe_operator.planning.store_world import (
    OWNER_TAG,
    AwsSecret,
    Json,
    Observed,
    Queue,
    Trouble,
    Wanted,
)


def owned(tags: Mapping[str, str], wanted: Wanted) -> bool:
    """Whether an AWS resource is this store's, or becomes it now."""
    if tags.get(OWNER_TAG) in (wanted.tags[OWNER_TAG], retained(wanted)):
        return True
    return wanted.adopting and OWNER_TAG not in tags


def retained(wanted: Wanted) -> str:
    """Return the owner tag of what a store with deletionPolicy Retain leaves behind."""
    return naming.owner(wanted.identity.namespace, wanted.identity.name, "retained")


def is_ours(live: Json, wanted: Wanted) -> bool:
    """Whether a Kubernetes object is this store's, or becomes it now."""
    owners = live["metadata"].get("ownerReferences") or []
    if any(owner.get("uid") == wanted.identity.uid for owner in owners):
        return True
    return wanted.adopting and not owners


def someone_elses(wanted: Wanted, observed: Observed) -> str:
    """Return the first of our names that somebody else has, and who; or nothing."""
    for name, live in _named(wanted, observed):
        if isinstance(live, Queue | AwsSecret):
            owner = live.tags.get(OWNER_TAG, "")
            if owner and not owned(live.tags, wanted):
                return f"{name} belongs to {owner}"
        elif live:
            owners = live["metadata"].get("ownerReferences") or []
            if owners and not is_ours(live, wanted):
                return f"{name} belongs to {owners[0].get('kind')} {owners[0].get('name')}"
    return ""


def nobodys(wanted: Wanted, observed: Observed) -> tuple[str, ...]:
    """Return the names under which something without an owner exists."""
    found = []
    for name, live in _named(wanted, observed):
        if isinstance(live, Queue | AwsSecret):
            free = OWNER_TAG not in live.tags
        else:
            free = bool(live) and not live["metadata"].get("ownerReferences")
        if free:
            found.append(name)
    return tuple(found)


def _named(wanted: Wanted, observed: Observed) -> tuple[tuple[str, Queue | AwsSecret | Json], ...]:
    name = wanted.identity.name
    rows = (
        (wanted.dead_letters.name, observed.dead_letters),
        (wanted.queue.name, observed.queue),
        (wanted.secret, observed.secret),
        (f"Secret {naming.till(name)}", observed.till),
        (f"ConfigMap {naming.config(name)}", observed.config),
    )
    return tuple((name, live) for name, live in rows if live and not isinstance(live, Trouble))
