"""A store's week: when it is open, and when many orders are expected. Part of CafeStore.

Times are the store's local ones; `planning/opening.py` says which moments they are.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from cloudcafe_operator.resources.common import Model, Rule

Weekday = Literal["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
WEEKDAYS: tuple[Weekday, ...] = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
CLOCK_OR_MIDNIGHT = r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"
NAME = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
NO_OVERLAP = Rule(
    "!has(self.rushes) || self.rushes.all(a, self.rushes.all(b, a.name == b.name || "
    "a.end <= b.start || b.end <= a.start || (has(a.days) && size(a.days) > 0 && "
    "has(b.days) && size(b.days) > 0 && !a.days.exists(day, day in b.days))))",
    "rushes must not overlap: two of them are on the same day at the same time",
    ".rushes",
)


class Hours(Model):
    """A time of the week at which the store is open, by its own clock."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("self.open != self.close", "close must differ from open; all day is 00:00 to 24:00"),
    )

    days: tuple[Weekday, ...] = Field(
        default=(), max_length=7, description="The days on which it opens; all where left out."
    )
    open: str = Field(pattern=CLOCK, max_length=5, description="When, for example 07:00.")
    close: str = Field(
        pattern=CLOCK_OR_MIDNIGHT,
        max_length=5,
        description="Until when; not later than open means on the next day, 24:00 is midnight.",
    )


class ProtectedHours(Model):
    """A time of the week at which no experiment may touch the store, by its own clock."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("self.start != self.end", "end must differ from start; all day is 00:00 to 24:00"),
    )

    days: tuple[Weekday, ...] = Field(
        default=(), max_length=7, description="The days on which it begins; all where left out."
    )
    start: str = Field(pattern=CLOCK, max_length=5, description="When, for example 07:00.")
    end: str = Field(
        pattern=CLOCK_OR_MIDNIGHT,
        max_length=5,
        description="Until when; not later than start means on the next day, 24:00 is midnight.",
    )


class Rush(Model):
    """A time at which many orders are expected: what serves them is made ready before."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule("self.start < self.end", "start must be before end, both on one day"),
    )

    name: str = Field(min_length=1, max_length=40, pattern=NAME, description="As morning.")
    days: tuple[Weekday, ...] = Field(
        default=(), max_length=7, description="The days on which it comes; all where left out."
    )
    start: str = Field(pattern=CLOCK, max_length=5, description="When, for example 07:30.")
    end: str = Field(pattern=CLOCK_OR_MIDNIGHT, max_length=5, description="Until when.")
    orders_per_minute: int = Field(ge=1, le=10_000, description="How many orders are expected.")
