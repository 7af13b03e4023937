"""Whose turn it is after a start. Used by `handlers/store.py`.

A new leader knows nothing. What stands in the status is believed until a store's turn comes, at the
pace at which a fleet is always looked at: else each restart would ask AWS, the API server and the
cafe's services about all stores at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cloudcafe_operator.planning.pace import LOOKS_AT_ONCE, LOOKS_PER_SECOND
from cloudcafe_operator.ports import Clock


@dataclass(slots=True)
class Turns:
    """The first look at each store; a small fleet is looked at at once."""

    clock: Clock
    _due: dict[str, float] = field(default_factory=dict)
    _looked: set[str] = field(default_factory=set)
    _last: float = float("-inf")

    def seconds(self, store_id: str) -> float:
        """Return how long until a store's turn; 0 where it is, or has been."""
        if store_id in self._looked:
            return 0.0
        now = self.clock.monotonic()
        if store_id not in self._due:
            self._last = max(self._last, now - LOOKS_AT_ONCE / LOOKS_PER_SECOND)
            self._last += 1 / LOOKS_PER_SECOND
            self._due[store_id] = self._last
        return max(0.0, self._due[store_id] - now)

    def looked(self, store_id: str) -> None:
        """It was looked at."""
        self._due.pop(store_id, None)
        self._looked.add(store_id)

    def forget(self, store_id: str) -> None:
        """A store is gone."""
        self._due.pop(store_id, None)
        self._looked.discard(store_id)
