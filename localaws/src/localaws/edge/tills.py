"""TCP through the edge: the NLB, where tills keep their connections. `edge.server` runs it.

A connection belongs to one target. When that target has drained or cannot be reached any more, the
connection ends, as with `connection_termination` in terraform/modules/loadbalancing; who connects
while there is no target is turned away.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from contextlib import suppress

from localaws.edge.routing import Forward

CHUNK = 64 * 1024
CONNECT_SECONDS = 5.0


class Tills:
    """Open connections by target.

    `usable` gives the targets that get new ones, with their service; `kept` the addresses of those
    that keep what they have.
    """

    def __init__(
        self,
        usable: Callable[[], list[Forward]],
        kept: Callable[[], set[str]],
        address_of: Callable[[str], str],
    ) -> None:
        self._usable = usable
        self._kept = kept
        self._address_of = address_of
        self._open: dict[asyncio.Task[None], str] = {}
        self._turns = itertools.count()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Handle one till's connection until either side ends it."""
        targets = self._usable()
        task = asyncio.current_task()
        if not targets or task is None:
            writer.transport.abort()
            return
        chosen = targets[next(self._turns) % len(targets)]
        self._open[task] = chosen.target
        try:
            await self._pipe(chosen, reader, writer)
        except (OSError, TimeoutError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            del self._open[task]

    def changed(self) -> None:
        """End the connections whose target is gone."""
        kept = self._kept()
        for task, target in list(self._open.items()):
            if target not in kept:
                task.cancel()

    def state(self) -> dict[str, int]:
        """Open connections by target."""
        return {target: list(self._open.values()).count(target) for target in self._open.values()}

    async def close(self) -> None:
        """End all connections."""
        tasks = list(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _pipe(
        self, chosen: Forward, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        host, _, port = self._address_of(chosen.service).rpartition(":")
        async with asyncio.timeout(CONNECT_SECONDS):
            back, there = await asyncio.open_connection(host, int(port))
        try:
            ways = {
                asyncio.ensure_future(_copy(a, b)) for a, b in ((reader, there), (back, writer))
            }
            try:
                await asyncio.gather(*ways)
            finally:
                for way in ways:
                    way.cancel()
        finally:
            there.transport.abort()
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(CHUNK):
        writer.write(chunk)
        await writer.drain()
    with suppress(OSError):
        writer.write_eof()
