"""One list of all stores' things of a kind, read page by page and shared. Used by `*_store.py`.

However many stores there are, a kind costs so many calls an interval as its list has pages. What
was changed here since, or is not on the list, is read by itself: that is as rare as changes are.
A long list takes minutes, for which no worker waits: meanwhile the last one counts. So only the
first is read as fast as it can be, any other page by page at a pace that AWS does not feel.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from typing import Any, Generic, TypeVar

import structlog

from cloudcafe_operator.errors import OperatorError
from cloudcafe_operator.planning.pace import PAGE_SECONDS
from cloudcafe_operator.ports import Clock

Item = TypeVar("Item")
SECONDS = 300.0
SETTLES_SECONDS = 300.0  # lists of AWS lag behind a change: ListSecrets by five minutes
LONGEST_WAIT_SECONDS = 3.0
AGAIN_SECONDS = 60.0  # after a list that could not be read again
log = structlog.get_logger()


class Reading:
    """One reading at a time, for which all who need it wait, but not long.

    Where there is a last list only who begins the reading waits: a short one is soon read.
    """

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    async def wait(self, read: Callable[[], Coroutine[Any, Any, None]], *, needed: bool) -> None:
        """Wait for it; raises what it raised."""
        if self._task and not self._task.done():
            if not needed:
                return
        else:
            self._task = asyncio.create_task(read(), name="shared listing")
            self._task.add_done_callback(_taken_note_of)
        done, _ = await asyncio.wait([self._task], timeout=LONGEST_WAIT_SECONDS)
        for task in done:
            task.result()


def _taken_note_of(task: asyncio.Task[None]) -> None:
    """Who waited has been told; where nobody waited any more, the next one asks again."""
    if not task.cancelled():
        task.exception()


class SharedListing(Generic[Item]):
    """The things of all stores by name. `read` is given the seconds between two pages.

    `seconds`: how long a list of so many is believed. Where the first cannot be read, who asks is
    told why; `quiet`: nothing is known then until it is tried again.
    """

    def __init__(
        self,
        read: Callable[[float], Awaitable[Mapping[str, Item]]],
        clock: Clock,
        *,
        seconds: Callable[[int], float] = lambda _: SECONDS,
        quiet: bool = False,
    ) -> None:
        self._read = read
        self._clock = clock
        self._seconds = seconds
        self._quiet = quiet
        self._reading = Reading()
        self._next_read = float("-inf")
        self._items: Mapping[str, Item] | None = None
        self._changed: dict[str, float] = {}

    async def find(self, names: Iterable[str]) -> dict[str, Item] | None:
        """Return what is on the list of these names; None where one was changed since.

        None also where there is no list yet. Raises what reading the first list raises; where a
        later one cannot be read, the last one counts on.
        """
        if self._clock.monotonic() >= self._next_read:
            await self._reading.wait(self._read_all, needed=self._items is None)
        asked = tuple(names)
        if self._items is None or any(name in self._changed for name in asked):
            return None
        return {name: self._items[name] for name in asked if name in self._items}

    async def _read_all(self) -> None:
        started, first = self._clock.monotonic(), self._items is None
        try:
            self._items = await self._read(0.0 if first else PAGE_SECONDS)
        except OperatorError as error:
            if first and not self._quiet:
                raise
            log.warning("a shared list cannot be read", error=str(error))
            self._next_read = self._clock.monotonic() + AGAIN_SECONDS
            return
        self._next_read = started + self._seconds(len(self._items))
        self._changed = {
            name: at for name, at in self._changed.items() if started - at < SETTLES_SECONDS
        }

    def changed(self, *names: str) -> None:
        """Do not believe the list about these: they are being changed."""
        for name in names:
            self._changed[name] = self._clock.monotonic()
