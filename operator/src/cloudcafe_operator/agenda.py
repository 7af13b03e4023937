"""Which key is due when: the bookkeeping of the work queue, without tasks and without a clock.

Its laws, held by property tests: a key is in hand at most once; of several wishes for a key the
earliest counts; a wish that comes while the key is in hand is kept for afterwards; what goes ahead
goes before all that has been due for less than `ahead` seconds, and for nothing else.
"""

from __future__ import annotations

import heapq
import itertools
from typing import NamedTuple


class Taken(NamedTuple):
    """A key whose turn it is, and since when it has waited: news since it was told."""

    key: str
    since: float
    news: bool


class _Wish(NamedTuple):
    rank: float  # the lowest goes first
    due: float
    told: float  # when the first news of it came


_NEVER = _Wish(float("inf"), float("inf"), float("inf"))


class Agenda:
    """Due times of keys, and which keys are in hand. Times are seconds of any one clock."""

    def __init__(self) -> None:
        self._due: dict[str, _Wish] = {}
        self._heap: list[tuple[float, int, str]] = []
        self._order = itertools.count()  # first come, first served among equals
        self._in_hand: set[str] = set()

    def __len__(self) -> int:
        """How many keys wait."""
        return len(self._due)

    @property
    def in_hand(self) -> frozenset[str]:
        """The keys that were taken and not yet finished."""
        return frozenset(self._in_hand)

    def add(self, key: str, due: float) -> None:
        """Wish for a key to be taken at a time, or earlier if it was wished so before."""
        self._wish(key, _Wish(due, due, _NEVER.told))

    def tell(self, key: str, now: float, *, ahead: float = 0.0) -> None:
        """There is news of a key: it is due now, and before what has been for less than `ahead`."""
        self._wish(key, _Wish(now - ahead, now, now))

    def _wish(self, key: str, new: _Wish) -> None:
        before = self._due.get(key, _NEVER)
        wish = _Wish(*map(min, before, new))
        self._due[key] = wish
        if wish.rank < before.rank and key not in self._in_hand:
            heapq.heappush(self._heap, (wish.rank, next(self._order), key))

    def take(self, now: float) -> Taken | None:
        """Take the key whose turn it is; None when none is due."""
        self._drop_outdated()
        if not self._heap or self._heap[0][0] > now:
            return None
        _, _, key = heapq.heappop(self._heap)
        self._in_hand.add(key)
        wish = self._due.pop(key)
        news = wish.told <= now
        return Taken(key, wish.told if news else wish.due, news)

    def finish(self, key: str) -> None:
        """Put a taken key down; wishes that came meanwhile count from now on."""
        self._in_hand.remove(key)
        if key in self._due:
            heapq.heappush(self._heap, (self._due[key].rank, next(self._order), key))

    def remove(self, key: str) -> None:
        """Forget all wishes for a key."""
        self._due.pop(key, None)

    def next_due(self) -> float | None:
        """When the next key can be taken, or an earlier moment; None when none waits."""
        self._drop_outdated()
        return self._heap[0][0] if self._heap else None

    def _drop_outdated(self) -> None:
        while self._heap and (
            self._due.get(self._heap[0][2], _NEVER).rank != self._heap[0][0]
            or self._heap[0][2] in self._in_hand
        ):
            heapq.heappop(self._heap)
