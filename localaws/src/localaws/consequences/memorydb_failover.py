"""FailoverShard cuts the points' store for a moment; DescribeEvents tells of it.

MemoryDB requests pass through it; the emulator has clusters, but neither failovers nor events. As
on AWS the cluster is shown as available throughout, a node of the shard is not. Refused as AWS
does: an unknown cluster or shard, no replica, a replacement under way, the sixth within a day.

A restarted localaws that keeps its state remembers the events; a failover that was under way is
over then, since its seconds have passed.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import structlog
from prometheus_client import Counter

from localaws.messages import Protocol, Reply, error_reply, json_reply
from localaws.stores import store
from localaws.switchboard import Endpoint

if TYPE_CHECKING:
    from localaws.consequences import Forward
    from localaws.messages import Request
    from localaws.switchboard import Endpoints
    from localaws.world import World

log = structlog.get_logger(__name__)

OK = 200
TICK_SECONDS = 1.0
DAY_SECONDS = 24 * 3600
MOST_A_DAY = 5
CALLED = "FailoverShard API called for shard "
RECOVERED = "Finished recovery for nodes "
Events = list[dict[str, Any]]


class MemorydbFailover:
    """Holds what happened, and until when the store is away."""

    services = frozenset({"memorydb"})

    def __init__(self, world: World, switch: Endpoints | None) -> None:
        self._world = world
        self._endpoint = Endpoint(switch, store("memorydb", world.settings).proxy)
        self._events: Events = []
        self._under_way: tuple[str, str, float] | None = None  # cluster, shard, the end
        self._failovers = Counter(
            "localaws_memorydb_failovers", "Failovers that were started", registry=world.registry
        )

    async def answer(self, request: Request, forward: Forward) -> Reply:
        """Fail over, tell of it, show the node that is being replaced; forward the rest."""
        if request.action == "FailoverShard":
            return await self._fail_over(request, forward)
        if request.action == "DescribeEvents":
            return self._told(json.loads(request.body or b"{}"))
        reply = await forward(request)
        return self._replacing(reply) if request.action == "DescribeClusters" else reply

    async def tick(self) -> float:
        """End the failover when it is time, and make the endpoint match."""
        now = self._world.clock()
        if self._under_way and now >= self._under_way[2]:
            cluster, shard, _ = self._under_way
            self._under_way = None
            self._note_end(cluster, shard)
            log.info("failover over", cluster=cluster, shard=shard)
        await self._endpoint.serve(enabled=self._under_way is None)
        left = self._under_way[2] - now if self._under_way else TICK_SECONDS
        return min(TICK_SECONDS, max(0.0, left))

    def state(self) -> object:
        """The failover under way, and what is known of the proxy."""
        cluster = self._under_way[0] if self._under_way else None
        return {"endpoint": self._endpoint.known, "failingOver": cluster}

    def memory(self) -> object:
        """What happened, so that the limit of a day survives a restart."""
        return self._events

    def remember(self, memory: Any) -> None:
        """Take it up, and end the failover that was under way."""
        self._events = [dict(event) for event in memory]
        called: dict[str, str] = {}
        for event in self._events:
            name, message = event["SourceName"], event["Message"]
            if message.startswith(CALLED):
                called[name] = message.removeprefix(CALLED)
            elif message.startswith(RECOVERED):
                called.pop(name, None)
        for cluster, shard in called.items():
            self._note_end(cluster, shard)

    async def reset(self) -> None:
        """Nothing ever happened."""
        self._events.clear()
        self._under_way = None
        await self.tick()

    async def _fail_over(self, request: Request, forward: Forward) -> Reply:
        asked = json.loads(request.body)
        cluster, shard = str(asked.get("ClusterName", "")), str(asked.get("ShardName", ""))
        described = await forward(_describe(self._world, request, cluster))
        if described.status != OK:
            return described
        (found,) = json.loads(described.body)["Clusters"]
        refusal = self._refusal(found, shard)
        if refusal is not None:
            return refusal
        seconds = self._world.settings.memorydb_seconds
        self._under_way = (cluster, shard, self._world.clock() + seconds)
        self._failovers.inc()
        self._note(cluster, CALLED + shard)
        log.info("failover began", cluster=cluster, shard=shard)
        await self.tick()
        self._world.wake()
        return json_reply({"Cluster": found}, version="1.1")

    def _refusal(self, cluster: dict[str, Any], shard: str) -> Reply | None:
        meant = [one for one in cluster["Shards"] if one["Name"] == shard]
        day = time.time() - DAY_SECONDS
        called = [one for one in self._events if one["Message"].startswith(CALLED)]
        if not meant:
            return _no("ShardNotFoundFault", f"Shard {shard} not found")
        if len(meant[0]["Nodes"]) == 1:
            return _no("InvalidParameterValueException", f"Shard {shard} has no replica")
        if self._under_way:
            return _no("InvalidClusterStateFault", "A node of a shard is being replaced")
        if sum(one["Date"] > day for one in called) >= MOST_A_DAY:
            message = f"FailoverShard was called {MOST_A_DAY} times within 24 hours"
            return _no("APICallRateForCustomerExceededFault", message)
        return None

    def _told(self, asked: dict[str, Any]) -> Reply:
        since = time.time() - 60.0 * float(asked.get("Duration") or 60)
        name = asked.get("SourceName")
        events = [
            event
            for event in reversed(self._events)
            if event["Date"] > since and name in (None, event["SourceName"])
        ]
        return json_reply({"Events": events}, version="1.1")

    def _replacing(self, reply: Reply) -> Reply:
        """The emulator's answer with the node that is being replaced."""
        if self._under_way is None or reply.status != OK:
            return reply
        document = json.loads(reply.body)
        for cluster in document["Clusters"]:
            for shard in cluster.get("Shards") or ():
                if (cluster["Name"], shard["Name"]) == self._under_way[:2]:
                    shard["Nodes"][0]["Status"] = "creating"
        return reply.with_body(json.dumps(document).encode())

    def _note_end(self, cluster: str, shard: str) -> None:
        old, new = (f"{cluster}-{shard}-00{number}" for number in (1, 2))
        self._note(cluster, f"Failover from primary node {old} to replica node {new} completed")
        self._note(cluster, RECOVERED + old)

    def _note(self, cluster: str, message: str) -> None:
        day = time.time() - DAY_SECONDS
        self._events = [event for event in self._events if event["Date"] > day]
        kind = {"SourceName": cluster, "SourceType": "cluster"}
        self._events.append({**kind, "Message": message, "Date": time.time()})


def build(world: World) -> MemorydbFailover:
    """The consequence with its real effect; without Toxiproxy it moves only state."""
    return MemorydbFailover(world, world.switches.of("memorydb_failover"))


def _describe(world: World, request: Request, cluster: str) -> Request:
    body = json.dumps({"ClusterName": cluster, "ShowShardDetails": True}).encode()
    scope = (request.account, request.region)
    return world.request("memorydb", "AmazonMemoryDB.DescribeClusters", body, scope=scope)


def _no(code: str, message: str) -> Reply:
    return error_reply(Protocol.JSON, code, message)
