"""Stand-ins for tests: a stock table and a stream in memory, with the obligations of the real."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from cafe_kit.errors import ThrottledError, UnavailableError
from cafe_kit.events import StockEvent
from cafe_kit.ledger_index import moment, place, shard_of

from cafe_inventory import items
from cafe_inventory.books import Window
from cafe_inventory.changes import (
    LOW_SHARE,
    Change,
    Level,
    Move,
    Prolong,
    Refused,
    Reservation,
    Reserve,
    Restock,
    Settle,
    StockKey,
    Timer,
    Verdict,
    Written,
    merge,
)
from cafe_inventory.models import ParItem

Booked = dict[tuple[str, str], Restock]


class FakeStock:
    """Set `throttled` to make every call fail as DynamoDB without capacity does.

    `stock_items` and `kept` may be read and written by tests; `writes` counts transactions.
    """

    def __init__(self) -> None:
        self.stock_items: dict[StockKey, Level] = {}
        self.kept: dict[str, Reservation] = {}
        self.started: dict[tuple[str, str], Timer] = {}
        self.booked: Booked = {}
        self.throttled = False
        self.writes = 0

    async def write(self, group: Sequence[Change], now: datetime) -> Verdict:  # noqa: ARG002 - port
        """All or none."""
        self._check()
        self.writes += 1
        merged = merge(group)
        found = {
            change.order_id: self.kept.get(change.order_id)
            for change in group
            if not self._fits(change)
        }
        levels = {
            key: self.stock_items.get(key)
            for key, move in merged.items()
            if not _allows(self.stock_items.get(key), move)
        }
        if found or levels:
            return Refused(found, levels)
        for key, move in merged.items():
            self._move(key, move)
        for change in group:
            self.kept[change.order_id] = self._after(change)
            self._start_timer(change)
        return Written()

    async def reservations(self, order_ids: Sequence[str]) -> dict[str, Reservation]:
        """Those that exist."""
        self._check()
        return {each: self.kept[each] for each in order_ids if each in self.kept}

    async def lapsed(self, shard: int, now: datetime, limit: int) -> list[Timer]:
        """The oldest timers of a shard whose time is over."""
        self._check()
        pk = items.hold_pk(shard)
        due = [t for k, t in sorted(self.started.items()) if k[0] == pk and k[1] < moment(now)]
        return due[:limit]

    async def timers(self, shard: int, *, after: str, limit: int) -> list[Timer]:
        """The timers of a shard after one of them."""
        self._check()
        pk = items.hold_pk(shard)
        rest = [t for k, t in sorted(self.started.items()) if k[0] == pk and k[1] > after]
        return rest[:limit]

    async def forget(self, timers: Sequence[Timer]) -> None:
        """These have nothing more to say."""
        self._check()
        for timer in timers:
            self.started.pop((timer.pk, timer.sk), None)

    async def stock(
        self, store_id: str, *, after: str = "", limit: int
    ) -> tuple[list[Level], str | None]:
        """Items of a store after one of them, and the last one's name when there may be more."""
        self._check()
        rest = [
            level
            for (store, sku), level in sorted(self.stock_items.items())
            if store == store_id and sku > after
        ]
        return rest[:limit], rest[limit - 1].sku if len(rest) >= limit else None

    async def levels(self, keys: Sequence[StockKey]) -> list[Level]:
        """The stock items that exist."""
        self._check()
        return [self.stock_items[key] for key in keys if key in self.stock_items]

    async def put_par(self, store_id: str, par: Sequence[ParItem], now: datetime) -> None:
        """Create what is missing; of what is there, set when it is low if `par` says so."""
        self._check()
        for item in par:
            low_at = item.quantity // LOW_SHARE if item.low_at is None else item.low_at
            known = self.stock_items.get((store_id, item.sku))
            if known is None:
                known = Level(store_id, item.sku, item.quantity, 0, 0, item.quantity, low_at)
                known = replace(known, counted_from=now)
            elif item.low_at is not None:
                known = replace(known, low_at=item.low_at)
            self.stock_items[store_id, item.sku] = known

    async def delete_stock(self, store_id: str) -> Level | None:
        """Forget a store's stock, or return an item that is reserved."""
        self._check()
        levels = [level for key, level in self.stock_items.items() if key[0] == store_id]
        for level in levels:
            if level.reserved:
                return level
        for level in levels:
            del self.stock_items[level.store_id, level.sku]
        return None

    async def stores(self, *, after: str, limit: int) -> list[str]:
        """Stores that have stock, after one of them."""
        self._check()
        return sorted({store for store, _ in self.stock_items if store > after})[:limit]

    async def restock(self, restock: Restock) -> Restock | str:
        """Book a delivery, or find it booked; or the name of an item that the store lacks."""
        self._check()
        known = self.booked.get((restock.store_id, restock.key))
        if known is not None:
            return known
        for sku, _ in restock.items:
            if (restock.store_id, sku) not in self.stock_items:
                return sku
        for sku, quantity in restock.items:
            level = self.stock_items[restock.store_id, sku]
            self.stock_items[restock.store_id, sku] = replace(
                level, available=level.available + quantity, received=level.received + quantity
            )
        self.booked[restock.store_id, restock.key] = restock
        return restock

    async def give_counters(self, level: Level, now: datetime) -> bool:
        """Bring an item of an older version up to date."""
        self._check()
        self.stock_items[level.store_id, level.sku] = replace(level, counted=True, counted_from=now)
        return True

    async def mark_told(self, level: Level, *, low: bool) -> bool:
        """An event about this level was put; False when somebody else put one meanwhile."""
        self._check()
        known = self.stock_items.get((level.store_id, level.sku))
        if known is None or known.serial != level.serial:
            return False
        self.stock_items[level.store_id, level.sku] = replace(
            known, told_low=low, serial=known.serial + 1
        )
        return True

    async def page(
        self, window: Window, *, after: str, limit: int
    ) -> tuple[list[Reservation], str | None]:
        """Real reservations after a position, in the order of placing, and the next position."""
        self._check()
        placed = sorted(
            (place(each.placed_at, each.order_id), each)
            for each in self.kept.values()
            if each.placed_at is not None
            and not each.synthetic
            and window.since <= each.placed_at < window.until
            and window.store_id in {None, each.store_id}
        )
        rest = [(at, each) for at, each in placed if at > after]
        return [each for _, each in rest[:limit]], rest[limit - 1][0] if len(
            rest
        ) >= limit else None

    def _fits(self, change: Change) -> bool:
        known = self.kept.get(change.order_id)
        if isinstance(change, Reserve):
            return known is None or (known.status == "released" and known.expired)
        if known is None or known.status != "reserved":
            return False
        if isinstance(change, Prolong) or change.exact:
            return known.held_until == change.held.held_until
        return (known.store_id, known.lines, known.synthetic) == (
            change.held.store_id,
            change.held.lines,
            change.held.synthetic,
        )

    def _move(self, key: StockKey, move: Move) -> None:
        level = self.stock_items[key]
        self.stock_items[key] = replace(
            level,
            available=level.available + move.available,
            reserved=level.reserved + move.reserved,
            sold=level.sold + move.sold,
            moves=level.moves + (move.taken + move.settled > 0),
        )

    def _after(self, change: Change) -> Reservation:
        match change:
            case Reserve(wanted=wanted):
                return wanted
            case Prolong(until=until):
                return replace(self.kept[change.order_id], held_until=until)
            case Settle(status=status, expired=expired):
                return replace(self.kept[change.order_id], status=status, expired=expired)

    def _start_timer(self, change: Change) -> None:
        kept = self.kept[change.order_id]
        if not isinstance(change, Settle) and not kept.synthetic:
            pk = items.hold_pk(shard_of(kept.order_id))
            sk = f"{moment(kept.held_until)}#{kept.order_id}"
            self.started[pk, sk] = Timer(pk, sk, (kept.order_id,))

    def _check(self) -> None:
        if self.throttled:
            raise ThrottledError("DynamoDB", "DynamoDB throttles this service (fake).")


class FakeStream:
    """Keeps the events. `away`: refuses all; `refusing`: the number of events refused at first."""

    def __init__(self) -> None:
        self.events: list[StockEvent] = []
        self.away = False
        self.refusing = 0

    async def put(self, events: Sequence[StockEvent]) -> list[bool]:
        """Which of them arrived."""
        if self.away:
            raise UnavailableError("Kinesis does not answer (fake).")
        arrived = [index >= self.refusing for index in range(len(events))]
        self.refusing = max(0, self.refusing - len(events))
        self.events += [event for event, has in zip(events, arrived, strict=True) if has]
        return arrived


class FakeNotes:
    """Keeps what was counted and touched."""

    def __init__(self) -> None:
        self.counts: dict[str, float] = {}
        self.gauges: dict[str, float] = {}
        self.touched: set[StockKey] = set()

    def count(self, name: str, value: float = 1.0) -> None:
        """Add to a counter."""
        self.counts[name] = self.counts.get(name, 0) + value

    def gauge(self, name: str, value: float) -> None:
        """Set a gauge."""
        self.gauges[name] = value

    def touch(self, keys: Sequence[StockKey]) -> None:
        """These changed."""
        self.touched |= set(keys)


def _allows(level: Level | None, move: Move) -> bool:
    return level is not None and level.available >= move.needed and level.reserved >= move.settled
