"""Time as a value that tests can move. Consequences take a `Clock`, never `time` itself."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds on a clock that only goes forward; differences are meant, not the value."""

monotonic: Clock = time.monotonic
