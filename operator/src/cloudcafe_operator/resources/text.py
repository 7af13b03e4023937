"""Texts that people write into a spec: one rule each, for the API server and for the operator.

What one of them admits and the other refuses is a store that dry-run promised and nobody gets;
`tests/integration/test_definitions.py` asks both about odd values, and the services too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from cloudcafe_operator.resources.common import Rule, cel


@dataclass(frozen=True, slots=True)
class Shape:
    """What a text looks like; the pattern means the same in RE2 and in Python."""

    pattern: str
    message: str

    @property
    def rule(self) -> Rule:
        """What the API server asks: unlike a schema's pattern, with a sentence."""
        return Rule(f"self.matches(r'^({self.pattern})$')", self.message)

    def check(self, value: str) -> str:
        """Say it again where the API server was not asked."""
        if not re.fullmatch(self.pattern, value):
            raise ValueError(self.message)
        return value


PLAIN = Shape(  # as the services' PLAIN
    r"[^\x00-\x1f\x7f]+", "must be plain text: take out line breaks, tabs and the like"
)
MILLISECONDS = Shape(
    r"[1-9][0-9]{1,4}ms", "must be in milliseconds, 10ms to 99999ms: 1s is written 1000ms"
)
#: `posix/…`, `right/…`, `localtime` and `+02:00` are known to some readers of zones, not to all.
ZONE_NAME = r"[A-Z][A-Za-z0-9_+-]*(/[A-Z][A-Za-z0-9_+-]*)*"
KNOWN_ZONE = Rule(
    f"self.matches(r'^({ZONE_NAME})$') && self != 'Local' && "  # Local: the server's own
    "(self == 'UTC' || timestamp('2026-01-01T00:00:00Z').getHours(self) >= 0)",
    "timezone must be a name of the IANA time zone database, for example Europe/Lisbon",
)


def _known_zone(value: str) -> str:
    try:
        known = bool(re.fullmatch(ZONE_NAME, value) and ZoneInfo(value))
    except (KeyError, ValueError, OSError):
        known = False
    if not known:
        raise ValueError(KNOWN_ZONE.message)
    return value


Plain = Annotated[str, Field(json_schema_extra=cel(PLAIN.rule)), AfterValidator(PLAIN.check)]
Milliseconds = Annotated[
    str, Field(json_schema_extra=cel(MILLISECONDS.rule)), AfterValidator(MILLISECONDS.check)
]
Zone = Annotated[str, Field(json_schema_extra=cel(KNOWN_ZONE)), AfterValidator(_known_zone)]
