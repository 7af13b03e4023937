"""Publishes the AWS/* metrics that alarms read, and has the alarms judged.

No requests pass through it. Every few seconds it puts what `world.measures` has counted, what waits
in queues, how many targets each load balancer reaches, and that nobody is connected to an Aurora
that is cut off. AWS puts figures by the minute; here a fault of seconds has to be seen, and a sum
over the minute is the same.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from localaws.edge.routing import groups_of, usable
from localaws.measures import Metric
from localaws.stores import store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localaws.consequences import Forward
    from localaws.messages import Reply, Request
    from localaws.network import Network
    from localaws.world import Backlog, World

PUBLISH_SECONDS = 5.0
DATA_PER_CALL = 500
TARGET = "GraniteServiceVersion20100801.PutMetricData"
BALANCERS = {"application": "AWS/ApplicationELB", "network": "AWS/NetworkELB"}
Figures = dict[Metric, float]


class AwsMetrics:
    """Knows what was published last, and when the next figures are due."""

    services: frozenset[str] = frozenset()

    def __init__(self, world: World) -> None:
        self._world = world
        self._due = world.clock()
        self._last: Figures = {}

    async def answer(self, request: Request, forward: Forward) -> Reply:
        """Nothing passes here."""
        return await forward(request)

    async def tick(self) -> float:
        """Publish and judge when it is time."""
        now = self._world.clock()
        if now < self._due:
            return self._due - now
        self._due = now + PUBLISH_SECONDS
        counts = self._world.measures.taken()
        levels = await self._levels()
        await self._put(figures({**counts, **levels}, self._last))
        self._last = {**counts, **levels}
        self._world.monitoring.judge_alarms()
        return PUBLISH_SECONDS

    def state(self) -> object:
        """What was published last."""
        return {
            " ".join([one.namespace, one.name, *(text for _, text in one.dimensions)]): value
            for one, value in self._last.items()
        }

    def memory(self) -> object:
        """Nothing: what was published is the emulator's."""
        return None

    def remember(self, memory: Any) -> None:
        """Nothing."""

    async def reset(self) -> None:
        """Forget what is not yet published."""
        self._world.measures.taken()
        self._last = {}
        self._due = self._world.clock()

    async def _levels(self) -> Figures:
        found = {**waiting(self._world.monitoring.backlogs()), **hosts(await self._world.network())}
        settings = self._world.settings
        if self._world.switches.why_away(store("aurora", settings).proxy.name):
            cluster = (("DBClusterIdentifier", settings.aurora_cluster),)
            # while it serves, only the database itself could say how many are connected
            found[Metric("AWS/RDS", "DatabaseConnections", cluster)] = 0.0
        return found

    async def _put(self, new: Figures) -> None:
        batches: defaultdict[tuple[str, str, str], list[dict[str, object]]] = defaultdict(list)
        for metric, value in new.items():
            region = metric.region or self._world.settings.region
            batches[metric.account, region, metric.namespace].append(metric.datum(value))
        for (account, region, namespace), data in batches.items():
            for start in range(0, len(data), DATA_PER_CALL):
                part = {"Namespace": namespace, "MetricData": data[start : start + DATA_PER_CALL]}
                body, scope = json.dumps(part).encode(), (account, region)
                await self._world.call(self._world.request("monitoring", TARGET, body, scope=scope))


def build(world: World) -> AwsMetrics:
    """The consequence with its real surroundings."""
    return AwsMetrics(world)


def figures(now: Mapping[Metric, float], last: Mapping[Metric, float]) -> Figures:
    """What is to be put: what there is, and one zero for what has ceased.

    What stays idle is not put, as AWS does not: days of zeros would fill the memory.
    """
    return {**{metric: 0.0 for metric, value in last.items() if value}, **now}


def waiting(backlogs: Sequence[Backlog]) -> Figures:
    """AWS/SQS of the queues that hold anything."""
    found = {}
    for each in backlogs:
        if each.visible or each.oldest_seconds:
            place = ((("QueueName", each.queue),), each.account, each.region)
            found[Metric("AWS/SQS", "ApproximateAgeOfOldestMessage", *place)] = each.oldest_seconds
            found[Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", *place)] = float(
                each.visible
            )
    return found


def hosts(network: Network) -> Figures:
    """How many targets each load balancer reaches in each of its groups."""
    found = {}
    for listener in network.listeners.values():
        namespace = BALANCERS.get(listener.kind)
        for group in groups_of(network, listener) if namespace else ():
            dimensions = (
                ("LoadBalancer", listener.suffix),
                ("TargetGroup", group.arn.rpartition(":")[2]),
            )
            reached = float(len(usable(network, listener, group)))
            found[Metric(str(namespace), "HealthyHostCount", dimensions)] = reached
    return found
