"""Many placements, one commit: orders that wait for the database at the same time share a write.

Called by placing, which awaits each order's own outcome. There is no timer: a batch is what came
together while the writers were busy, so an order that comes alone goes alone, at once, and under
load a commit is shared by as many as arrived during the one before. An answer is given only after
the commit that it stands for.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from cafe_kit.errors import UnavailableError

from cafe_order.models import Placed, Placement

Write = Callable[[Sequence[Placement]], Awaitable[Sequence[Placed]]]
"""Writes placements with different keys in one transaction; one outcome each, in their order."""

Waiting = tuple[Placement, asyncio.Future[Placed]]


class MergedPlacements:
    """Takes placements one by one and hands them to `write` in batches; then calls `written`."""

    def __init__(
        self, write: Write, *, written: Callable[[], None], writers: int = 2, batch: int = 64
    ) -> None:
        self._write = write
        self._written = written
        self._free_writers = writers
        self._batch = batch
        self._waiting: deque[Waiting] = deque()
        self._keys: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def place(self, placement: Placement) -> Placed:
        """What became of the placement; KEY_TAKEN at once if we are writing that key already.

        Raises:
            UnavailableError: the database was lost; the outcome is unknown.
        """
        if placement.key in self._keys:
            return Placed.KEY_TAKEN
        outcome: asyncio.Future[Placed] = asyncio.get_running_loop().create_future()
        self._keys.add(placement.key)
        self._waiting.append((placement, outcome))
        if self._free_writers:
            self._free_writers -= 1
            # it begins in the loop's next turn, with all that this turn still brings
            task = asyncio.create_task(self._write_all(), name="place-orders")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await outcome

    async def _write_all(self) -> None:
        """One writer: batch after batch, until nobody waits."""
        try:
            while batch := self._next_batch():
                try:
                    await self._write_batch(batch)
                finally:
                    self._let_go(batch)
        finally:
            self._free_writers += 1

    def _next_batch(self) -> list[Waiting]:
        batch: list[Waiting] = []
        while self._waiting and len(batch) < self._batch:
            placement, outcome = self._waiting.popleft()
            if outcome.done():  # the caller's time was over: nothing was written, nothing will be
                self._keys.discard(placement.key)
            else:
                batch.append((placement, outcome))
        return batch

    async def _write_batch(self, batch: list[Waiting]) -> None:
        try:
            outcomes = await self._write([placement for placement, _ in batch])
        except UnavailableError as error:
            _fail(batch, error)
        except Exception as error:  # noqa: BLE001 - handed to whom it concerns
            # the transaction was rolled back whole: find out whose fault it is
            if len(batch) == 1:
                _fail(batch, error)
                return
            for one in batch:
                await self._write_batch([one])
        else:
            for (_, waiting), outcome in zip(batch, outcomes, strict=True):
                if not waiting.done():
                    waiting.set_result(outcome)
            self._written()

    def _let_go(self, batch: list[Waiting]) -> None:
        """Nobody waits for ever, even if the writer was cancelled."""
        for placement, outcome in batch:
            self._keys.discard(placement.key)
            if not outcome.done():
                outcome.set_exception(UnavailableError("The service is stopping."))


def _fail(batch: list[Waiting], error: Exception) -> None:
    for _, outcome in batch:
        if not outcome.done():
            outcome.set_exception(error)
