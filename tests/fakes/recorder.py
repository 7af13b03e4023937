"""The one record of what a test's operator did to its world, and the place where it may die.

All fakes of a test share a Recorder. `calls` has reads too; `writes` is what a crash sweep counts.
The hook runs before and after each write: raising `Died` there is a SIGKILL at that very point.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Moment = Literal["before", "after"]


class Died(BaseException):
    """The operator was killed here. A BaseException, so that no error handling survives it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request to a fake, read or write."""

    api: Literal["kubernetes", "aws", "http", "admin"]
    verb: str  # create, patch_status, rds.failover_db_cluster, PUT
    target: str  # `Kind namespace/name`, an ARN or name, a URL
    body: Any = None


Write = Call
Hook = Callable[[Write, Moment], None]


@dataclass
class Recorder:
    """Counts calls and writes over all fakes of one test, in the order in which they happened."""

    hook: Hook | None = None
    calls: list[Call] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)

    def read(self, call: Call) -> None:
        """Record a request that changes nothing."""
        self.calls.append(call)

    def before(self, write: Write) -> None:
        """Record a write that is about to happen; the hook may raise Died: it never happens."""
        self.calls.append(write)
        if self.hook:
            self.hook(write, "before")

    def after(self, write: Write) -> None:
        """Record a write that happened; the hook may raise Died: its answer is never read."""
        self.writes.append(write)
        if self.hook:
            self.hook(write, "after")

    def forget(self) -> None:
        """Start counting anew, keeping the hook."""
        self.calls.clear()
        self.writes.clear()

    def die_at(self, number: int, moment: Moment) -> None:
        """Die before or after the write of that number (from 1, over all fakes), once."""
        seen = 0

        def hook(_write: Write, now: Moment) -> None:
            nonlocal seen
            seen += now == "before"
            if seen == number and now == moment:
                self.hook = None
                raise Died

        self.hook = hook
