"""Events that can be read back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """One published event; `about` is `Kind namespace/name`."""

    about: str
    reason: str
    message: str
    kind: Literal["Normal", "Warning"]


class RecordedEvents:
    """Implements ports.Events."""

    def __init__(self) -> None:
        self.published: list[RecordedEvent] = []

    def publish(
        self,
        about: dict[str, Any],
        *,
        reason: str,
        message: str,
        kind: Literal["Normal", "Warning"],
    ) -> None:
        """Keep the event."""
        meta = about["metadata"]
        where = f"{about['kind']} {meta.get('namespace', '')}/{meta['name']}"
        self.published.append(RecordedEvent(where, reason, message, kind))

    @property
    def reasons(self) -> list[str]:
        """The reasons, in order."""
        return [event.reason for event in self.published]
