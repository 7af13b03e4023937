"""What follows when a transaction for many orders is refused: each order gets its own truth. Pure.

A refusal names what was in the way: a reservation that is not as a change wants it (which concerns
that order alone), or a stock item that has too little for all of them together. From the item's
own counters follows who would be refused even alone, and who still fits in the order of asking;
the rest is asked again after those.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from cafe_kit.errors import UnavailableError

from cafe_inventory.changes import (
    Change,
    Level,
    Move,
    Prolong,
    Refused,
    Reservation,
    Reserve,
    Settle,
    StockKey,
    merge,
    moves,
)
from cafe_inventory.models import BatchStatus


@dataclass(frozen=True, slots=True)
class Lacking:
    """Too little of one item."""

    sku: str
    available: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one order's step."""

    order_id: str
    status: BatchStatus
    detail: str = ""
    reservation: Reservation | None = None
    lacking: Lacking | None = None
    error: UnavailableError | None = None
    """Why nothing is known; it may succeed when repeated."""


@dataclass(slots=True)
class Ruling:
    """What follows from a refusal; every change of it is in one of these."""

    ended: list[Outcome] = field(default_factory=list)
    lacking: list[tuple[Change, Lacking]] = field(default_factory=list)
    """Out of stock, unless the order turns out to have its reservation already."""
    again: list[Change] = field(default_factory=list)
    """These fit together, as far as the refusal says."""
    later: list[Change] = field(default_factory=list)
    """These may fit after those."""


class _Rest:
    """What a stock item still has while orders are served in turn."""

    def __init__(self, level: Level | None, returning: int) -> None:
        self.available = self.most_available = level.available if level else 0
        self.reserved = self.most_reserved = level.reserved if level else 0
        self.returning = returning if level else 0
        """What others in the same transaction give back: it may be had after them."""

    def can_ever(self, move: Move) -> bool:
        available = self.most_available + self.returning
        return move.needed <= available and move.settled <= self.most_reserved

    def can_now(self, move: Move) -> bool:
        return move.needed <= self.available and move.settled <= self.reserved

    def serve(self, move: Move) -> None:
        self.available -= move.taken
        self.reserved -= move.settled


def rule(group: Sequence[Change], refused: Refused, now: datetime) -> Ruling:
    """What becomes of each change of a refused transaction."""
    ruling = Ruling()
    merged = merge(change for change in group if change.order_id not in refused.found)
    rests = {
        key: _Rest(level, merged[key].returned if key in merged else 0)
        for key, level in refused.levels.items()
    }
    for change in group:
        if change.order_id in refused.found:
            met = meet(change, refused.found[change.order_id], now)
            if isinstance(met, Outcome):
                ruling.ended.append(met)
            else:
                ruling.later.append(met)
        else:
            _ration(change, rests, ruling)
    return ruling


def _ration(change: Change, rests: Mapping[StockKey, _Rest], ruling: Ruling) -> None:
    """Serve one order from what is left, in its turn."""
    wanted = {key: move for key, move in moves(change).items() if key in rests}
    hopeless = [key for key, move in wanted.items() if not rests[key].can_ever(move)]
    if hopeless and isinstance(change, Settle):
        # the store's stock was deleted meanwhile: settle what is still there
        change = replace(change, gone=change.gone | {sku for _, sku in hopeless})
        wanted = {key: move for key, move in wanted.items() if key not in hopeless}
    elif hopeless:
        key = hopeless[0]
        ruling.lacking.append((change, Lacking(key[1], rests[key].most_available)))
        return
    if all(rests[key].can_now(move) for key, move in wanted.items()):
        for key, move in wanted.items():
            rests[key].serve(move)
        ruling.again.append(change)
    else:
        ruling.later.append(change)


def meet(change: Change, found: Reservation | None, now: datetime) -> Outcome | Change:
    """The change meets a reservation that is not as it wants it: its end, or another change."""
    if isinstance(change, Reserve):
        return _meet_reserve(change, found, now)
    if found is None:
        return Outcome(change.order_id, "notFound", f"Order {change.order_id} has no reservation.")
    if isinstance(change, Prolong):
        return _meet_reserve(Reserve(replace(change.held, held_until=change.until)), found, now)
    return _meet_settle(change, found, now)


def _meet_reserve(change: Reserve, found: Reservation | None, now: datetime) -> Outcome | Change:
    wanted = change.wanted
    if found is None or (found.status == "released" and found.expired):
        return Reserve(replace(wanted, status="reserved", expired=False))
    if not _alike(wanted, found):
        return _differs(found)
    if found.status == "reserved" and found.held_until <= now:
        return Prolong(found, wanted.held_until)
    return Outcome(wanted.order_id, found.status, reservation=found)


def _meet_settle(change: Settle, found: Reservation, now: datetime) -> Outcome | Change:
    if not change.exact and not _alike(change.held, found):
        return _differs(found)
    if found.status == "reserved" and not (change.expired and found.held_until > now):
        return replace(change, held=found, exact=True)
    detail = "" if found.status == change.status else f"It is {found.status} already."
    return Outcome(found.order_id, found.status, detail, reservation=found)


def _alike(one: Reservation, other: Reservation) -> bool:
    return (one.store_id, one.lines, one.synthetic) == (
        other.store_id,
        other.lines,
        other.synthetic,
    )


def _differs(found: Reservation) -> Outcome:
    return Outcome(
        found.order_id,
        "conflict",
        f"Order {found.order_id} has a reservation of something else.",
        reservation=found,
    )


def done(change: Change) -> Outcome:
    """A change that was written."""
    match change:
        case Reserve(wanted=wanted):
            return Outcome(wanted.order_id, "reserved", reservation=wanted)
        case Prolong(held=held, until=until):
            return Outcome(held.order_id, "reserved", reservation=replace(held, held_until=until))
        case Settle(held=held, status=status, expired=expired):
            settled = replace(held, status=status, expired=expired)
            return Outcome(held.order_id, status, reservation=settled)
