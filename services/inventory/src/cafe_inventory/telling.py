"""Tells the stock stream when a store runs low on an item, and when it has enough again.

Level-triggered: what was told last stands on the item itself, and an event is due while that is not
what the counters say. The event is put first and then marked as told, so a crash between the two
puts it again, with the same id. Two workers: one looks, once a second, at what this process has
touched; the other goes slowly through all stock and finds what a crash missed.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal, Protocol

import structlog
from cafe_kit.errors import UnavailableError
from cafe_kit.events import StockEvent
from cafe_kit.workers import wait_or_stop

from cafe_inventory.books import Levels, walk
from cafe_inventory.changes import Level, StockKey
from cafe_inventory.desk import Counting

log = structlog.get_logger()

MAX_TOUCHED = 10_000
"""What does not fit is found by the slow round."""
LOOKED_AT = 400
"""Items that one look reads: four BatchGetItem."""
LEVELS_A_STEP = 100


class StockLevels(Levels, Protocol):
    """What telling needs of the table."""

    async def levels(self, keys: Sequence[StockKey]) -> list[Level]:
        """The stock items that exist."""
        ...

    async def mark_told(self, level: Level, *, low: bool) -> bool:
        """An event about this level was put; False when somebody else put one meanwhile."""
        ...

    async def give_counters(self, level: Level, now: datetime) -> bool:
        """Bring an item of an older version up to date; False when it moved meanwhile."""
        ...


class Stream(Protocol):
    """Where the events go."""

    async def put(self, events: Sequence[StockEvent]) -> list[bool]:
        """Which of them arrived. Bounded in time.

        Raises:
            UnavailableError: perhaps none did.
        """
        ...


class Touches:
    """The stock items that this process has changed since the last look."""

    def __init__(self) -> None:
        self._keys: dict[StockKey, None] = {}

    def touch(self, keys: Sequence[StockKey]) -> None:
        """These changed; beyond the bound they are left to the slow round."""
        room = MAX_TOUCHED - len(self._keys)
        self._keys |= dict.fromkeys(keys[: max(0, room)])

    def take(self, number: int) -> list[StockKey]:
        """The oldest ones, which are forgotten here."""
        taken = list(self._keys)[:number]
        for key in taken:
            del self._keys[key]
        return taken


class Teller:
    """Puts the events that are due."""

    def __init__(
        self,
        table: StockLevels,
        stream: Stream,
        touches: Touches,
        clock: Callable[[], datetime],
        counting: Counting,
    ) -> None:
        self._table = table
        self._stream = stream
        self._touches = touches
        self._clock = clock
        self._counting = counting
        self._position = ("", "")
        self._low_in_this_round = 0

    async def look(self) -> int:
        """Look at what was touched; returns how many events were told."""
        keys = self._touches.take(LOOKED_AT)
        if not keys:
            return 0
        try:
            return await self.tell(await self._table.levels(keys))
        except BaseException:
            self._touches.touch(keys)
            raise

    async def step(self) -> bool:
        """One step of the slow round; returns whether the round is complete."""
        levels, position = await walk(self._table, self._position, limit=LEVELS_A_STEP)
        for level in levels:
            if not level.counted:
                await self._table.give_counters(level, self._clock())
        await self.tell(levels)
        self._low_in_this_round += sum(level.low for level in levels)
        self._position = position or ("", "")
        if position is None:
            self._counting.gauge("LowStockItems", self._low_in_this_round)
            self._low_in_this_round = 0
        return position is None

    async def tell(self, levels: Sequence[Level]) -> int:
        """Put the events that are due for these levels, then mark them; returns how many."""
        due = [level for level in levels if level.low != level.told_low]
        if not due:
            return 0
        arrived = await self._stream.put([self._event(level) for level in due])
        told = [level for level, has in zip(due, arrived, strict=True) if has]
        marked = [await self._table.mark_told(level, low=level.low) for level in told]
        for level, has in zip(due, arrived, strict=True):
            if not has:
                self._touches.touch([(level.store_id, level.sku)])
        return sum(marked)

    async def look_for_ever(self, stopping: asyncio.Event, seconds: float) -> None:
        """Worker: look every so often, and at once while there is more to look at."""
        while not stopping.is_set():
            try:
                await self.look()
            except UnavailableError as error:
                log.info("stock events wait", why=error.detail)
            await wait_or_stop(stopping, seconds)

    async def walk_for_ever(self, stopping: asyncio.Event, seconds: float) -> None:
        """Worker: a step of the slow round every so often."""
        while not stopping.is_set():
            try:
                await self.step()
            except UnavailableError as error:
                log.info("the round over all stock waits", why=error.detail)
            await wait_or_stop(stopping, seconds)

    def _event(self, level: Level) -> StockEvent:
        kind: Literal["stock.low", "stock.restocked"] = (
            "stock.low" if level.low else "stock.restocked"
        )
        return StockEvent(
            id=f"{level.store_id}:{level.sku}:{kind}:{level.serial + 1}",
            type=kind,
            at=self._clock(),
            store_id=level.store_id,
            sku=level.sku,
            available=level.available,
            low_at=level.low_at,
        )
