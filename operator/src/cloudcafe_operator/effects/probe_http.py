"""HTTP to where users' URLs lead: implements ports.Http, and goes nowhere that the fence refuses.

Used for http and prometheus probes. The cafe's own services are called by `http.py` without it:
their addresses are the chart's. A name is looked up once for each connection, its addresses are
judged, and those are connected to: one that changes its mind in between gains nothing. Redirects
are answers and are not followed.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from cloudcafe_operator.effects.http import HttpClient
from cloudcafe_operator.planning.fence import (
    Network,
    cluster_domain,
    cluster_name,
    is_ours_alone,
    is_outside,
    refused_host,
)

RESOLV_CONF = Path("/etc/resolv.conf")
NUMERIC = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
NO_SUCH_NAME = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
Info = tuple[int, int, int, str, Any]  # as getaddrinfo has it: the address is last
Lookup = Callable[[str, int, int], Awaitable[Sequence[Info]]]  # name, port and family


async def look_up(name: str, port: int, family: int) -> Sequence[Info]:
    """Ask the system's resolver; the name that the addresses belong to is in the first answer."""
    asked = asyncio.get_running_loop().getaddrinfo
    flags = socket.AI_ADDRCONFIG | socket.AI_CANONNAME
    found: Sequence[Info] = await asked(
        name, port, family=family, type=socket.SOCK_STREAM, flags=flags
    )
    return found


class FencedResolver(AbstractResolver):
    """Resolves names to addresses that a probe may connect to."""

    def __init__(
        self,
        home: str,
        *,
        opened: Sequence[Network] = (),
        domain: str | None = None,
        lookup: Lookup = look_up,
    ) -> None:
        self._home = home
        self._opened = opened
        self._domain = domain or cluster_domain(_resolv_conf())
        self._lookup = lookup

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses that may be connected to; OSError where there is none."""
        found, inside = await self._found(host.lower().removesuffix("."), port, family)
        allowed = [
            one
            for one in (str(info[4][0]) for info in found)
            if not is_ours_alone(one) and (inside or is_outside(one, self._opened))
        ]
        if not allowed:
            raise OSError(
                errno.EHOSTUNREACH,
                f"{host} leads to no address that a probe may reach: probe a service by its name, "
                "or open its CIDR in global.networkPolicies.probesTo",
            )
        return [_result(host, one, port) for one in dict.fromkeys(allowed)]

    async def close(self) -> None:
        """Nothing is held."""

    async def _found(self, host: str, port: int, family: int) -> tuple[Sequence[Info], bool]:
        """Look a name up in full, never along a search list; say whether it is the cluster's.

        A service of type ExternalName is an alias: of the cafe's own namespace the chart made it,
        elsewhere its target has not been judged by name and counts as outside.
        """
        ours = cluster_name(host, self._home, self._domain)
        if ours:
            try:
                found = await self._lookup(f"{ours}.", port, family)
            except socket.gaierror as problem:
                if problem.errno not in NO_SUCH_NAME or "." not in host:
                    raise
            else:
                real = found[0][3].lower().rstrip(".")
                at_home = ours.endswith(f".{self._home}.svc.{self._domain}")
                return found, at_home or real == ours
        return await self._lookup(f"{host}.", port, family), False


class ProbeClient(HttpClient):
    """Implements ports.Http for URLs that users give; made with a FencedResolver."""

    def __init__(self, resolver: AbstractResolver) -> None:
        super().__init__(resolver, reuse=False)

    def _refused(self, url: str) -> str:
        """Judge the host as aiohttp reads it: to it full-width digits are digits."""
        try:
            why = refused_host((URL(url).host or "").removesuffix("."))
        except ValueError as problem:
            why = str(problem)
        return f"{url} was not asked, {why}" if why else ""


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(
        hostname=host, host=address, port=port, family=family, proto=0, flags=NUMERIC
    )


def _resolv_conf() -> str:
    try:
        return RESOLV_CONF.read_text("utf-8", errors="replace")
    except OSError:
        return ""
