"""What is left of stores and runs that are no more, found by the tags on everything of theirs.

A store's resource bears `cloudcafe.dev/owner: namespace/name/uid`, what a run makes or marks bears
the run's uid, and both tell their cluster. An orphan is what bears the uid of a store that does not
exist, or of a run that is over or does not exist, in the one cluster that is judged. Who lives in
another cannot be seen from here: what tells another is none, and what tells none, being of a time
when nothing did, is left to a person. What a store left on purpose (deletionPolicy Retain) is none.
Pure; `orphans_aws.py` reads and removes, `orphans_command.py` shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from cafectl.orphans_tags import (
    RETAINED,
    RUN_CLUSTER_TAG,
    RUN_TAG,
    Mark,
    Tagged,
    marks,
    name_of,
    service_and_type,
)

DASHBOARDS = "cloudcafe-store-"
QUEUES = ("-orders.fifo", "-orders-dlq.fifo")
BETWEEN = "_"  # namespace and store, in the name of each queue but of those of before
Remedy = Literal["delete", "untag", "by hand"]


class SweepError(Exception):
    """It cannot be told what is left, or it could not be removed; one sentence."""


@dataclass(frozen=True, slots=True)
class Alive:
    """Who exists in a cluster: stores' uids by `namespace/name`, uids of runs that are not over."""

    stores: Mapping[str, str]
    runs: frozenset[str]
    cluster: str  # its uid
    alone: bool = False  # no other shares the account and region: what tells no cluster is its own
    gone: bool = False  # the cluster is lost, and nothing in it lives


@dataclass(frozen=True, slots=True)
class Orphan:
    """Something that nobody looks after any more."""

    kind: str
    name: str
    arn: str
    owner: str
    why: str
    remedy: Remedy
    cluster: str  # the uid that it tells, or nothing
    tags: tuple[str, ...] = ()  # where untagging is the remedy: these
    seen: tuple[tuple[str, str], ...] = ()  # its tags as they were read


class Sweep(Protocol):
    """Reads and removes; each call bounded in time. Raises SweepError."""

    def tagged(self) -> list[Tagged]:
        """Return all that is listed with a tag of ours; lists are minutes behind."""
        ...

    def tags(self, arn: str, known: Mapping[str, str]) -> Mapping[str, str] | None:
        """Return a resource's tags as it tells them itself, or as known; None where it is gone."""
        ...

    def delete(self, orphan: Orphan) -> None:
        """Delete it; gone already is success."""
        ...

    def untag(self, orphan: Orphan) -> None:
        """Take the marks of a run off; gone already is success."""
        ...


#: Kind and remedy by the service and type in an ARN; what is not here is left to a person.
KINDS: Mapping[str, tuple[str, Remedy]] = {
    "sqs": ("SQSQueue", "delete"),
    "secretsmanager:secret": ("SecretsManagerSecret", "delete"),
    "dynamodb:table": ("DynamoDBTable", "delete"),
    "cloudwatch:alarm": ("CloudWatchAlarm", "delete"),
    "cloudwatch:dashboard": ("CloudWatchDashboard", "delete"),
    "fis:experiment-template": ("FISExperimentTemplate", "delete"),
    "ec2:network-acl": ("NetworkACL", "delete"),
    "ec2:security-group": ("SecurityGroup", "untag"),
    "elasticloadbalancing:targetgroup": ("TargetGroup", "untag"),
    "kubernetes:networkpolicy": ("NetworkPolicy", "delete"),
}


def find(resources: Iterable[Tagged], alive: Alive) -> list[Orphan]:
    """Return the orphans, sorted; `alive` must have been read after the resources."""
    found = {}
    for resource in resources:
        if one := _of_store(resource, alive) or _of_run(resource, alive):
            found[one.arn] = replace(one, seen=tuple(resource.tags.items()))
    return sorted(found.values(), key=lambda one: (one.kind, one.name))


def as_they_are(sweep: Sweep, listed: Iterable[Tagged], alive: Alive) -> list[Tagged]:
    """Return what exists, as it is now where that matters: what a living store owns is not asked.

    So it costs as many calls as there are orphans, and not as there are stores; for a cluster that
    is gone also one for each dashboard.
    """
    every = list(listed)
    doubtful = {one.arn for one in find(every, alive)}
    doubtful |= {one.arn for one in every if one.is_kept or (alive.gone and one.is_unread)}
    now = {
        one.arn: sweep.tags(one.arn, one.tags) if one.arn in doubtful else one.tags for one in every
    }
    return [Tagged(arn, tags) for arn, tags in now.items() if tags is not None]


def remove(sweep: Sweep, orphan: Orphan, alive: Alive) -> bool:
    """Remove an orphan unless it is none any more; whether it was removed or is gone."""
    now = sweep.tags(orphan.arn, dict(orphan.seen))
    if now is None:
        return True
    still = find([Tagged(orphan.arn, now)], alive)
    if not still or (still[0].owner, still[0].remedy) != (orphan.owner, orphan.remedy):
        return False
    if orphan.remedy == "delete":
        sweep.delete(still[0])
    elif orphan.remedy == "untag":  # what marked it meanwhile may live
        taken = tuple(tag for tag in still[0].tags if tag in orphan.tags)
        sweep.untag(replace(still[0], tags=taken))
    return orphan.remedy != "by hand"


def kept_on_purpose(resources: Iterable[Tagged], alive: Alive) -> int:
    """Return how many stores with deletionPolicy Retain left; of a gone cluster only its own."""
    kept = [one.cluster for one in resources if one.is_kept]
    return kept.count(alive.cluster) if alive.gone else len(kept)


def elsewhere(resources: Iterable[Tagged], alive: Alive) -> Mapping[str, int]:
    """Return how many things belong to each other cluster, by its uid; without those kept."""
    found: Counter[str] = Counter()
    for one in resources:
        told = {mark.cluster for mark in marks(one.tags)}
        found.update(told | (set() if one.is_kept else {one.cluster}))
    return {uid: found[uid] for uid in sorted(found.keys() - {"", alive.cluster})}


def _of_store(resource: Tagged, alive: Alive) -> Orphan | None:
    """Return it where its store does not exist, or has another in its place."""
    said, name, owner = service_and_type(resource.arn), name_of(resource.arn), resource.owner
    kind, remedy = KINDS.get(said, (said, "by hand"))
    if resource.is_unread:
        owner = _gone_dashboard(name, alive)
        why = f"store {owner} does not exist" if owner else ""
    elif why := _gone_store(owner, alive):
        if remedy == "untag":  # it was here before the store
            remedy = "by hand"
        if _is_queue_of_before(said, name):  # no deletion of a store looks at it, and none keeps it
            why, remedy = f"{why}; it may hold tickets, or was to be kept", "by hand"
    elif _is_queue_of_before(said, name) and _lives(owner, alive):
        why = "its store has a queue of another name by now, and looks for no ticket here"
        remedy = "by hand"
    if not why or not _is_judged(resource.cluster, alive):
        return None
    found = Orphan(kind, name, resource.arn, owner, why, remedy, resource.cluster)
    return _if_certain(found, alive)


def _is_queue_of_before(said: str, name: str) -> bool:
    """Whether it has the name of a store's queue of a time when two stores could share one."""
    return said == "sqs" and name.endswith(QUEUES) and BETWEEN not in name


def _of_run(resource: Tagged, alive: Alive) -> Orphan | None:
    """Return it where a run marked it that is over or does not exist."""
    judged = [mark for mark in marks(resource.tags) if _is_judged(mark.cluster, alive)]
    over = [mark for mark in judged if mark.run not in alive.runs]
    over = [mark for mark in over if _is_certain(mark.cluster, alive)] or over
    if not over:
        return None
    said, run = service_and_type(resource.arn), over[0].run
    kind, remedy = KINDS.get(said, (said, "by hand"))
    why = f"run {run} is over or does not exist"
    if alive.gone and remedy == "untag":  # the mark is all that tells of it
        why, remedy = "a run of a gone cluster: what it did here may be in force", "by hand"
    if resource.owner:
        remedy = "by hand"  # a living store's own, that a run had marked
    tags = tuple(sorted({mark.tag for mark in over} | _beside(over, resource)))
    name, cluster = name_of(resource.arn), over[0].cluster
    found = Orphan(kind, name, resource.arn, f"run {run}", why, remedy, cluster, tags)
    return _if_certain(found, alive)


def _beside(over: Iterable[Mark], resource: Tagged) -> set[str]:
    """Return what goes with a run's mark: the tag that tells its cluster."""
    alone = all(mark.tag != RUN_TAG for mark in over)
    return set() if alone else {RUN_CLUSTER_TAG} & resource.tags.keys()


def _is_judged(cluster: str, alive: Alive) -> bool:
    """Whether something that tells a cluster may be an orphan of this one."""
    return cluster == alive.cluster or not (cluster or alive.gone)


def _is_certain(cluster: str, alive: Alive) -> bool:
    """Whether it is this cluster's, as it tells itself or since there is no other."""
    return alive.alone or cluster == alive.cluster


def _if_certain(found: Orphan, alive: Alive) -> Orphan:
    if _is_certain(found.cluster, alive):
        return found
    why = f"{found.why}, here: it tells no cluster, and may be another's"
    return replace(found, why=why, remedy="by hand")


def _gone_store(owner: str, alive: Alive) -> str:
    """Return why an owner is no store of today, or nothing."""
    store, _, uid = owner.rpartition("/")
    if not store or uid == RETAINED or _lives(owner, alive):
        return ""
    if alive.gone:
        return f"cluster {alive.cluster} is gone"
    if store in alive.stores:
        return f"store {store} of today is another one than its owner"
    return f"store {store} does not exist"


def _lives(owner: str, alive: Alive) -> bool:
    store, _, uid = owner.rpartition("/")
    return alive.stores.get(store) == uid


def _gone_dashboard(name: str, alive: Alive) -> str:
    """Return the store that a dashboard was for, where it does not exist."""
    namespace, found, store = name.removeprefix(DASHBOARDS).partition("_")
    whose = f"{namespace}/{store.replace('__', '.')}"
    ours = found and name.startswith(DASHBOARDS) and whose not in alive.stores
    return whose if ours else ""
