"""Leaves a provider that is away alone, instead of asking it for every order that waits.

Told by `provider.py` how each call went, asked by the handler before it begins. After some
failures in a row it says to wait, longer each time; when the wait is over, one call tries.
"""

import time
from collections.abc import Callable

import structlog

log = structlog.get_logger()

FAILURES = 5
FIRST_SECONDS = 1.0
LONGEST_SECONDS = 20.0
TRIAL_SECONDS = 5.0


class HoldOff:
    """A circuit breaker that speaks in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._pause = 0.0
        self._until = 0.0
        self._trial_until = 0.0

    def seconds(self) -> float:
        """How long to wait; 0 means go. When the wait is over, whoever asks first goes alone."""
        left = self.resting_seconds()
        if left > 0 or self._failures < FAILURES:
            return left
        self._trial_until = self._clock() + TRIAL_SECONDS
        return 0.0

    def resting_seconds(self) -> float:
        """As `seconds`, for one who only wants to know."""
        if self._failures < FAILURES:
            return 0.0
        return max(max(self._until, self._trial_until) - self._clock(), 0.0)

    def succeeded(self) -> None:
        """It answered."""
        if self._failures >= FAILURES:
            log.info("provider is back")
        self._failures, self._pause = 0, 0.0
        self._until = self._trial_until = 0.0

    def failed(self) -> None:
        """It did not."""
        self._failures += 1
        now = self._clock()
        # those who were under way when it began are one failure, not many
        if self._failures < FAILURES or now < self._until:
            return
        self._pause = min(self._pause * 2 or FIRST_SECONDS, LONGEST_SECONDS)
        self._until, self._trial_until = now + self._pause, 0.0
        log.warning("provider is away", failures=self._failures, seconds=self._pause)
