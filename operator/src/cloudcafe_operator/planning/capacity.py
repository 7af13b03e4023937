"""What AWS must have ready for the expected orders, and what is put back afterwards. Pure.

A dial is one number of one AWS resource: Aurora's least capacity, what is reserved for a function
and how much of it its queue may use, a table's warm throughput. Whoever owns the resource
(Terraform) tags it with RUSH_TAG and the least it may have; ahead of a rush the dial is turned up,
after it back to where it was found. The law is the chaos journal's: what was found is stored before
anything is changed, only a value of ours is changed back, and who set another one meanwhile meant
it.

`effects/capacity.py` reads the dials and turns them; `capacity_told.py` tells `cafectl plan`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from pydantic import Field

from cloudcafe_operator.planning.rush import Crowd, levels
from cloudcafe_operator.resources.common import Model, StatusModel

RUSH_TAG = "cloudcafe.dev/rush"
Kind = Literal["aurora", "lambda", "lambdaPoller", "dynamodbRead", "dynamodbWrite"]
STEP: Mapping[Kind, float] = {"aurora": 0.5}  # the others are counted in ones
UNITS: Mapping[Kind, str] = {
    "aurora": "ACU at least",
    "lambda": "reserved concurrency",
    "lambdaPoller": "batches at once",
    "dynamodbRead": "warm reads a second",
    "dynamodbWrite": "warm writes a second",
}
#: AWS raises warm throughput only, and bills each raise once.
RAISED_ONLY: frozenset[Kind] = frozenset({"dynamodbRead", "dynamodbWrite"})


class Policy(Model):
    """How much of a dial the orders need, and how long AWS takes to have it ready."""

    orders_per_minute_per_unit: float = Field(gt=0, description="what one unit bears")
    headroom_percent: float = Field(default=25, ge=0, le=400)
    lead_minutes: float = Field(ge=1, le=120)
    most: float = Field(gt=0, description="never turned up beyond this")

    def needs(self, kind: Kind, orders_per_minute: int) -> float:
        """Return the units that so many orders need, in whole steps, at most `most`."""
        bare = orders_per_minute / self.orders_per_minute_per_unit
        step = STEP.get(kind, 1)
        steps = math.ceil(round(bare * (1 + self.headroom_percent / 100) / step, 6))
        return min(self.most, steps * step)


Policies = Mapping[Kind, Policy]
Ahead = Mapping[datetime, Mapping[Kind, float]]  # units, by the moments at which they change


@dataclass(frozen=True, slots=True)
class Dial:
    """One number of a resource as it is."""

    arn: str
    name: str
    kind: Kind
    now: float
    least: float = 0  # what its owner set
    most: float = math.inf  # what its owner allows
    takes_part: bool = True  # False: it was taken out of the plan, and goes back to where it was
    busy: str = ""  # why AWS takes no change now

    @property
    def key(self) -> str:
        """How the journal calls it."""
        return f"{self.kind} {self.arn}"


class Entry(StatusModel):
    """What was found at a dial, and every value that we have put there since.

    `seen`: a value of ours was in force. Before, what was found may be what AWS still says of
    itself; after, whoever put that back meant it. `kept`: somebody set it in a rush, and it is not
    turned up until that rush is over. `doubted`: what of ours it might still have been then; where
    that is in force again, AWS had only told an old value, and nobody has set any.
    """

    name: str
    was: float
    ours: tuple[float, ...]
    seen: bool = False
    kept: bool = False
    doubted: tuple[float, ...] = ()

    def put(self, value: float) -> Entry:
        """Return the entry that must be stored before this value is put."""
        known = self.ours if value in self.ours else (*self.ours, value)
        seen = self.seen and value != self.was  # else we would take ourselves for somebody
        doubted = tuple(one for one in self.doubted if one != value)  # now it may well be in force
        return self.model_copy(update={"ours": known, "seen": seen, "doubted": doubted})

    def is_somebodys(self, now: float) -> bool:
        """Say whether somebody else has set the value that is in force."""
        return now not in self.ours or (self.seen and now == self.was)


Journal = Mapping[str, Entry]


@dataclass(frozen=True, slots=True)
class Turn:
    """Turn a dial; `entry` is stored before. None: there is no way back, so nothing to remember."""

    dial: Dial
    to: float
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class See:
    """A value of ours is in force for the first time: `entry` remembers it."""

    dial: Dial
    entry: Entry


@dataclass(frozen=True, slots=True)
class Keep:
    """Somebody has set it while we would have more: it stays so until the rush is over."""

    dial: Dial
    entry: Entry


@dataclass(frozen=True, slots=True)
class Forget:
    """Nothing is left to be put back."""

    key: str
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Wait:
    """It should be turned, and cannot be now."""

    dial: Dial
    why: str


Step = Turn | See | Keep | Forget | Wait


def needs_of(
    policies: Policies, crowded: Sequence[Crowd], span: tuple[datetime, datetime]
) -> Ahead:
    """Return the units that each kind must have ready, by the moments at which that changes.

    Each kind begins by its own lead; the first moment is the span's beginning.
    """
    changes: dict[datetime, dict[Kind, float]] = defaultdict(dict)
    for kind, policy in policies.items():
        for level in levels(crowded, *span, ahead=lead(policy)):
            changes[level.at][kind] = policy.needs(kind, level.orders_per_minute)
    found: dict[datetime, Mapping[Kind, float]] = {}
    needed: Mapping[Kind, float] = {}
    for at in sorted(changes):
        before, needed = needed, {**needed, **changes[at]}
        if needed != before:
            found[at] = needed
    return found


def units_at(needed: Ahead, now: datetime) -> Mapping[Kind, float]:
    """Return what `needs_of` says of a moment; nothing where no policy asks for any."""
    begun = [at for at in needed if at <= now]
    return needed[begun[-1]] if begun else {}


def plan_capacity(
    dials: Sequence[Dial],
    journal: Journal,
    needed: Mapping[Kind, float],
    broken: Mapping[str, str],
    unread: Collection[str] = (),
) -> list[Step]:
    """Return what is to be done; nothing where all is as it should be.

    `needed` are units by kind, `broken` the ARNs that a chaos run holds, with its name; `unread`
    are the ARNs of which nothing is known now.
    """
    steps: list[Step] = []
    reserved: dict[str, float] = {}
    for found in sorted(dials, key=lambda one: (one.arn, one.kind)):  # reservations before pollers
        dial = found
        if dial.kind == "lambdaPoller":  # what it takes in vain counts as tried
            dial = replace(found, most=min(found.most, reserved.get(dial.arn, math.inf)))
        step = _judge(dial, journal.get(dial.key), needed.get(dial.kind, 0))
        if step is not None and dial.arn in broken:
            step = Wait(
                dial, f"run {broken[dial.arn]} breaks it: capacity waits until it is undone"
            )
        elif isinstance(step, Turn) and dial.busy:
            step = Wait(dial, dial.busy)
        reserved.setdefault(dial.arn, step.to if isinstance(step, Turn) else dial.now)
        if step is not None:
            steps.append(step)
    known = {dial.key for dial in dials}
    gone = [
        Forget(key, entry.name, "it is gone")
        for key, entry in journal.items()
        if key not in known and key.partition(" ")[2] not in unread
    ]
    return [*steps, *gone]


def _judge(dial: Dial, entry: Entry | None, needed: float) -> Step | None:
    if dial.kind == "lambda" and dial.now == 0:
        return Wait(dial, "it is reserved no concurrency: somebody has stopped it")
    wanted = min(dial.most, needed) if dial.takes_part else 0
    if entry is not None and dial.now in entry.doubted:
        entry = entry.model_copy(update={"kept": False, "doubted": ()})
    if entry is not None and entry.is_somebodys(dial.now):
        return _somebodys(dial, entry, wanted)
    rest = resting(dial, entry)
    waits = entry is not None and entry.kept and wanted > max(rest, dial.now)
    target = max(dial.least, dial.now) if waits else max(rest, wanted)
    if dial.now != target:
        return _turn(dial, entry, target)
    if entry is None or waits:
        return None
    if target == rest:
        return Forget(dial.key, dial.name, f"it is back at {dial.now:g}")
    return None if entry.seen else See(dial, entry.model_copy(update={"seen": True}))


def _turn(dial: Dial, entry: Entry | None, to: float) -> Turn:
    if dial.kind in RAISED_ONLY:
        return Turn(dial, to, None)
    found = entry or Entry(name=dial.name, was=dial.now, ours=(dial.now,))
    return Turn(dial, to, found.put(to))


def _somebodys(dial: Dial, entry: Entry, wanted: float) -> Step:
    """Return what becomes of a value that is not ours: it stays, in this rush and after it.

    Where it is what we found, ours stay known: AWS may only have told an old value.
    """
    if wanted > dial.now:
        ours = entry.ours if dial.now in entry.ours else (dial.now,)
        doubted = tuple(one for one in ours if one != dial.now)
        kept = Entry(name=dial.name, was=dial.now, ours=ours, kept=True, doubted=doubted)
        return Keep(dial, kept)
    return Forget(dial.key, dial.name, f"somebody set it to {dial.now:g}, which is kept")


def resting(dial: Dial, entry: Entry | None) -> float:
    """Return where a dial rests without a rush: as it was found, and never below its owner's."""
    return max(dial.least, entry.was if entry else dial.now)


def lead(policy: Policy) -> timedelta:
    """Return how long before a rush it must be ready."""
    return timedelta(minutes=policy.lead_minutes)
