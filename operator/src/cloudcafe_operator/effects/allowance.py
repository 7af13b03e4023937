"""How often something may be done that is not worth waiting for. Used by what looks at stores.

A fleet of ten stores is looked at whole and told of in full; of ten thousand, one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass

from cloudcafe_operator.ports import Clock


@dataclass(slots=True)
class Allowance:
    """So many a minute, and some at once. Says no instead of letting wait."""

    clock: Clock
    per_minute: float
    at_once: float
    _left: float | None = None
    _at: float = 0.0

    def take(self) -> bool:
        """Whether one more is allowed now."""
        now = self.clock.monotonic()
        left = self.at_once if self._left is None else self._left
        left = min(self.at_once, left + (now - self._at) * self.per_minute / 60.0)
        self._at = now
        self._left = left - 1 if left >= 1 else left
        return left >= 1


def settings_read(clock: Clock) -> Allowance:
    """Return how many queues' settings are read beside the lists."""
    return Allowance(clock, per_minute=60.0, at_once=300.0)


def good_news(clock: Clock) -> Allowance:
    """Return how many events tell that something got well; warnings are always told."""
    return Allowance(clock, per_minute=300.0, at_once=200.0)
