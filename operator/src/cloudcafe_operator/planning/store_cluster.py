"""The tag by which a store's things on AWS tell their cluster. Pure.

It tells whose a thing is and sets nothing: what was made before the tag was, or lost it, gets it
whatever the drift policy says; it is no drift meanwhile, and no coffee waits for it. Only what is
adopted is shown to change by it, as by the owner's tag. Called by `store.py` and `store_drift.py`;
`effects/do_steps.py` lets no store suffer where it cannot be put on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cloudcafe_operator.planning.store_parts import ChangePart
from cloudcafe_operator.planning.store_steps import Step, TagQueue, TagSecret
from cloudcafe_operator.planning.store_world import CLUSTER_TAG, OWNER_TAG, Observed, Wanted

Tags = Mapping[str, str]


def is_a_wish(tag: str, want: Tags, got: Tags) -> bool:
    """Whether a tag that differs is told: our cluster's, on what is ours already, is not."""
    return tag != CLUSTER_TAG or got.get(OWNER_TAG) != want[OWNER_TAG]


def wished(tags: Tags) -> Tags:
    """Return the tags of which a change is a new wish."""
    return {tag: value for tag, value in tags.items() if tag != CLUSTER_TAG}


def telling(step: Step, wanted: Wanted, observed: Observed) -> Step | None:
    """Return that of a step which makes a thing of ours tell its cluster; None where it does."""
    said, want = _tags(step), wanted.tags
    live = _live(step, observed) if said else {}
    lacks = live.get(OWNER_TAG) == want[OWNER_TAG] and live.get(CLUSTER_TAG) != want[CLUSTER_TAG]
    if not said or not lacks:
        return None
    only = {CLUSTER_TAG: want[CLUSTER_TAG]}
    match step:
        case ChangePart():
            return replace(step, tags=only, untag=())
        case TagQueue() | TagSecret():
            return replace(step, tags=only, remove=())
    return None


def does_more(step: Step, observed: Observed) -> bool:
    """Whether a step changes anything but the tag of the cluster."""
    if not (said := _tags(step)):
        return True
    tags, taken_off = said
    return bool(taken_off) or not wished(tags).items() <= _live(step, observed).items()


def only_tells(step: Step) -> bool:
    """Whether all that a step does is to make a thing tell its cluster."""
    said = _tags(step)
    return said is not None and said[0].keys() == {CLUSTER_TAG} and not said[1]


def _tags(step: Step) -> tuple[Tags, tuple[str, ...]] | None:
    """Return what a step tags and takes off; None where it does neither."""
    match step:
        case ChangePart(what="tag", tags=tags, untag=taken_off):
            return tags, taken_off
        case TagQueue(tags=tags, remove=taken_off) | TagSecret(tags=tags, remove=taken_off):
            return tags, taken_off
    return None


def _live(step: Step, observed: Observed) -> Tags:
    """Return the tags, as they were seen, of what a step tags."""
    live = getattr(observed, step.area)
    found: Tags = (live[step.name] if isinstance(step, ChangePart) else live).tags
    return found
