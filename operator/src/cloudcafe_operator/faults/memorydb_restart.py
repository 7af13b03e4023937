"""memorydbRestart: make a MemoryDB cluster replace the primary of a shard.

AWS keeps showing the cluster as available while it does so, and a shard does not tell which node is
its primary: the cluster's events say what happened, and whether it happened already.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from cloudcafe_operator.errors import NotFound, Retry, UserError
from cloudcafe_operator.faults.aws_tags import AwsSelector, matches, opted_in, tags_of
from cloudcafe_operator.faults.contract import Entry, Fault, FaultSpec, Undone, World
from cloudcafe_operator.ports import Json
from cloudcafe_operator.resources.run import Target

MOST_A_DAY = 5  # AWS: calls of FailoverShard in any 24 hours
DAY_MINUTES = 24 * 60
CALLED = "FailoverShard API called"


class MemorydbRestartSpec(FaultSpec):
    """Fails the primary node of a MemoryDB shard over to a replica; the old one is replaced."""

    selector: AwsSelector = Field(description="Which clusters.")
    shard: str = Field(
        default="", max_length=4, description="Which shard; empty: the first that has a replica."
    )


class MemorydbRestart(Fault[MemorydbRestartSpec]):
    """See the module's docstring."""

    name = "memorydbRestart"
    summary = "Makes MemoryDB replace a shard's primary: connections drop, then come back."
    spec_type = MemorydbRestartSpec
    momentary = True
    iam_actions = (
        "memorydb:DescribeClusters",
        "memorydb:ListTags",
        "memorydb:DescribeEvents",
        "memorydb:FailoverShard",
    )

    async def select(self, spec: MemorydbRestartSpec, world: World) -> Sequence[Target]:
        """Return the clusters that match; a cluster is listed without its tags."""
        targets = []
        for cluster in await world.aws.pages("memorydb", "describe_clusters", "Clusters"):
            arn = cluster["ARN"]
            answer = await world.aws.call("memorydb", "list_tags", ResourceArn=arn)
            tags = tags_of(answer.get("TagList") or ())
            if matches(spec.selector, arn, tags):
                targets.append(Target(id=arn, name=cluster["Name"], opted_in=opted_in(tags)))
        return targets

    async def capture(self, spec: MemorydbRestartSpec, target: Target, world: World) -> Json:
        """Note the shard and what has happened to it before; refuse what cannot fail over."""
        cluster = await _cluster(target, world)
        if cluster["Status"] != "available":
            raise UserError(
                f"the cluster is {cluster['Status']}: wait until it is available, apply it again"
            )
        shard = _shard(cluster, spec.shard)
        events = await _events(world)
        if sum(one["Message"].startswith(CALLED) for one in events) >= MOST_A_DAY:
            raise UserError(
                f"AWS allows {MOST_A_DAY} failovers of MemoryDB shards in any 24 hours, and they "
                "are used up: wait until the oldest of them is a day old"
            )
        return {"shard": shard, "calls": _calls(events, target, shard)}

    async def inject(self, spec: MemorydbRestartSpec, entry: Entry, world: World) -> Json:
        """Fail over unless that was done; AWS refuses a second one while the first is under way."""
        if await _called(entry, world):
            return {"already": True}
        cluster = await _cluster(entry.target, world)
        if cluster["Status"] != "available":
            raise Retry(f"cluster {entry.target.name} is {cluster['Status']}", after=2.0)
        shard = entry.captured["shard"]
        await world.aws.call(
            "memorydb", "failover_shard", ClusterName=entry.target.name, ShardName=shard
        )
        return {}

    def calls(self, spec: MemorydbRestartSpec, target: Target) -> Sequence[str]:
        """Name the one call."""
        return (f"memorydb:FailoverShard {target.name} shard {spec.shard or 'with a replica'}",)

    async def in_force(self, spec: MemorydbRestartSpec, entry: Entry, world: World) -> bool:
        """The cluster's events tell of a failover that was not there before."""
        return await _called(entry, world)

    async def healthy(self, entry: Entry, world: World) -> bool:
        """A replica was promoted since the call, and all nodes are available."""
        events = await _events(world)
        calls = _calls(events, entry.target, entry.captured["shard"])
        promoted = not calls or any(
            _is_promotion(one["Message"]) and _of(one, entry.target) and _when(one) >= calls[-1]
            for one in events
        )
        return promoted and await self.verify(entry, world)

    async def revert(self, entry: Entry, world: World) -> Undone:
        """Wait for the cluster; who is primary now stays it."""
        try:
            cluster = await _cluster(entry.target, world)
        except NotFound:
            return Undone("Reverted", "the cluster is gone")
        if cluster["Status"] != "available":
            raise Retry(f"cluster {entry.target.name} is {cluster['Status']}", after=1.0)
        return Undone("Reverted", f"shard {entry.captured['shard']} has a primary again")

    async def verify(self, entry: Entry, world: World) -> bool:
        """The cluster and all nodes of the shard are available."""
        try:
            cluster = await _cluster(entry.target, world)
        except NotFound:
            return True
        nodes = [
            node["Status"]
            for shard in cluster.get("Shards", ())
            if shard["Name"] == entry.captured["shard"]
            for node in shard["Nodes"]
        ]
        return cluster["Status"] == "available" and set(nodes) <= {"available"}

    def by_hand(self, entry: Entry) -> str:
        """Look at it: AWS replaces the node, nothing is to be put back."""
        return (
            f"aws memorydb describe-clusters --cluster-name {entry.target.name} "
            "--show-shard-details"
        )


def _shard(cluster: Json, wanted: str) -> str:
    """Return the shard to fail over; one without a replica would lose its writers for long."""
    shards = cluster.get("Shards", ())
    meant = [one for one in shards if wanted in ("", one["Name"])]
    if not meant:
        names = ", ".join(one["Name"] for one in shards)
        raise UserError(f"the cluster has no shard {wanted}: choose one of {names}")
    found = [str(one["Name"]) for one in meant if len(one["Nodes"]) > 1]
    if not found:
        raise UserError(
            "no shard of it has a replica to promote: add one, or choose another cluster"
        )
    return found[0]


def _calls(events: Sequence[Json], target: Target, shard: str) -> list[str]:
    """Return when failovers of a shard were called for in the last day, as sortable text."""
    return sorted(
        _when(one)
        for one in events
        if one["Message"].startswith(CALLED) and shard in one["Message"] and _of(one, target)
    )


def _of(event: Json, target: Target) -> bool:
    return bool(event["SourceName"] == target.name)


def _when(event: Json) -> str:
    date: str = event["Date"].isoformat()
    return date


def _is_promotion(message: str) -> bool:
    return message.startswith("Failover ") and message.endswith("completed")


async def _called(entry: Entry, world: World) -> bool:
    """Whether a failover was called for that had not been when it was captured."""
    calls = _calls(await _events(world), entry.target, entry.captured["shard"])
    return not set(calls) <= set(entry.captured["calls"])


async def _events(world: World) -> list[Json]:
    """Return what happened to the account's clusters within a day."""
    return await world.aws.pages(
        "memorydb", "describe_events", "Events", SourceType="cluster", Duration=DAY_MINUTES
    )


async def _cluster(target: Target, world: World) -> dict[str, Any]:
    answer = await world.aws.call(
        "memorydb", "describe_clusters", ClusterName=target.name, ShowShardDetails=True
    )
    clusters = answer["Clusters"]
    if not clusters:
        raise NotFound(f"MemoryDB cluster {target.name} does not exist")
    found: dict[str, Any] = clusters[0]
    return found
