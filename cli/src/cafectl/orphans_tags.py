"""What the tags of something on AWS say: whose it is, which runs marked it, and in which cluster.

Pure; used by `orphans.py`, which judges, and `orphans_aws.py`, which reads. The operator writes
these tags: `planning/store_world.py` and `faults/aws_tags.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

OWNER_TAG = "cloudcafe.dev/owner"
CLUSTER_TAG = "cloudcafe.dev/cluster"
RUN_TAG = "cloudcafe.dev/run"
RUN_CLUSTER_TAG = "cloudcafe.dev/run-cluster"
FIS_RUN_TAG = "cloudcafe.dev/chaos-run"
DASHBOARD = "cloudwatch:dashboard"
RETAINED = "retained"
UID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Tagged:
    """Something that exists, by ARN, and its tags; a dashboard without one is told by its name."""

    arn: str
    tags: Mapping[str, str]

    @property
    def owner(self) -> str:
        """The store that has it, `namespace/name/uid`, or nothing."""
        return self.tags.get(OWNER_TAG, "")

    @property
    def cluster(self) -> str:
        """The uid of its store's cluster; what was made before any was told has none."""
        return self.tags.get(CLUSTER_TAG, "")

    @property
    def is_kept(self) -> bool:
        """Whether a store with deletionPolicy Retain left it."""
        return self.owner.endswith(f"/{RETAINED}")

    @property
    def is_unread(self) -> bool:
        """Whether it may have an owner whom the listing does not tell."""
        return service_and_type(self.arn) == DASHBOARD and not self.owner


@dataclass(frozen=True, slots=True)
class Mark:
    """A tag of a run, and the uids of the run and of its cluster, which may be missing."""

    tag: str
    run: str
    cluster: str


def marks(tags: Mapping[str, str]) -> Iterator[Mark]:
    """Yield the marks of runs: the run is in the tag's value or in its name.

    What tells the cluster of another run was left behind, and says nothing of this one.
    """
    cluster, _, of_run = tags.get(RUN_CLUSTER_TAG, "").partition("/")
    for tag, value in tags.items():
        if tag in (RUN_TAG, FIS_RUN_TAG):
            uid = UID.search(value)
            run = uid[0] if uid else value
            yield Mark(tag, run, cluster if run == of_run else "")
        elif tag.startswith(f"{RUN_TAG}-") and (uid := UID.search(tag)):
            told = UID.fullmatch(value)  # before it was the cluster's it was the run's once more
            yield Mark(tag, uid[0], value if told and value != uid[0] else "")


def tells(one: Tagged) -> set[str]:
    """Return the uids of the clusters that something tells: its store's and its runs'."""
    return {one.cluster, *(mark.cluster for mark in marks(one.tags))} - {""}


def run_cluster(cluster: str, run: str) -> str:
    """Return what RUN_CLUSTER_TAG says of a run's cluster."""
    return f"{cluster}/{run}"


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
