"""A MemoryDB cluster of two shards; the second has no replica. Its events tell what happened."""

from __future__ import annotations

from typing import Any

from cloudcafe_operator.errors import NotFound, Retry

TAGS = [{"Key": "cloudcafe.dev/chaos", "Value": "allowed"}]
NAME = "cloudcafe"
ARN = f"arn:aws:memorydb:eu-west-1:000000000000:cluster/{NAME}"
FAULTS = {"memorydbRestart": {"selector": {"names": [NAME]}}}
SECONDS = 4.0


class Cluster:
    """A failover takes its time; as on AWS the cluster is shown as available meanwhile."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self._until = 0.0
        self.status = "available"
        self.nodes = {"0001": 2, "0002": 1}
        self.events: list[dict[str, Any]] = []
        self.failovers = 0
        self.gone = False

    def tags(self, ResourceArn: str) -> dict[str, Any]:
        """ListTags."""
        return {"TagList": TAGS if ResourceArn == ARN else []}

    def describe(self, ClusterName: str = NAME, ShowShardDetails: bool = False) -> dict[str, Any]:
        """DescribeClusters."""
        if self.gone:
            raise NotFound(f"cluster {ClusterName} not found")
        shards = [
            {"Name": name, "Nodes": [{"Status": self._node(number)} for number in range(count)]}
            for name, count in self.nodes.items()
        ]
        return {"Clusters": [{"Name": NAME, "ARN": ARN, "Status": self.status, "Shards": shards}]}

    def fail_over(self, ClusterName: str, ShardName: str) -> dict[str, Any]:
        """FailoverShard."""
        if self._busy():
            raise Retry("InvalidClusterStateFault: a node is being replaced")
        self.failovers += 1
        self._until = self._clock.monotonic() + SECONDS
        self.note(f"FailoverShard API called for shard {ShardName}")
        return {}

    def happened(self, SourceType: str, Duration: int) -> dict[str, Any]:
        """DescribeEvents."""
        if self.failovers and not self._busy() and "completed" not in self.events[-1]["Message"]:
            self.note("Failover from primary node n1 to replica node n2 completed")
        return {"Events": list(self.events)}

    def note(self, message: str, name: str = NAME) -> None:
        """Add an event of now."""
        event = {"SourceName": name, "Message": message, "Date": self._clock.now()}
        self.events.append(event)

    def state(self) -> dict[str, Any]:
        """What must be as before; who is primary may differ."""
        return {"status": self.status, "nodes": dict(self.nodes), "busy": self._busy()}

    def injections(self) -> dict[str, int]:
        """How often it was failed over."""
        return {"memorydbRestart": self.failovers}

    def _busy(self) -> bool:
        return bool(self._clock.monotonic() < self._until)

    def _node(self, number: int) -> str:
        return "creating" if self._busy() and number == 0 else "available"


def build(world: Any) -> Cluster:
    """Answer the calls of a world."""
    cluster = Cluster(world.clock)
    world.aws.on("memorydb", "describe_clusters", cluster.describe)
    world.aws.on("memorydb", "list_tags", cluster.tags)
    world.aws.on("memorydb", "describe_events", cluster.happened)
    world.aws.on("memorydb", "failover_shard", cluster.fail_over)
    return cluster
