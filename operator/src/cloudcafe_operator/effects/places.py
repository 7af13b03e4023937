"""So many runs at a time; whoever waits for a place holds no worker. Used by `execute.py`.

Hundreds of runs that begin together would keep every worker reading, and what others have in
force would be undone late. Who finds no place is woken when one is free, in the order of coming.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

from cloudcafe_operator.ports import WakeUp

WAIT_S = 5.0  # a run that waits is asked meanwhile whether it was halted; it is woken for its place


class Places:
    """Lives on one event loop. A key holds at most one place: the queue sees to that.

    Who wants no place any more must leave: the first in line is waited for.
    """

    def __init__(self, queue: WakeUp, *, most: int) -> None:
        self._queue = queue
        self._free = most
        self._line: dict[str, None] = {}  # who waits, in order

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
            self._wake()

    def leave(self, key: str) -> None:
        """Give up waiting."""
        if key in self._line:
            del self._line[key]
            self._wake()

    def _is_next(self, key: str) -> bool:
        self._line.setdefault(key)  # one that waits already keeps its place in the line
        if key not in islice(self._line, self._free):
            return False
        del self._line[key]
        return True

    def _wake(self) -> None:
        for waiting in islice(self._line, self._free):
            self._queue.add(waiting)
