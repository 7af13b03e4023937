"""What customers of a service, or those in a zone, lose in one step over all its faults. Pure.

A workload is what one controller keeps alive; a service is what its customers call, and may be
several workloads, tasks and instances. Each fault says whom it sees serve and whom its targets
take away; who is taken twice is lost once. Whoever no fault of the step sees is not counted as
left: the share errs on the safe side.

Used by `limits.py` and for the preview.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Member:
    """One that serves: a pod, a task, an instance. Faults name the same one alike."""

    id: str
    service: str = ""
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What one fault sees of the whole, and what its chosen targets take away."""

    members: frozenset[Member] = frozenset()
    lost: frozenset[str] = frozenset()  # ids
    lost_zones: frozenset[str] = frozenset()  # with all that is in them


NOBODY = Capacity()


@dataclass(frozen=True, slots=True, order=True)
class Share:
    """How much of one service, or of one zone, is lost."""

    kind: Literal["service", "zone"]
    name: str
    lost: int
    whole: int

    def exceeds(self, percent: int) -> bool:
        """Whether it is more than so many percent."""
        return 100 * self.lost > percent * self.whole

    @property
    def left(self) -> str:
        """What is left, as `1 of 3`."""
        return f"{self.whole - self.lost} of {self.whole}"


def shares(capacities: Iterable[Capacity]) -> tuple[Share, ...]:
    """Return what faults that are in force together take of each service and zone they touch."""
    seen = tuple(capacities)
    zones = frozenset[str]().union(*(one.lost_zones for one in seen))
    gone = frozenset[str]().union(*(one.lost for one in seen))
    whole: dict[tuple[Literal["service", "zone"], str], set[str]] = defaultdict(set)
    lost: dict[tuple[Literal["service", "zone"], str], set[str]] = defaultdict(set)
    for zone in zones:  # lost as a whole even where nobody was seen in it
        whole["zone", zone].add(zone)
        lost["zone", zone].add(zone)
    for member in frozenset[Member]().union(*(one.members for one in seen)):
        is_lost = member.id in gone or member.zone in zones
        if member.service:
            whole["service", member.service].add(member.id)
            lost["service", member.service] |= {member.id} if is_lost else set()
        if member.zone and member.zone not in zones:
            whole["zone", member.zone].add(member.id)
            lost["zone", member.zone] |= {member.id} if is_lost else set()
    return tuple(sorted(Share(*key, len(ids), len(whole[key])) for key, ids in lost.items() if ids))
