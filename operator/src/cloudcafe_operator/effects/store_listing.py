"""One list of all stores' things of a kind, read page by page and shared. Used by `*_store.py`.

However many stores there are, a kind costs so many calls an interval as its list has pages. What
was changed here since, or is not on the list, is read by itself: that is as rare as changes are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Generic, TypeVar

from cloudcafe_operator.ports import Clock

Item = TypeVar("Item")
SECONDS = 300.0
SETTLES_SECONDS = 60.0  # lists of AWS may lag behind a change


class SharedListing(Generic[Item]):
    """The things of all stores by name."""

    def __init__(
        self,
        read: Callable[[], Awaitable[Mapping[str, Item]]],
        clock: Clock,
        *,
        seconds: float = SECONDS,
    ) -> None:
        self._read = read
        self._clock = clock
        self._seconds = seconds
        self._lock = asyncio.Lock()
        self._read_at = float("-inf")
        self._items: Mapping[str, Item] = {}
        self._changed: dict[str, float] = {}

    async def find(self, names: Iterable[str]) -> dict[str, Item] | None:
        """Return what is on the list of these names; None where one was changed since.

        Raises what reading the list raises.
        """
        async with self._lock:
            started = self._clock.monotonic()
            if started - self._read_at >= self._seconds:
                self._items = await self._read()
                self._read_at = started
                self._changed = {
                    name: at for name, at in self._changed.items() if started - at < SETTLES_SECONDS
                }
        asked = tuple(names)
        if any(name in self._changed for name in asked):
            return None
        return {name: self._items[name] for name in asked if name in self._items}

    def changed(self, *names: str) -> None:
        """Do not believe the list about these: they are being changed."""
        for name in names:
            self._changed[name] = self._clock.monotonic()
