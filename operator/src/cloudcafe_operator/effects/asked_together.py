"""Reads of single things, asked for by many at the same time, put into few calls.

Used by `*_store.py`, `cafe_looks.py` and `shared_lists.py`. What is asked for while a call is under
way waits for its end and goes along with the next one, so nobody waits for a timer: one asker has a
call of his own, and of hundreds each call serves as many as the API takes at once. Where a call may
hang, nobody waits for another's longer than a patience: the next one then goes beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

Item = TypeVar("Item")
Read = Callable[[tuple[str, ...]], Awaitable[Mapping[str, Item]]]
Asker = tuple[tuple[str, ...], "asyncio.Future[dict[str, Item]]"]


class AskedTogether(Generic[Item]):
    """`read` returns those of some names that exist; it is given at most `most` at once.

    `patience`: seconds that a call may take before the next one goes beside it; None: for ever.
    """

    def __init__(self, read: Read[Item], *, most: int, patience: float | None = None) -> None:
        self._read = read
        self._most = most
        self._patience = patience
        self._waiting: list[Asker[Item]] = []
        self._asking: asyncio.Task[None] | None = None
        self._calls: set[asyncio.Task[None]] = set()

    async def find(self, names: tuple[str, ...]) -> dict[str, Item]:
        """Return what exists of these names; raises what reading them raised."""
        answer: asyncio.Future[dict[str, Item]] = asyncio.get_running_loop().create_future()
        self._waiting.append((names, answer))
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask(), name="asked together")
        return await answer

    @property
    def is_idle(self) -> bool:
        """Whether nobody asks or waits."""
        return self._asking is None and not self._waiting and not self._calls

    async def _ask(self) -> None:
        """Ask until nobody waits."""
        try:
            while self._waiting:
                answering = self._answer(self._next())
                if self._patience is None:
                    await answering
                else:
                    call = asyncio.create_task(answering, name="answering")
                    self._calls.add(call)
                    call.add_done_callback(self._calls.discard)
                    await asyncio.wait([call], timeout=self._patience)
        finally:
            self._asking = None

    async def _answer(self, askers: list[Asker[Item]]) -> None:
        names = dict.fromkeys(name for asked, _ in askers for name in asked)
        try:
            found = await self._read(tuple(names))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the askers'
            _tell(askers, error)
        else:
            _tell(askers, found)

    def _next(self) -> list[Asker[Item]]:
        """Take as many askers as one call serves, at least one."""
        taken, names = 0, 0
        for asked, _ in self._waiting:
            if taken and names + len(asked) > self._most:
                break
            taken, names = taken + 1, names + len(asked)
        askers, self._waiting = self._waiting[:taken], self._waiting[taken:]
        return askers


def _tell(askers: list[Asker[Item]], found: Mapping[str, Item] | Exception) -> None:
    for asked, answer in askers:
        if answer.done():  # its reconcile was cancelled
            continue
        if isinstance(found, Exception):
            answer.set_exception(found)
        else:
            answer.set_result({name: found[name] for name in asked if name in found})
