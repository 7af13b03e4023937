"""The course of an Aurora failover, as pure data: no clock, no effect.

`consequences/aurora_failover.py` drives it. The order is AWS's: the cluster is `failing-over`
with the old writer still listed, then the new writer is promoted while connections are still
refused, and last the cluster is `available` and the endpoint serves the new writer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

PROMOTED_AFTER = 0.5
"""The share of the outage after which DescribeDBClusters shows the new writer."""


class Phase(Enum):
    """Where a failover is."""

    DETACHING = "detaching"
    PROMOTED = "promoted"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Failover:
    """One failover of one cluster; `started` is seconds on the caller's clock."""

    old_writer: str
    new_writer: str
    started: float
    seconds: float

    def phase(self, now: float) -> Phase:
        """Where it is at `now`."""
        elapsed = now - self.started
        if elapsed >= self.seconds:
            return Phase.OVER
        return Phase.PROMOTED if elapsed >= self.seconds * PROMOTED_AFTER else Phase.DETACHING

    def writer(self, now: float) -> str:
        """Which instance is the writer at `now`."""
        return self.old_writer if self.phase(now) is Phase.DETACHING else self.new_writer

    def due(self, now: float) -> float:
        """Seconds until the phase changes next; 0 when it is over."""
        ends = {Phase.DETACHING: self.seconds * PROMOTED_AFTER, Phase.PROMOTED: self.seconds}
        end = ends.get(self.phase(now))
        return 0.0 if end is None else max(0.0, self.started + end - now)


def serves(failover: Failover | None, now: float) -> bool:
    """Whether the writer endpoint accepts connections."""
    return failover is None or failover.phase(now) is Phase.OVER
