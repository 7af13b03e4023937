"""Whose turn it is, where all stores of a fleet may want the same at once.

Used by `handlers/store.py` for the first look after a start. A new leader knows nothing. What
stands in the status is believed until a store's turn comes, at the pace at which a fleet is always
looked at, two seconds' worth at a time: else each restart would ask AWS, the API server and the
cafe's services about all stores at once. Used by `verify_store.py` for each coffee: else the
purchases that fail would be repeated all together, against a service that tries to come back.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from cloudcafe_operator.planning.pace import (
    LOOKS_AT_ONCE,
    LOOKS_PER_SECOND,
    ORDERS_AT_ONCE,
    ORDERS_PER_MINUTE,
    TOGETHER_SECONDS,
    together,
)
from cloudcafe_operator.ports import Clock


@dataclass(slots=True)
class Turns:
    """One place in line for each store; a small fleet's turns come at once."""

    clock: Clock
    per_second: float
    at_once: float
    grouped: bool = False  # those of about the same moment come at the same one
    _due: dict[str, float] = field(default_factory=dict)
    _looked: set[str] = field(default_factory=set)
    _last: float = float("-inf")

    def seconds(self, store_id: str) -> float:
        """Return how long until a store's turn; 0 where it is, or has been.

        Who asks for the first time takes a place, and keeps it until it is done or forgotten.
        """
        if store_id in self._looked:
            return 0.0
        now = self.clock.monotonic()
        if store_id not in self._due:
            self._last = max(self._last, now - self.at_once / self.per_second)
            self._last += 1 / self.per_second
            late = self.grouped and self._last > now
            self._due[store_id] = together(self._last + TOGETHER_SECONDS) if late else self._last
        return max(0.0, self._due[store_id] - now)

    def looked(self, store_id: str) -> None:
        """It was looked at, and waits for no turn again."""
        self._due.pop(store_id, None)
        self._looked.add(store_id)

    def forget(self, store_id: str) -> None:
        """A store is gone, or its turn is over: it would have to take another place."""
        self._due.pop(store_id, None)
        self._looked.discard(store_id)


def looks(clock: Clock) -> Turns:
    """Return whose turn it is to be looked at for the first time."""
    return Turns(clock, LOOKS_PER_SECOND, LOOKS_AT_ONCE, grouped=True)


def purchases(clock: Clock) -> Turns:
    """Return whose turn it is to buy a coffee."""
    return Turns(clock, ORDERS_PER_MINUTE / 60.0, ORDERS_AT_ONCE)
