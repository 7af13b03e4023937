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

if TYPE_CHECKING:
    from localaws.toxiproxy import Proxy


class Endpoints(Protocol):
    """What is switched: Toxiproxy, or a `Switch`, which others share."""

    async def ensure(self, proxy: Proxy, *, enabled: bool) -> bool:
        """Switch as wanted; returns whether anything changed. Raises ToxiproxyUnreachableError."""


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
