"""Whose is it? What decides whether a store may touch something under one of its names. Pure.

Ours is what bears our owner tag (or what a retained namesake of this cluster left). What bears none
was made by Terraform or a person, and what bears the tag of a namesake was left by a store of
before, as when a cluster is built anew, or is a store's of a cluster that shares the account: they
are ours only where their adoption was agreed to. All else is someone else's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from cloudcafe_operator.planning import naming
from cloudcafe_operator.planning.store_parts import Live
from cloudcafe_operator.planning.store_steps import DATA_TIER, WATCH, Area
from cloudcafe_operator.planning.store_world import (
    CLUSTER_TAG,
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
    return _is_mine(tags, wanted) or (wanted.adopting and _may_be_adopted(tags, wanted))


def _is_mine(tags: Mapping[str, str], wanted: Wanted) -> bool:
    """Whether it is ours, or was kept for us.

    What tells no cluster is of a time when none was told. What another cluster kept holds the data
    of its store: a namesake elsewhere, which may be deleted with all that it owns, is not meant.
    """
    owner = tags.get(OWNER_TAG)
    kept = owner == retained(wanted) and not _other_cluster(tags, wanted)
    return kept or owner == wanted.tags[OWNER_TAG]


def _other_cluster(tags: Mapping[str, str], wanted: Wanted) -> str:
    """Return the uid of the cluster that it tells, where that is not ours."""
    told = tags.get(CLUSTER_TAG, "")
    return "" if told == wanted.platform.cluster else told


def _may_be_adopted(tags: Mapping[str, str], wanted: Wanted) -> bool:
    return OWNER_TAG not in tags or (
        wanted.terms.management == "Adopt" and _is_namesakes(tags, wanted)
    )


def _is_namesakes(tags: Mapping[str, str], wanted: Wanted) -> bool:
    """Whether its owner had our name, and was another object."""
    who, owner = wanted.identity, tags.get(OWNER_TAG, "")
    namesakes = owner.startswith(naming.owner(who.namespace, who.name, ""))
    return namesakes and not _is_mine(tags, wanted)


def retained(wanted: Wanted) -> str:
    """Return the owner tag of what a store with deletionPolicy Retain leaves behind."""
    return naming.owner(wanted.identity.namespace, wanted.identity.name, "retained")


def is_ours(live: Json, wanted: Wanted) -> bool:
    """Whether a Kubernetes object is this store's, or becomes it now."""
    owners = live["metadata"].get("ownerReferences") or []
    if any(owner.get("uid") == wanted.identity.uid for owner in owners):
        return True
    return wanted.adopting and not owners


def someone_elses(wanted: Wanted, observed: Observed, areas: Sequence[Area] = DATA_TIER) -> str:
    """Return the first of our names that somebody else has, and who; or nothing."""
    for name, live in _named(wanted, observed, areas):
        if isinstance(live, Queue | AwsSecret | Live):
            free = _may_be_adopted(live.tags, wanted)
            if not free and not owned(live.tags, wanted):
                return f"{name} belongs to {live.tags[OWNER_TAG]}{_of_before(live, wanted)}"
        elif live:
            owners = live["metadata"].get("ownerReferences") or []
            if owners and not is_ours(live, wanted):
                return f"{name} belongs to {owners[0].get('kind')} {owners[0].get('name')}"
    return ""


def _of_before(live: Queue | AwsSecret | Live, wanted: Wanted) -> str:
    """Say how a store gets what one of its name, earlier or in another cluster, has."""
    if not _is_namesakes(live.tags, wanted):
        return ""
    if isinstance(live, AwsSecret) and live.deleting:
        return (
            ", an earlier store of this name, and AWS deletes it within days (at once: aws "
            f"secretsmanager delete-secret --secret-id {wanted.secret} "
            "--force-delete-without-recovery)"
        )
    if other := _other_cluster(live.tags, wanted):
        return (
            f", a store of this name in cluster {other} (where that cluster is gone, "
            "managementPolicy Adopt takes it over)"
        )
    return ", an earlier store of this name (managementPolicy Adopt takes it over)"


def nobodys(wanted: Wanted, observed: Observed) -> tuple[str, ...]:
    """Return the names under which something exists that may be adopted."""
    found = []
    for name, live in _named(wanted, observed, (*DATA_TIER, *WATCH)):
        if isinstance(live, Queue | AwsSecret | Live):
            mine = owned(live.tags, replace(wanted, adopting=False))
            free = not mine and _may_be_adopted(live.tags, wanted)
        else:
            free = bool(live) and not live["metadata"].get("ownerReferences")
        if free:
            found.append(name)
    return tuple(found)


def _named(
    wanted: Wanted, observed: Observed, areas: Sequence[Area]
) -> tuple[tuple[str, Queue | AwsSecret | Live | Json], ...]:
    name = wanted.identity.name
    rows: list[tuple[Area, str, Queue | AwsSecret | Live | Json | Trouble | None]] = [
        ("dead_letters", wanted.dead_letters.name, observed.dead_letters),
        ("queue", wanted.queue.name, observed.queue),
        ("secret", wanted.secret, observed.secret),
        ("till", f"Secret {naming.till(name)}", observed.till),
        ("config", f"ConfigMap {naming.config(name)}", observed.config),
    ]
    for area, things in wanted.extras.items():
        lives = getattr(observed, area)
        known = lives if isinstance(lives, Mapping) else {}
        rows += [(area, thing.name, known.get(thing.name)) for thing in things]
    return tuple(
        (called, live)
        for area, called, live in rows
        if area in areas and live and not isinstance(live, Trouble)
    )
