"""Toxiproxy's HTTP API, as far as cutting and restoring one TCP endpoint needs it.

Consequences call `ensure`; it is idempotent and bounded to a second, so it can stand in a
reconcile loop. Disabling a proxy closes its open connections and its listener.
"""

from __future__ import annotations

from dataclasses import dataclass

import httpx

NOT_FOUND = 404


class ToxiproxyUnreachableError(Exception):
    """The API did not answer, or not as Toxiproxy does: try again with the next tick."""


@dataclass(frozen=True)
class Proxy:
    """A TCP endpoint: where it listens and where it leads when it has to be created."""

    name: str
    listen: str
    upstream: str


class Toxiproxy:
    """A client of one Toxiproxy."""

    def __init__(self, url: str) -> None:
        self._http = httpx.AsyncClient(base_url=url, timeout=1.0, trust_env=False)

    async def ensure(self, proxy: Proxy, *, enabled: bool) -> bool:
        """Create the proxy if it is missing and switch it as wanted.

        Returns whether anything had to change. An existing proxy keeps its addresses: those
        belong to whoever configured it. Raises ToxiproxyUnreachableError.
        """
        try:
            found = await self._http.get(f"/proxies/{proxy.name}")
            if found.status_code == NOT_FOUND:
                created = await self._http.post(
                    "/proxies",
                    json={
                        "name": proxy.name,
                        "listen": proxy.listen,
                        "upstream": proxy.upstream,
                        "enabled": enabled,
                    },
                )
                created.raise_for_status()
                return True
            found.raise_for_status()
            if found.json()["enabled"] == enabled:
                return False
            switched = await self._http.post(f"/proxies/{proxy.name}", json={"enabled": enabled})
            switched.raise_for_status()
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise ToxiproxyUnreachableError(
                f"Toxiproxy at {self._http.base_url} did not switch {proxy.name!r}: {error!r}"
            ) from error
        return True

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()
