"""Time that only the test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FakeClock:
    """Implements ports.Clock; both clocks advance together."""

    def __init__(self, start: datetime = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)) -> None:
        self._now = start
        self._monotonic = 1000.0

    def now(self) -> datetime:
        """Return the aware UTC time."""
        return self._now

    def monotonic(self) -> float:
        """Return seconds."""
        return self._monotonic

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward or back; the other one goes on as if nothing had been."""
        self._now += timedelta(seconds=seconds)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds
