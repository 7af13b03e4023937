"""auroraFailover: make Aurora promote a reader, as it does when the writer's zone fails.

A failover is over by itself; nothing has to be undone for users to be served. With `failBack` the
writer that was captured gets its role back by a second failover. Recovery is measured from the
first where all was well before the second began (planning/measure.py): hold longer than it takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from cloudcafe_operator.errors import NotFound, Retry, UserError
from cloudcafe_operator.faults.aws_tags import AwsSelector, matches, opted_in, tags_of
from cloudcafe_operator.faults.contract import Entry, Fault, FaultSpec, Undone, World
from cloudcafe_operator.planning.measure import FAIL_BACK
from cloudcafe_operator.ports import Json
from cloudcafe_operator.resources.run import Target

FAILING_OVER = "failing-over"


class AuroraFailoverSpec(FaultSpec):
    """Makes Aurora clusters promote a reader to writer."""

    selector: AwsSelector = Field(description="Which Aurora clusters.")
    fail_back: bool = Field(
        default=False,
        description="Give the former writer its role back afterwards. That is a second failover: "
        "hold until users have recovered from the first, whose recovery is measured.",
    )


class AuroraFailover(Fault[AuroraFailoverSpec]):
    """See the module's docstring."""

    name = "auroraFailover"
    summary = "Makes an Aurora cluster promote a reader: connections drop, then come back."
    spec_type = AuroraFailoverSpec
    momentary = True
    iam_actions = ("rds:DescribeDBClusters", "rds:FailoverDBCluster")

    async def select(self, spec: AuroraFailoverSpec, world: World) -> Sequence[Target]:
        """Return the Aurora clusters that match; one listing, tags come with it."""
        clusters = await world.aws.pages("rds", "describe_db_clusters", "DBClusters")
        found = []
        for cluster in clusters:
            tags = tags_of(cluster.get("TagList") or ())
            arn = cluster["DBClusterArn"]
            if cluster["Engine"].startswith("aurora") and matches(spec.selector, arn, tags):
                name = cluster["DBClusterIdentifier"]
                found.append(Target(id=arn, name=name, opted_in=opted_in(tags)))
        return found

    async def capture(self, spec: AuroraFailoverSpec, target: Target, world: World) -> Json:
        """Note the writer; refuse what cannot fail over."""
        cluster = await _cluster(target, world)
        members = cluster["DBClusterMembers"]
        readers = [m["DBInstanceIdentifier"] for m in members if not m["IsClusterWriter"]]
        if not readers:
            raise UserError(
                "the cluster has no reader to promote: add an instance, or choose another cluster"
            )
        if cluster["Status"] != "available":
            raise UserError(
                f"the cluster is {cluster['Status']}: wait until it is available, apply it again"
            )
        return {"writer": _writer(cluster), FAIL_BACK: spec.fail_back}

    async def inject(self, spec: AuroraFailoverSpec, entry: Entry, world: World) -> Json:
        """Fail over unless the writer has moved already, or is just moving."""
        cluster = await _cluster(entry.target, world)
        if _is_moving_or_moved(cluster, entry):
            return {"already": True}
        if cluster["Status"] != "available":
            raise Retry(f"cluster {entry.target.name} is {cluster['Status']}", after=2.0)
        await world.aws.call("rds", "failover_db_cluster", DBClusterIdentifier=entry.target.name)
        return {}

    def calls(self, spec: AuroraFailoverSpec, target: Target) -> Sequence[str]:
        """Name the one or two calls."""
        once = (f"rds:FailoverDBCluster {target.name}",)
        back = (f"rds:FailoverDBCluster {target.name} back to its writer",)
        return (*once, *back) if spec.fail_back else once

    async def in_force(self, spec: AuroraFailoverSpec, entry: Entry, world: World) -> bool:
        """The writer moved, or is moving."""
        return _is_moving_or_moved(await _cluster(entry.target, world), entry)

    async def healthy(self, entry: Entry, world: World) -> bool:
        """It is available again, with one writer."""
        return await self.verify(entry, world)

    async def revert(self, entry: Entry, world: World) -> Undone:
        """Wait for the cluster; fail back where that was asked for."""
        try:
            cluster = await _cluster(entry.target, world)
        except NotFound:
            return Undone("Reverted", "the cluster is gone")
        if cluster["Status"] != "available":
            raise Retry(f"cluster {entry.target.name} is {cluster['Status']}", after=1.0)
        writer = entry.captured["writer"]
        if not entry.captured[FAIL_BACK] or _writer(cluster) == writer:
            return Undone("Reverted", f"writer is {_writer(cluster)}")
        if writer not in [m["DBInstanceIdentifier"] for m in cluster["DBClusterMembers"]]:
            return Undone("Diverged", f"the former writer {writer} is no member any more")
        await world.aws.call(
            "rds",
            "failover_db_cluster",
            DBClusterIdentifier=entry.target.name,
            TargetDBInstanceIdentifier=writer,
        )
        raise Retry(f"cluster {entry.target.name} fails back to {writer}", after=1.0)

    def puts_back(self, entry: Entry) -> bool:
        """The writer's role, where that was asked for."""
        return bool(entry.captured.get(FAIL_BACK))

    async def verify(self, entry: Entry, world: World) -> bool:
        """The cluster is available and has exactly one writer."""
        try:
            cluster = await _cluster(entry.target, world)
        except NotFound:
            return True
        writers = [m for m in cluster["DBClusterMembers"] if m["IsClusterWriter"]]
        return bool(cluster["Status"] == "available" and len(writers) == 1)

    def by_hand(self, entry: Entry) -> str:
        """Fail back."""
        return (
            f"aws rds failover-db-cluster --db-cluster-identifier {entry.target.name} "
            f"--target-db-instance-identifier {entry.captured['writer']}"
        )


async def _cluster(target: Target, world: World) -> dict[str, Any]:
    answer = await world.aws.call("rds", "describe_db_clusters", DBClusterIdentifier=target.name)
    clusters = answer["DBClusters"]
    if not clusters:
        raise NotFound(f"Aurora cluster {target.name} does not exist")
    found: dict[str, Any] = clusters[0]
    return found


def _writer(cluster: Json) -> str:
    """Return the writer's name; empty in the moment that has none."""
    members = cluster["DBClusterMembers"]
    return next((m["DBInstanceIdentifier"] for m in members if m["IsClusterWriter"]), "")


def _is_moving_or_moved(cluster: Json, entry: Entry) -> bool:
    moved = _writer(cluster) != entry.captured["writer"]
    return bool(moved or cluster["Status"] == FAILING_OVER)
