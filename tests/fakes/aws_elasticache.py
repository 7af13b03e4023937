"""A cache in front of the menus, emptied by its service; guests fill it again in a moment."""

from __future__ import annotations

from typing import Any

TAGS = [{"Key": "cloudcafe.dev/chaos", "Value": "allowed"}]
NAME = "cloudcafe"
ARN = f"arn:aws:elasticache:eu-west-1:000000000000:replicationgroup:{NAME}"
FAULTS = {"elasticacheFlush": {"selector": {"names": [NAME]}}}
SECONDS = 2.0


class Cache:
    """Of ten requests nine hit; none in the first moment after a flush."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self._filled = 0.0
        self.requests = 10
        self.idle_pods: set[str] = set()
        self.flushed_by = ""
        self.flushes = 0
        self.status = "available"
        self.host = "primary.cloudcafe.abc.euw1.cache.amazonaws.com"

    def tagged(self) -> dict[str, Any]:
        """What GetResources shows of it."""
        return {ARN: TAGS}

    def describe(self, ReplicationGroupId: str) -> dict[str, Any]:
        """DescribeReplicationGroups."""
        address = {"Address": "primary.cloudcafe.abc.euw1.cache.amazonaws.com", "Port": 6379}
        nodes = [{"PrimaryEndpoint": address}]
        return {"ReplicationGroups": [{"Status": self.status, "NodeGroups": nodes}]}

    def answer(self, method: str, path: str, pod_ip: str, body: Any) -> dict[str, Any]:
        """The service's admin port: GET /cache and POST /cache/flush."""
        if method == "GET":
            idle = {"requests": 0, "hits": 0} if pod_ip in self.idle_pods else {}
            return self.view() | idle
        assert path == "/cache/flush"
        if body["by"] == self.flushed_by:
            return {"flushed": False}
        self.flushed_by = body["by"]
        self.flushes += 1
        self._filled = self._clock.monotonic() + SECONDS
        return {"flushed": True}

    def view(self) -> dict[str, Any]:
        """What GET /cache tells."""
        hits = self.requests * 9 // 10 if self._clock.monotonic() >= self._filled else 0
        return {
            "keys": hits,
            "requests": self.requests,
            "hits": hits,
            "flushedBy": self.flushed_by,
            "host": self.host,
        }

    def state(self) -> dict[str, Any]:
        """What must be as before: the copies need not."""
        return {"status": self.status}

    def injections(self) -> dict[str, int]:
        """How often it was emptied."""
        return {"elasticacheFlush": self.flushes}


def build(world: Any) -> Cache:
    """Answer the calls of a world."""
    cache = Cache(world.clock)
    world.aws.on("elasticache", "describe_replication_groups", cache.describe)
    world.admin.mount("menu", cache.answer)
    return cache
