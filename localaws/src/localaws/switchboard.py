"""The one place that switches Toxiproxy, since several consequences cut the same endpoint.

A failover, a lost zone and a missing rule can each want the writer away. An endpoint serves only
while all of them let it; who has not said anything lets it. Built by the gateway as
`World.switches`; a consequence takes its own `Switch` from it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import structlog

from localaws.toxiproxy import ToxiproxyUnreachableError

if TYPE_CHECKING:
    from localaws.toxiproxy import Proxy


log = structlog.get_logger(__name__)


class Endpoints(Protocol):
    """What is switched: Toxiproxy, or a `Switch`, which others share."""

    async def ensure(self, proxy: Proxy, *, enabled: bool) -> bool:
        """Switch as wanted; returns whether anything changed. Raises ToxiproxyUnreachableError."""


class Endpoint:
    """One endpoint as one consequence wants it, and what is known of it."""

    def __init__(self, switch: Endpoints | None, proxy: Proxy) -> None:
        self._switch = switch
        self._proxy = proxy
        self._switching = asyncio.Lock()
        self.known = "unknown" if switch else "no Toxiproxy configured: state only"

    async def serve(self, *, enabled: bool) -> None:
        """Switch as wanted; out of reach is told once, and tried again with the next call."""
        if self._switch is None:
            return
        wanted = "serving" if enabled else "cut"
        async with self._switching:
            try:
                if await self._switch.ensure(self._proxy, enabled=enabled):
                    log.info("endpoint switched", endpoint=self._proxy.name, now=wanted)
                self.known = wanted
            except ToxiproxyUnreachableError as error:
                if not self.known.startswith("unreachable"):
                    log.warning(
                        "endpoint out of reach", endpoint=self._proxy.name, error=str(error)
                    )
                self.known = f"unreachable, should be {wanted}"


class Switchboard:
    """Remembers who wants which endpoint away; without Toxiproxy nothing is switched."""

    def __init__(self, toxiproxy: Endpoints | None = None) -> None:
        self._toxiproxy = toxiproxy
        self._away: defaultdict[str, set[str]] = defaultdict(set)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def of(self, holder: str) -> Switch | None:
        """The switch of one consequence; None where there is no Toxiproxy."""
        return Switch(self, holder) if self._toxiproxy else None

    def why_away(self, endpoint: str) -> list[str]:
        """Who keeps an endpoint away."""
        return sorted(self._away[endpoint])

    async def ensure(self, proxy: Proxy, holder: str, *, enabled: bool) -> bool:
        """Note what the holder wants, and make the endpoint match what all of them want.

        One at a time per endpoint: a slow "enable" must not land after a newer "disable".
        """
        if self._toxiproxy is None:
            return False
        (self._away[proxy.name].discard if enabled else self._away[proxy.name].add)(holder)
        async with self._locks[proxy.name]:
            return await self._toxiproxy.ensure(proxy, enabled=not self._away[proxy.name])


@dataclass(frozen=True, slots=True)
class Switch:
    """One consequence's view of the board; it can be used as if it had Toxiproxy for itself."""

    board: Switchboard
    holder: str

    async def ensure(self, proxy: Proxy, *, enabled: bool) -> bool:
        """See `Switchboard.ensure`."""
        return await self.board.ensure(proxy, self.holder, enabled=enabled)
