"""In which zone each store's primary stands, and when it moves. Pure.

`consequences/network_reachability.py` drives it. A primary that its clients cannot reach for the
time in which AWS notices is replaced by a replica in another zone; one that was moved stays there.
Aurora's writer is the emulator's: its zone follows from the instance, and a failover is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ZONES = ("a", "b", "c")


class Homes:
    """The zones, by the name of the store; everything begins in the first."""

    def __init__(self, seconds: float) -> None:
        """`seconds` is how long a primary is out of reach before a replica takes over."""
        self._seconds = seconds
        self._zones: dict[str, str] = {}
        self._lost_since: dict[str, float] = {}

    def zone(self, store: str) -> str:
        """Where its primary stands."""
        return self._zones.get(store, ZONES[0])

    def settle(self, store: str, zone: str) -> None:
        """Its primary stands there now."""
        self._zones[store] = zone
        self._lost_since.pop(store, None)

    def overdue(self, store: str, now: float, *, reached: bool) -> bool:
        """Note whether it is reached; true once that has taken too long, and then once anew."""
        if reached:
            self._lost_since.pop(store, None)
            return False
        since = self._lost_since.setdefault(store, now)
        if now - since < self._seconds:
            return False
        self._lost_since[store] = now
        return True

    def elsewhere(self, store: str, reached: Callable[[str], bool]) -> str:
        """Another zone in which a replica could be reached; empty: none."""
        here = self.zone(store)
        return next((each for each in ZONES if each != here and reached(each)), "")

    def state(self) -> dict[str, str]:
        """Those that have moved."""
        return dict(self._zones)

    def clear(self) -> None:
        """Everything is where it began."""
        self._zones.clear()
        self._lost_since.clear()
