"""The embedded AWS itself: emulators, consequences and their loop, without HTTP.

The gateway owns one. What it answers is what AWS would: the service's consequences stand, in
order of their names, between the request and the emulator.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import structlog

from localaws.consequences import Consequence, discover
from localaws.consequences.network_reachability import NetworkReachability
from localaws.emulators import moto_network
from localaws.emulators.clusters import MinistackClusters
from localaws.emulators.ministack import Ministack
from localaws.emulators.monitoring import MinistackMonitoring
from localaws.emulators.moto import Moto
from localaws.routing import MOTO_SERVICES, changes_state
from localaws.seeding import sow
from localaws.snapshots import Snapshots
from localaws.switchboard import Switchboard
from localaws.tagging import Tagging
from localaws.toxiproxy import Toxiproxy
from localaws.world import World

if TYPE_CHECKING:
    from localaws.consequences import Forward
    from localaws.messages import Reply, Request
    from localaws.network import Network
    from localaws.settings import Settings

log = structlog.get_logger(__name__)

TICK_SECONDS = 1.0


class EmbeddedAws:
    """Emulators with consequences."""

    def __init__(self, settings: Settings) -> None:
        self.ready = False
        self._due = asyncio.Event()
        self.moto = Moto()
        self.world = World(
            settings,
            self._emulate,
            MinistackClusters(),
            wake=self._due.set,
            switches=Switchboard(_toxiproxy(settings)),
            network=self._network,
            act=self.answer,
            monitoring=MinistackMonitoring(),
        )
        self.consequences: dict[str, Consequence] = discover(self.world)
        self._snapshots = Snapshots(settings, self.consequences, self.world.registry)
        self.ministack = Ministack(settings, self._snapshots.changed)
        self._tagging = Tagging(self.ministack, self.moto)
        self._chains = self._chained()
        self._loop: asyncio.Task[None] | None = None

    @property
    def reachability(self) -> NetworkReachability:
        """Who reaches whom, as the edge needs it."""
        found = self.consequences["network_reachability"]
        if not isinstance(found, NetworkReachability):
            raise TypeError("consequences/network_reachability.py builds something else")
        return found

    async def start(self) -> None:
        """Start the emulators with what they held before, seed what is missing, and reconcile.

        Raises what keeps it from that.
        """
        self.ministack.load()
        self._snapshots.restore()
        await self.ministack.start()
        await self._sow()
        self._snapshots.start()
        self._loop = asyncio.create_task(self._reconcile(), name="consequences")
        self.ready = True
        log.info("ready")

    async def stop(self) -> None:
        """End the loop and the emulators."""
        self.ready = False
        if self._loop is not None:
            self._loop.cancel()
            with suppress(asyncio.CancelledError):
                await self._loop
        await self._snapshots.stop()
        self.moto.close()
        await self.ministack.stop()

    async def reset(self) -> None:
        """Back to the state after start (tests only)."""
        await self.ministack.reset()
        await self.moto.reset()
        for consequence in self.consequences.values():
            await consequence.reset()
        await self._sow()

    def has_consequences(self, service: str) -> bool:
        """Whether requests to the service have to be read whole."""
        return service in self._chains or service == "tagging"

    async def answer(self, request: Request) -> Reply:
        """What AWS answers, consequences included."""
        chain = self._chains.get(request.service)
        try:
            return await (chain(request) if chain else self._emulate(request))
        finally:
            if chain and changes_state(request.method, request.action):
                self._snapshots.changed()  # a consequence may have answered it alone

    async def _sow(self) -> None:
        if self.world.settings.seed:
            region = self.world.settings.region
            await self.moto.run(partial(moto_network.plant, region))
            await sow(self.world)
        await self.reachability.refresh()  # a tick may have read it half planted

    async def _network(self) -> Network:
        return await self.moto.run(partial(moto_network.read, self.world.settings.region))

    async def _emulate(self, request: Request) -> Reply:
        if request.service in MOTO_SERVICES:
            return await self.moto.call(request)
        if request.service == "tagging":
            return await self._tagging.call(request)
        return await self.ministack.call(request)

    def _chained(self) -> dict[str, Forward]:
        chains: dict[str, Forward] = {}
        for consequence in reversed(self.consequences.values()):
            for service in consequence.services:
                inner = chains.get(service, self._emulate)
                chains[service] = partial(_through, consequence, inner)
        return chains

    async def _reconcile(self) -> None:
        while True:
            delays = await asyncio.gather(*map(_tick, self.consequences.values()))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._due.wait(), min([TICK_SECONDS, *delays]))
            self._due.clear()


def _toxiproxy(settings: Settings) -> Toxiproxy | None:
    return Toxiproxy(settings.toxiproxy_url) if settings.toxiproxy_url else None


async def _through(consequence: Consequence, inner: Forward, request: Request) -> Reply:
    return await consequence.answer(request, inner)


async def _tick(consequence: Consequence) -> float:
    try:
        return await consequence.tick()
    except Exception:  # one broken consequence must not stop the others
        log.exception("tick failed", consequence=type(consequence).__name__)
        return TICK_SECONDS
