"""For how long an undo that reads back as done may still be wrong. Pure.

A request without an answer may take effect later than the undo that found nothing of it, and AWS
may show for a while what was before a write ("eventual consistency" in the guides of SQS, DynamoDB
and EC2). Until that cannot be any more, an entry is undone and read back again and not closed.
"""

from __future__ import annotations

from datetime import datetime

from cloudcafe_operator.errors import OperatorError, Unavailable
from cloudcafe_operator.resources.run import JournalEntry


def late_for(problem: OperatorError, *, claim_seconds: float) -> float:
    """Return for how many seconds after a failed injection it may happen all the same."""
    return claim_seconds if isinstance(problem, Unavailable) else 0.0


def hidden_for(
    entry: JournalEntry, now: datetime, *, since_try: float | None, propagation: float
) -> float:
    """Return for how many seconds an injection that nobody has seen in force may be hidden yet.

    `since_try` are the seconds since this process last tried it, whatever came of that: of two
    calls the first may have been done. None: another process had it, and may have tried for as long
    as its claim was good, which ended when ours began.
    """
    if entry.in_force_at is not None:
        return 0.0
    if since_try is None:
        since = max(entry.claimed_at, entry.injected_at or entry.claimed_at)
        since_try = (now - since).total_seconds()
    return propagation - since_try
