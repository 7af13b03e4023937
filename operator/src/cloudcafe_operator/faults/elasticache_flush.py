"""elasticacheFlush: empty a cache, through the service that owns it.

AWS has no call that empties Redis, so the service does, by its authenticated admin port; it knows
whose flush was the last, so that a run flushes once whatever happens to the answer. The copies are
gone: nothing is put back, the cache fills as its service is asked.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from cloudcafe_operator.errors import UserError
from cloudcafe_operator.faults.aws_tags import AwsSelector, tagged
from cloudcafe_operator.faults.contract import Entry, Fault, FaultSpec, Undone, World
from cloudcafe_operator.kinds import PODS
from cloudcafe_operator.ports import Json
from cloudcafe_operator.resources.run import Target

OF_AWS = (".amazonaws.com", ".amazonaws.com.cn")  # embedded, a cache has the name of its Service


class ElasticacheFlushSpec(FaultSpec):
    """Empties ElastiCache replication groups. It cannot be undone, so it needs consent."""

    selector: AwsSelector = Field(description="Which replication groups.")
    service: str = Field(
        default="menu",
        max_length=63,
        pattern=r"^[a-z]([a-z0-9-]*[a-z0-9])?$",
        description="The service that owns the cache and empties it by its admin port.",
    )
    recovered_percent: int = Field(
        default=80,
        ge=1,
        le=100,
        description="Recovered is a hit ratio of this share of what it was before.",
    )


class ElasticacheFlush(Fault[ElasticacheFlushSpec]):
    """See the module's docstring."""

    name = "elasticacheFlush"
    summary = "Empties an ElastiCache replication group: everything is read from the database."
    spec_type = ElasticacheFlushSpec
    propagation_s = 0.0  # the service itself answers
    momentary = True
    irreversible = (
        "cannot be undone, since the copies are gone; it has recovered when the hit ratio is back"
    )
    iam_actions = ("tag:GetResources", "elasticache:DescribeReplicationGroups")
    rbac = ("list pods",)

    async def select(self, spec: ElasticacheFlushSpec, world: World) -> Sequence[Target]:
        """Return the replication groups that match."""
        return await tagged(spec.selector, "elasticache:replicationgroup", world)

    async def capture(self, spec: ElasticacheFlushSpec, target: Target, world: World) -> Json:
        """Note the hit ratio; refuse a group in the middle of something else."""
        answer = await world.aws.call(
            "elasticache", "describe_replication_groups", ReplicationGroupId=target.name
        )
        group = answer["ReplicationGroups"][0]
        status = group["Status"]
        if status != "available":
            raise UserError(f"the group is {status}: wait until it is available, apply it again")
        cache = await _cache(spec.service, world)
        host = str(cache.get("host", ""))
        if host.endswith(OF_AWS) and host not in _endpoints(group):
            raise UserError(
                f"{spec.service} keeps its copies at {host}, which is not of {target.name}: choose "
                "the group of that endpoint, or the service of this one"
            )
        wanted = (_ratio(cache) or 1.0) * spec.recovered_percent / 100
        return {"service": spec.service, "wantedRatio": wanted, "keys": cache["keys"]}

    async def inject(self, spec: ElasticacheFlushSpec, entry: Entry, world: World) -> Json:
        """Let the service flush in the name of this run, which it does once."""
        if await self.in_force(spec, entry, world):
            return {"already": True}
        answer = await world.admin.call(
            entry.captured["service"],
            "POST",
            "/cache/flush",
            namespace=world.namespace,
            json={"by": _by(entry)},
        )
        return {"flushed": answer.get("flushed", False)}

    def calls(self, spec: ElasticacheFlushSpec, target: Target) -> Sequence[str]:
        """Name the one call."""
        return (f"POST /cache/flush of {spec.service}, which empties {target.name}",)

    async def in_force(self, spec: ElasticacheFlushSpec, entry: Entry, world: World) -> bool:
        """The last flush of the cache was in the name of this run."""
        cache = await _cache(entry.captured["service"], world)
        return bool(cache["flushedBy"] == _by(entry))

    async def healthy(self, entry: Entry, world: World) -> bool:
        """Enough of the requests since the flush were answered from the cache."""
        ratio = _ratio(await _cache(entry.captured["service"], world))
        return ratio is not None and ratio >= float(entry.captured["wantedRatio"])

    async def revert(self, entry: Entry, world: World) -> Undone:
        """Do nothing: the cache fills itself."""
        return Undone("Reverted", f"{entry.captured['service']} fills the cache again")

    async def verify(self, entry: Entry, world: World) -> bool:
        """A flush leaves nothing of ours behind; recovery is what `healthy` sees."""
        return True

    def by_hand(self, entry: Entry) -> str:
        """Watch it fill."""
        service = entry.captured["service"]
        return f"kubectl -n {entry.run_namespace} port-forward deployment/{service} 9090"


def _endpoints(group: Json) -> set[str]:
    """Return the names by which clients reach a replication group, clustered or not."""
    nodes = [
        node[kind]
        for node in group.get("NodeGroups") or ()
        for kind in ("PrimaryEndpoint", "ReaderEndpoint")
        if node.get(kind)
    ]
    whole = [group["ConfigurationEndpoint"]] if group.get("ConfigurationEndpoint") else []
    return {str(one["Address"]) for one in (*nodes, *whole)}


def _by(entry: Entry) -> str:
    return f"run/{entry.run_uid}"


def _ratio(cache: Json) -> float | None:
    """Return the share of the last seconds' requests that hit; None where nobody asked."""
    return cache["hits"] / cache["requests"] if cache["requests"] else None


async def _cache(service: str, world: World) -> Json:
    """Return what all replicas saw together: guests may be with another than the one we reach."""
    pods = await world.kubernetes.list(
        PODS, namespace=world.namespace, labels=f"app.kubernetes.io/name={service}"
    )
    running = [pod["status"] for pod in pods if pod.get("status", {}).get("phase") == "Running"]
    seen = [
        await world.admin.call(service, "GET", "/cache", namespace=world.namespace, pod_ip=address)
        for address in [status["podIP"] for status in running if status.get("podIP")] or [""]
    ]
    sums = {name: sum(one[name] for one in seen) for name in ("requests", "hits")}
    return {**seen[0], **sums}
