"""What an injection came to. Used by `execute.py`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cloudcafe_operator.errors import Conflict, OperatorError, Retry
from cloudcafe_operator.planning.forestalled import ALREADY


@dataclass(frozen=True, slots=True)
class Change:
    """One target's: what the fault made, or its trouble."""

    index: int
    begun: datetime
    ended: datetime
    made: dict[str, Any] | OperatorError
    first: bool = False  # nobody has tried it before

    @property
    def is_forestalled(self) -> bool:
        """Whether somebody else did it, or took the target away, before anybody of us tried."""
        return self.first and isinstance(self.made, dict) and ALREADY in self.made

    @property
    def is_refused(self) -> bool:
        """Whether it will not succeed however often it is tried."""
        return isinstance(self.made, OperatorError) and not isinstance(self.made, Retry | Conflict)
