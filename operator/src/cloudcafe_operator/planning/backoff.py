"""When a failed reconcile is tried again. Pure; the work queue asks.

The type of the error decides (errors.py draws the tree): a spec that must change is not hammered,
a lost race is tried at once, an API that asks for patience gets it.
"""

from __future__ import annotations

from dataclasses import dataclass

from cloudcafe_operator.errors import (
    AccessDenied,
    Conflict,
    OperatorError,
    QuotaExceeded,
    Retry,
    Throttled,
    Unavailable,
    UserError,
)

JITTER = 0.2  # at most this share more, so that keys which failed together come back apart


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds before the first retry, doubled for each failure in a row up to the longest."""

    first: float
    longest: float

    def seconds(self, failures: int) -> float:
        """Return the wait after so many failures in a row (1 = the first)."""
        return min(self.longest, self.first * 2.0 ** min(failures - 1, 30))


BY_TYPE: tuple[tuple[type[Exception], Backoff], ...] = (
    (UserError, Backoff(600, 3600)),
    (AccessDenied, Backoff(30, 300)),
    (QuotaExceeded, Backoff(60, 600)),
    (Conflict, Backoff(0.05, 5)),
    (Throttled, Backoff(2, 120)),
    (Unavailable, Backoff(1, 60)),
    (OperatorError, Backoff(1, 300)),
    (Exception, Backoff(5, 300)),
)


def retry_after(error: Exception, *, failures: int, jitter: float) -> float:
    """Return seconds until the next try; `jitter` is a random number from 0 to 1.

    A plain Retry is no failure but a wait of known length: it is not stretched.
    """
    if type(error) is Retry:
        return error.after
    backoff = next(value for kind, value in BY_TYPE if isinstance(error, kind))
    asked = error.after if isinstance(error, Retry) else 0.0
    return max(asked, backoff.seconds(failures)) * (1 + JITTER * jitter)
