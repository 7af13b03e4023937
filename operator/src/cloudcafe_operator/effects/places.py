"""So many runs at a time; whoever waits for a place holds no worker. Used by `execute.py`.

Hundreds of runs that begin together would keep every worker reading, and what others have in
force would be undone late. Who finds no place is woken when one is free, in the order of coming.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

from cloudcafe_operator.ports import Clock, WakeUp

WAIT_S = 2.0  # a run that waits is asked meanwhile whether it was halted or deleted
LOST_S = 5.0  # who did not ask for so long does not want a place any more


class Places:
    """Lives on one event loop. A key holds at most one place: the queue sees to that."""

    def __init__(self, queue: WakeUp, clock: Clock, *, most: int) -> None:
        self._queue = queue
        self._clock = clock
        self._free = most
        self._line: dict[str, float] = {}  # who waits, in order, and when it asked last

    @contextmanager
    def place(self, key: str) -> Iterator[bool]:
        """Hold a place; False: there is none yet, ask again after WAIT_S or when woken."""
        if not self._is_next(key):
            yield False
            return
        self._free -= 1
        try:
            yield True
        finally:
            self._free += 1
            for waiting in islice(self._line, self._free):
                self._queue.add(waiting)

    def _is_next(self, key: str) -> bool:
        now = self._clock.monotonic()
        self._line[key] = now  # one that waits already keeps its place in the line
        self._line = {one: at for one, at in self._line.items() if now - at < LOST_S}
        if key not in islice(self._line, self._free):
            return False
        del self._line[key]
        return True
