"""What the rules and the table say to each other, and the arithmetic of stock. Pure.

A *change* is one step of one order. Each stock item that a change touches sees one *move*; the
moves of many changes add up, because a DynamoDB transaction may name an item only once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cafe_inventory.models import (
    ReservationInput,
    ReservationLine,
    ReservationStatus,
    ReservationView,
)

StockKey = tuple[str, str]
"""Store and item."""

TRANSACTION_WRITES = 100
LOW_SHARE = 5
"""Low at a fifth of the par, unless somebody said otherwise."""


@dataclass(frozen=True, slots=True)
class Level:
    """The counters of a stock item. What came in is in the house, spoken for, or sold."""

    store_id: str
    sku: str
    available: int
    reserved: int
    sold: int
    received: int
    low_at: int
    told_low: bool = False
    """What the newest event said of it."""
    serial: int = 0
    """How many events there were."""
    counted: bool = True
    """False: of an older version; some of what stands here is worked out."""
    counted_from: datetime | None = None
    """Everything that was sold since is in `sold`: when it was made, or got its counters."""
    moves: int = 0
    """Grows whenever something is reserved, sold or given back."""

    @property
    def low(self) -> bool:
        """Whether somebody should order more."""
        return self.available <= self.low_at


@dataclass(frozen=True, slots=True)
class Reservation:
    """A reservation as it is kept."""

    order_id: str
    store_id: str
    lines: tuple[ReservationLine, ...]
    synthetic: bool
    status: ReservationStatus
    held_until: datetime
    placed_at: datetime | None = None
    """None only where it was written before the books had it."""
    expired: bool = False
    """Released by the sweeper, not by the order's own wish; it may be reserved again."""

    def same_request(self, request: ReservationInput) -> bool:
        """Whether `request` asks for what this holds."""
        return (self.store_id, self.lines, self.synthetic) == (
            request.store_id,
            tuple(request.lines),
            request.synthetic,
        )

    def view(self) -> ReservationView:
        """What callers see."""
        return ReservationView(
            order_id=self.order_id, status=self.status, expires_at=self.held_until
        )


@dataclass(frozen=True, slots=True)
class Reserve:
    """Keep stock, unless the order has a reservation (one that expired may be made again)."""

    wanted: Reservation

    @property
    def order_id(self) -> str:
        """Whose step it is."""
        return self.wanted.order_id


@dataclass(frozen=True, slots=True)
class Prolong:
    """Keep what is held already for longer, provided it is still this very hold."""

    held: Reservation
    until: datetime

    @property
    def order_id(self) -> str:
        """Whose step it is."""
        return self.held.order_id


@dataclass(frozen=True, slots=True)
class Settle:
    """End what is held, provided it is held for the same thing.

    With `expired`, or when `exact`, it must be this very hold; otherwise a hold of the same lines
    will do, so that nobody need read a reservation before committing it.
    """

    held: Reservation
    status: ReservationStatus
    expired: bool = False
    exact: bool = True
    gone: frozenset[str] = frozenset()
    """Items whose stock was deleted meanwhile: nothing can be given back to them."""

    @property
    def order_id(self) -> str:
        """Whose step it is."""
        return self.held.order_id


Change = Reserve | Prolong | Settle


@dataclass(frozen=True, slots=True)
class Move:
    """What happens to one stock item; available + reserved + sold stays what it was."""

    taken: int = 0
    returned: int = 0
    sold: int = 0
    probed: int = 0
    """A synthetic order asks whether there is so much, and takes nothing."""

    def __add__(self, other: "Move") -> "Move":
        return Move(
            self.taken + other.taken,
            self.returned + other.returned,
            self.sold + other.sold,
            max(self.probed, other.probed),
        )

    @property
    def available(self) -> int:
        """Change of what is for sale."""
        return self.returned - self.taken

    @property
    def reserved(self) -> int:
        """Change of what is spoken for."""
        return self.taken - self.settled

    @property
    def settled(self) -> int:
        """How much must be reserved beforehand."""
        return self.returned + self.sold

    @property
    def needed(self) -> int:
        """How much must be available beforehand."""
        return max(self.taken, self.probed)


@dataclass(frozen=True, slots=True)
class Written:
    """All changes happened."""


@dataclass(frozen=True, slots=True)
class Busy:
    """None happened: another transaction was at the same items."""


@dataclass(frozen=True, slots=True)
class Refused:
    """None happened, and this is why. Both empty: DynamoDB did not say."""

    found: Mapping[str, Reservation | None]
    """The reservations that were not as a change wants them, by order."""
    levels: Mapping[StockKey, Level | None]
    """The stock items that had too little, as they are; None: there is no such item."""
    why: str = ""


Verdict = Written | Busy | Refused
"""What became of a transaction."""


@dataclass(frozen=True, slots=True)
class Restock:
    """A delivery, known by its store and key."""

    store_id: str
    key: str
    items: tuple[tuple[str, int], ...]
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Timer:
    """Names orders whose holds are over at the same moment. `pk` and `sk` are its key."""

    pk: str
    sk: str
    order_ids: tuple[str, ...]


def moves(change: Change) -> dict[StockKey, Move]:
    """What one change does to each stock item."""
    if isinstance(change, Prolong):
        return {}
    if isinstance(change, Reserve):
        wanted = change.wanted
        return {
            (wanted.store_id, line.sku): Move(probed=line.quantity)
            if wanted.synthetic
            else Move(taken=line.quantity)
            for line in wanted.lines
        }
    held = change.held
    if held.synthetic:
        return {}
    return {
        (held.store_id, line.sku): Move(returned=line.quantity)
        if change.status == "released"
        else Move(sold=line.quantity)
        for line in held.lines
        if line.sku not in change.gone
    }


def merge(changes: Iterable[Change]) -> dict[StockKey, Move]:
    """What all of them together do to each stock item."""
    merged: dict[StockKey, Move] = {}
    for change in changes:
        for key, move in moves(change).items():
            merged[key] = merged[key] + move if key in merged else move
    return merged


def pack(changes: Sequence[Change]) -> list[list[Change]]:
    """Groups that fit into one transaction each: a write an order, one a stock item, one timer."""
    groups: list[list[Change]] = []
    stock: set[StockKey] = set()
    for change in changes:
        keys = moves(change).keys()
        if not groups or len(groups[-1]) + 2 + len(stock | keys) > TRANSACTION_WRITES:
            groups.append([])
            stock = set()
        groups[-1].append(change)
        stock |= keys
    return groups
