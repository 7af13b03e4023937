"""FailoverDBCluster cuts the writer's connections and lets them back after a set time.

RDS requests pass through it. While the cluster `settings.aurora_cluster` fails over, Toxiproxy's
proxy before PostgreSQL is disabled: open connections are cut, new ones refused. Other clusters
only walk through the states. The errors (unknown cluster or target, no reader, already failing
over) are the emulator's own.

A restarted localaws that keeps its state goes on with the failover that was under way; a restarted
Toxiproxy starts enabled and is cut again within a second.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import structlog
from prometheus_client import Counter

from localaws.failover import Failover, Phase, serves
from localaws.stores import store
from localaws.switchboard import Endpoint
from localaws.world import ClusterKey

if TYPE_CHECKING:
    from localaws.consequences import Forward
    from localaws.messages import Reply, Request
    from localaws.switchboard import Endpoints
    from localaws.world import World

log = structlog.get_logger(__name__)

OK = 200
RECONCILE_SECONDS = 1.0


class AuroraFailover:
    """Holds the failovers under way and the connections to match."""

    services = frozenset({"rds"})

    def __init__(self, world: World, toxiproxy: Endpoints | None) -> None:
        self._world = world
        self._endpoint = Endpoint(toxiproxy, store("aurora", world.settings).proxy)
        self._running: dict[ClusterKey, Failover] = {}
        self._ticking = asyncio.Lock()
        self._failovers = Counter(
            "localaws_aurora_failovers",
            "Failovers that were started, by cluster",
            ["cluster"],
            registry=world.registry,
        )

    async def answer(self, request: Request, forward: Forward) -> Reply:
        """Forward; on an accepted FailoverDBCluster begin the course and cut the connections."""
        if request.action != "FailoverDBCluster":
            return await forward(request)
        key = _key(request)
        old_writer = self._world.clusters.writer(key)
        reply = await forward(request)
        new_writer = self._world.clusters.writer(key)
        if reply.status != OK or old_writer is None or new_writer is None:
            return reply
        now = self._world.clock()
        self._running[key] = Failover(
            old_writer, new_writer, now, self._world.settings.failover_seconds
        )
        self._failovers.labels(key.identifier).inc()
        self._world.clusters.record(key, f"Started failover to DB instance: {new_writer}")
        log.info("failover began", cluster=key.identifier, old=old_writer, new=new_writer)
        await self.tick()
        self._world.wake()
        return reply.with_body(_with_writer(reply.body, old_writer))

    async def tick(self) -> float:
        """Move each failover on, then make the proxy match.

        One at a time: a slow "enable" of the last failover must not land after the "disable" of
        the next.
        """
        async with self._ticking:
            now = self._world.clock()
            for key, failover in list(self._running.items()):
                self._advance(key, failover, now)
            await self._endpoint.serve(enabled=serves(self._of_postgres(), now))
            dues = [failover.due(now) for failover in self._running.values()]
            return min([RECONCILE_SECONDS, *dues])

    def state(self) -> object:
        """The failovers under way, and what is known of the proxy."""
        now = self._world.clock()
        return {
            "writerEndpoint": self._endpoint.known,
            "failingOver": {
                key.identifier: {
                    "from": failover.old_writer,
                    "to": failover.new_writer,
                    "phase": failover.phase(now).value,
                    "secondsLeft": round(failover.started + failover.seconds - now, 3),
                }
                for key, failover in self._running.items()
            },
        }

    def memory(self) -> object:
        """The failovers under way; time is what has passed of each, as clocks start anew."""
        now = self._world.clock()
        return [
            {
                "cluster": [key.account, key.region, key.identifier],
                "from": failover.old_writer,
                "to": failover.new_writer,
                "elapsed": now - failover.started,
                "seconds": failover.seconds,
            }
            for key, failover in self._running.items()
        ]

    def remember(self, memory: Any) -> None:
        """Go on where the process before was; the time without a process does not count."""
        now = self._world.clock()
        self._running = {
            ClusterKey(*each["cluster"]): Failover(
                each["from"], each["to"], now - each["elapsed"], each["seconds"]
            )
            for each in memory
        }

    async def reset(self) -> None:
        """Let the connections back at once."""
        self._running.clear()
        await self.tick()

    def _advance(self, key: ClusterKey, failover: Failover, now: float) -> None:
        over = failover.phase(now) is Phase.OVER
        busy = frozenset({failover.old_writer, failover.new_writer})
        self._world.clusters.mark(
            key, writer=failover.writer(now), failing_over=frozenset() if over else busy
        )
        if over:
            del self._running[key]
            self._world.clusters.record(
                key, f"Completed failover to DB instance: {failover.new_writer}"
            )
            log.info("failover over", cluster=key.identifier, writer=failover.new_writer)

    def _of_postgres(self) -> Failover | None:
        wanted = self._world.settings.aurora_cluster
        return next((f for key, f in self._running.items() if key.identifier == wanted), None)


def build(world: World) -> AuroraFailover:
    """The consequence with its real effect; without a URL it moves only state."""
    return AuroraFailover(world, world.switches.of("failover"))


def _key(request: Request) -> ClusterKey:
    parameters = parse_qs((request.body or request.query).decode("latin-1"))
    identifier = parameters.get("DBClusterIdentifier", [""])[0].rpartition(":")[2].lower()
    return ClusterKey(request.account, request.region, identifier)


def _with_writer(body: bytes, writer: str) -> bytes:
    """The emulator's answer shows the promoted writer; AWS's still shows the old one."""

    def corrected(member: re.Match[bytes]) -> bytes:
        is_writer = b"true" if member[2] == writer.encode() else b"false"
        return member[1] + member[2] + member[3] + is_writer

    return re.sub(
        rb"(<DBInstanceIdentifier>)([^<]+)(</DBInstanceIdentifier>\s*<IsClusterWriter>)\w+",
        corrected,
        body,
    )
