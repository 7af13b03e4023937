"""For how long an undo that reads back as done may still be wrong. Pure.

A request without an answer may take effect later than the undo that found nothing of it, and AWS
may show for a while what was before a write ("eventual consistency" in the guides of SQS, DynamoDB
and EC2). Until that cannot be any more, an entry is undone and read back again and not closed.
"""

from __future__ import annotations

from datetime import datetime

from cloudcafe_operator.errors import Conflict, OperatorError, Retry, Unavailable
from cloudcafe_operator.resources.run import JournalEntry


def trusted_after(problem: OperatorError, *, claim_seconds: float, propagation: float) -> float:
    """Return for how many seconds after a failed injection its effect may come to light."""
    if isinstance(problem, Unavailable):
        return max(claim_seconds, propagation)
    # what was put off or lost a race was not done; the first of two calls may have been
    return 0.0 if isinstance(problem, Retry | Conflict) else propagation


def unseen_for(entry: JournalEntry, now: datetime, *, propagation: float) -> float:
    """Return for how many seconds an injection that nobody has seen in force may be hidden yet."""
    if entry.injected_at is None or entry.in_force_at is not None:
        return 0.0
    return propagation - (now - entry.injected_at).total_seconds()
