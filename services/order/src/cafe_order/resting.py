"""Stores' own queues and tables that take nothing now: how they are kept out of others' way.

Used by `tickets.py` and `store_history.py`. Who does not answer is left alone for a while, and what
was tried for it often enough is parked for it: then the relay neither claims nor counts it, and
`awaited.py` sends it when it is taken again.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from cafe_kit.aws import AwsCalls
from cafe_kit.errors import UnavailableError

from cafe_order.destinations import Outcome, Park, Retry
from cafe_order.outbox import OutboxRow

TRIES = 5
"""So often it is tried with the relay's backoff, which is some six seconds, before it is parked."""
PATIENCE_SECONDS = 2.0
"""Other stores' messages of the same batch wait as long for one that does not answer."""
REST_SECONDS = 10.0
"""Such a one, and one that throttles, is not asked again for so long."""


class Resting:
    """Which queues or tables are left alone now, by name."""

    def __init__(self, api: str, clock: Callable[[], float]) -> None:
        """`api` is whose queues or tables they are, for people."""
        self._api = api
        self._clock = clock
        self._until: dict[str, tuple[float, str]] = {}

    async def call(
        self, name: str, aws: AwsCalls, service: str, operation: str, **parameters: object
    ) -> dict[str, Any]:
        """Make one call to it, bounded in time; who does not answer is left alone.

        Raises:
            UnavailableError: it is left alone now, or does not answer.
            ClientError: it refuses.
        """
        if reason := self.why(name):
            raise UnavailableError(reason)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await aws.call(service, operation, **parameters)
        except (UnavailableError, TimeoutError) as error:
            detail = getattr(error, "detail", f"{self._api} does not answer in time.")
            self.rest(name, detail)
            raise UnavailableError(detail) from error

    def rest(self, name: str, reason: str) -> None:
        """Leave it alone from now on."""
        self._until[name] = (self._clock() + REST_SECONDS, reason)

    def why(self, name: str) -> str:
        """Why it is not asked now; empty where it is."""
        until, reason = self._until.get(name, (0.0, ""))
        if reason and self._clock() >= until:
            del self._until[name]
            return ""
        return reason


def patient(row: OutboxRow, outcome: Outcome, name: str) -> Outcome:
    """What was tried often enough waits for its queue or table, out of the relay's way."""
    if isinstance(outcome, Retry) and row.attempts + 1 >= TRIES:
        return Park(outcome.reason, until=name)
    return outcome
