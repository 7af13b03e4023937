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

from localaws.network import Network, Place
from localaws.routing import changes_state
from localaws.stores import Store, stores
from localaws.toxiproxy import ToxiproxyUnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from localaws.consequences import Forward
    from localaws.messages import Reply, Request
    from localaws.switchboard import Endpoints
    from localaws.world import World

log = structlog.get_logger(__name__)

RECONCILE_SECONDS = 1.0
PREFIX = "cloudcafe"


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
        if self._stale:
            self._stale = False
            self.current = await self._world.network()
            for watcher in self.watchers:
                watcher()
        await asyncio.gather(*map(self._switch_store, self._stores))
        return RECONCILE_SECONDS

    def state(self) -> object:
        """The stores that cannot be reached, and what is known of the cut."""
        return {"away": dict(self._away), "balancers": sorted(self.current.listeners)}

    def memory(self) -> object:
        """Nothing: the emulator's network is planted anew."""
        return None

    def remember(self, memory: Any) -> None:
        """Nothing to remember."""

    async def reset(self) -> None:
        """Read anew."""
        self._stale = True

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
        """Whether the store's service reaches it."""
        client, server = Place(f"{PREFIX}-{store.client}"), Place(f"{PREFIX}-{store.name}")
        return self.current.reaches(client, server, store.port)


def build(world: World) -> NetworkReachability:
    """The consequence with its real effect; without Toxiproxy it knows but does not cut."""
    return NetworkReachability(world, world.switches.of("network"))
