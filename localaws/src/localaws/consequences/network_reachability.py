"""Security groups and network ACLs decide which stores can be reached.

Requests to EC2 and to load balancing pass through it. After each that may have changed something
the network is read anew, and every store that its service's group no longer reaches is cut: open
connections too. (AWS lets a tracked connection live on when only a security group's rule went; who
opens a new one is refused. A cut that one must wait for would not be seen.)

`current` is the network as last read: the edge routes by it, and is told of each reading.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

from localaws.homes import ZONES, Homes
from localaws.network import Network, Place, Subnet
from localaws.routing import changes_state
from localaws.seed import Seed
from localaws.seeding import request_of
from localaws.settings import ACCOUNT
from localaws.stores import Store, stores
from localaws.toxiproxy import ToxiproxyUnreachableError
from localaws.world import ClusterKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from localaws.consequences import Forward
    from localaws.messages import Reply, Request
    from localaws.switchboard import Endpoints
    from localaws.world import World

log = structlog.get_logger(__name__)

RECONCILE_SECONDS = 1.0
MOVING_SECONDS = 0.2
PREFIX = "cloudcafe"
NOTICED_AFTER = 0.5
"""Of the time that a failover takes: how long a primary is out of reach before AWS acts."""


class NetworkReachability:
    """Holds the network as it was last read, and what it cuts."""

    services = frozenset({"ec2", "elasticloadbalancing"})

    def __init__(self, world: World, switch: Endpoints | None) -> None:
        self.current = Network()
        self.watchers: list[Callable[[], None]] = []
        self._world = world
        self._switch = switch
        self._stores = stores(world.settings)
        self._stale = True
        self._away: dict[str, str] = {}
        self._homes = Homes(world.settings.failover_seconds * NOTICED_AFTER)

    async def answer(self, request: Request, forward: Forward) -> Reply:
        """Forward; where the network may have changed, its effect is there with the answer."""
        reply = await forward(request)
        if changes_state(request.method, request.action):
            self._stale = True
            await self.tick()
            self._world.wake()
        return reply

    async def tick(self) -> float:
        """Read the network where it changed, and make the endpoints match."""
        if self._stale or self.current.moves:
            await self.refresh()
        for store in self._stores:
            await self._move(store)
        await asyncio.gather(*map(self._switch_store, self._stores))
        return MOVING_SECONDS if self.current.moves else RECONCILE_SECONDS

    async def refresh(self) -> None:
        """Read the network, and tell who routes by it."""
        self._stale = False
        self.current = await self._world.network()
        for watcher in self.watchers:
            watcher()

    def state(self) -> object:
        """The stores that cannot be reached, and what is known of the cut."""
        return {
            "away": dict(self._away),
            "moved": self._homes.state(),
            "balancers": sorted(self.current.listeners),
        }

    def memory(self) -> object:
        """Nothing: the emulator's network is planted anew."""
        return None

    def remember(self, memory: Any) -> None:
        """Nothing to remember."""

    async def reset(self) -> None:
        """Read anew; every store is back in its first zone."""
        self._stale = True
        self._homes.clear()

    async def _switch_store(self, store: Store) -> None:
        reached = self.reached(store)
        known = self._away.get(store.name)
        outcome = "" if reached else "cut"
        if self._switch is not None:
            try:
                await self._switch.ensure(store.proxy, enabled=reached)
            except ToxiproxyUnreachableError as error:
                outcome = f"unreachable, should be {'serving' if reached else 'cut'}"
                if known != outcome:
                    log.warning("store's endpoint out of reach", store=store.name, error=str(error))
        if outcome != (known or ""):
            log.info("reachability changed", store=store.name, now=outcome or "serving")
        self._away = {**self._away, store.name: outcome}
        if not outcome:
            del self._away[store.name]

    def reached(self, store: Store) -> bool:
        """Whether the store's service reaches it, from one zone at least."""
        return self._reached_in(store, self._homes.zone(store.name))

    def _reached_in(self, store: Store, zone: str) -> bool:
        there = self._subnet("database", zone)
        return any(
            self.current.reaches(
                Place(f"{PREFIX}-{store.client}", self._subnet("private", each)),
                Place(f"{PREFIX}-{store.name}", there),
                store.port,
            )
            for each in ZONES
        )

    def _subnet(self, kind: str, zone: str) -> Subnet | None:
        return self.current.subnets.get(f"{PREFIX}-{kind}-{self._world.settings.region}{zone}")

    def _let_by_acls(self, zone: str) -> bool:
        there = self._subnet("database", zone)
        places = [Place("", self._subnet("private", each)) for each in ZONES]
        return any(self.current.reaches(each, Place("", there), 0) for each in places)

    async def _move(self, store: Store) -> None:
        """Follow Aurora's writer; let a replica take over where the zone has been cut off."""
        if store.name == "aurora":
            self._follow_writer()
        now, homes = self._world.clock(), self._homes
        reached = self._let_by_acls(homes.zone(store.name))
        if not homes.overdue(store.name, now, reached=reached) or not store.moves:
            return
        zone = homes.elsewhere(store.name, self._let_by_acls)
        if zone and store.name == "aurora":
            await self._fail_over()
        elif zone:
            homes.settle(store.name, zone)
            log.info("a replica took over", store=store.name, zone=zone)

    def _follow_writer(self) -> None:
        """Instance number 1 is in the first zone, 2 in the second, as RDS spreads them."""
        settings = self._world.settings
        writer = self._world.clusters.writer(
            ClusterKey(ACCOUNT, settings.region, settings.aurora_cluster)
        )
        number = (writer or "").rpartition("-")[2]
        zone = ZONES[(int(number) - 1) % len(ZONES)] if number.isdecimal() else ZONES[0]
        if zone != self._homes.zone("aurora"):
            self._homes.settle("aurora", zone)

    async def _fail_over(self) -> None:
        """As RDS does by itself; where one is under way already, that one goes on."""
        if self._world.act is not None:
            asked = {"DBClusterIdentifier": self._world.settings.aurora_cluster}
            await self._world.act(request_of(self._world, Seed("rds", "FailoverDBCluster", asked)))


def build(world: World) -> NetworkReachability:
    """The consequence with its real effect; without Toxiproxy it knows but does not cut."""
    return NetworkReachability(world, world.switches.of("network"))
