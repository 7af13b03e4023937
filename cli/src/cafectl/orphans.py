"""What is left of stores and runs that are no more, found by the tags on everything of theirs.

A store's resource bears `cloudcafe.dev/owner: namespace/name/uid`, what a run makes or marks bears
the run's uid. An orphan is what bears the uid of a store that does not exist, or of a run that is
over or does not exist. What a store left on purpose (deletionPolicy Retain) is none. Pure;
`orphans_aws.py` reads and removes, `orphans_command.py` shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, Protocol

OWNER_TAG = "cloudcafe.dev/owner"
RUN_TAG = "cloudcafe.dev/run"
FIS_RUN_TAG = "cloudcafe.dev/chaos-run"
DASHBOARDS = "cloudcafe-store-"
RETAINED = "retained"
UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Remedy = Literal["delete", "untag", "by hand"]


class SweepError(Exception):
    """It cannot be told what is left, or it could not be removed; one sentence."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """Something that exists, by ARN, and its tags; a dashboard without one is told by its name."""

    arn: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Alive:
    """Who exists: stores' uids by `namespace/name`, and the uids of runs that are not over."""

    stores: Mapping[str, str]
    runs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Orphan:
    """Something that nobody looks after any more."""

    kind: str
    name: str
    arn: str
    owner: str
    why: str
    remedy: Remedy
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
    found = {
        one.arn: replace(one, seen=tuple(resource.tags.items()))
        for resource in resources
        for one in _judge(resource, alive)
    }
    return sorted(found.values(), key=lambda one: (one.kind, one.name))


def as_they_are(sweep: Sweep, listed: Iterable[Tagged], alive: Alive) -> list[Tagged]:
    """Return what exists, as it is now where that matters: what a living store owns is not asked.

    So it costs as many calls as there are orphans, and not as there are stores.
    """
    every = list(listed)
    doubtful = {one.arn for one in find(every, alive)} | {one.arn for one in every if _kept(one)}
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
        marks = tuple(tag for tag in still[0].tags if tag in orphan.tags)
        sweep.untag(replace(still[0], tags=marks))
    return orphan.remedy != "by hand"


def kept_on_purpose(resources: Iterable[Tagged]) -> int:
    """Return how many a store with deletionPolicy Retain left behind."""
    return sum(map(_kept, resources))


def _kept(one: Tagged) -> bool:
    return one.tags.get(OWNER_TAG, "").endswith(f"/{RETAINED}")


def service_and_type(arn: str) -> str:
    """Return `sqs` or `ec2:network-acl`."""
    parts = arn.split(":", 5)
    type_ = re.split("[:/]", parts[5])[0]
    return parts[2] if parts[2] == "sqs" else f"{parts[2]}:{type_}"


def name_of(arn: str) -> str:
    """Return the name within an ARN: of a secret and an alarm with its slashes."""
    kind, rest = service_and_type(arn), arn.split(":", 5)[5]
    if kind == "secretsmanager:secret":  # AWS puts six characters behind its name
        return rest.partition(":")[2].rpartition("-")[0]
    if kind == "elasticloadbalancing:targetgroup":
        return rest.split("/")[1]
    return re.split("[:/]", rest, maxsplit=1)[-1]


def _judge(resource: Tagged, alive: Alive) -> Iterator[Orphan]:
    said = service_and_type(resource.arn)
    kind, remedy = KINDS.get(said, (said, "by hand"))
    name = name_of(resource.arn)
    if said == "cloudwatch:dashboard" and OWNER_TAG not in resource.tags:
        if whose := _gone_dashboard(name, alive):
            yield Orphan(kind, name, resource.arn, whose, f"store {whose} does not exist", remedy)
        return
    if why := _gone_store(resource.tags.get(OWNER_TAG, ""), alive):
        owner = resource.tags[OWNER_TAG]
        if remedy == "untag":  # it was here before the store
            remedy = "by hand"
        yield Orphan(kind, name, resource.arn, owner, why, remedy)
        return
    marks = {tag: uid for tag, uid in _runs(resource.tags).items() if uid not in alive.runs}
    if marks:
        uid = next(iter(marks.values()))
        if resource.tags.get(OWNER_TAG):
            remedy = "by hand"  # a living store's own, that a run had marked
        why = f"run {uid} is over or does not exist"
        yield Orphan(kind, name, resource.arn, f"run {uid}", why, remedy, tuple(sorted(marks)))


def _gone_store(owner: str, alive: Alive) -> str:
    """Return why an owner is no store of today, or nothing."""
    store, _, uid = owner.rpartition("/")
    if not store or uid == RETAINED or alive.stores.get(store) == uid:
        return ""
    if store in alive.stores:
        return f"store {store} of today is another one than its owner"
    return f"store {store} does not exist"


def _gone_dashboard(name: str, alive: Alive) -> str:
    """Return the store that a dashboard was for, where it does not exist."""
    namespace, found, store = name.removeprefix(DASHBOARDS).partition("_")
    whose = f"{namespace}/{store.replace('__', '.')}"
    ours = found and name.startswith(DASHBOARDS) and whose not in alive.stores
    return whose if ours else ""


def _runs(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the marks of runs, each with the run's uid: it is in the tag's value or its name."""
    found = {}
    for tag, value in tags.items():
        if tag in (RUN_TAG, FIS_RUN_TAG):
            uid = UID.search(value)
            found[tag] = uid[0] if uid else value
        elif tag.startswith(f"{RUN_TAG}-") and (uid := UID.search(tag)):
            found[tag] = uid[0]
    return found
