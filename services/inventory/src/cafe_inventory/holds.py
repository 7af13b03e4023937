"""Open holds of real orders, in pages: what the reserve of stock is made of, for the audit.

Called by `ledger.py`. They are found by their timers, which start in the transaction that reserves
and are forgotten only after the hold has ended, and are read as they are now: an index would be
behind the counters that the audit compares them with.
"""

from collections.abc import Sequence
from typing import Protocol

from cafe_kit.ledger_index import SHARDS, moment

from cafe_inventory.changes import Reservation, Timer

Position = tuple[int, str]
"""A share of the timers, and the last timer of it that was seen."""

TIMERS_A_QUERY = 50
"""Each names up to fifty orders."""
QUERIES_A_PAGE = 2 * SHARDS


class Holds(Protocol):
    """What paging needs of the table."""

    async def timers(self, shard: int, *, after: str, limit: int) -> list[Timer]:
        """The timers of a shard after one of them, in their order."""
        ...

    async def reservations(self, order_ids: Sequence[str]) -> dict[str, Reservation]:
        """Those that exist, as they are now."""
        ...


async def open_holds(
    table: Holds, position: Position, *, limit: int, only: str | None = None
) -> tuple[list[Reservation], Position | None]:
    """Holds after a position, of one store or of all, and the next position.

    What one query's timers name is not torn apart: there may be more than `limit`.
    """
    shard, after = position
    found: list[Reservation] = []
    for _ in range(QUERIES_A_PAGE):
        timers = await table.timers(shard, after=after, limit=TIMERS_A_QUERY)
        found += [each for each in await _open(table, timers) if only in {None, each.store_id}]
        if len(timers) == TIMERS_A_QUERY:
            after = timers[-1].sk
        else:
            shard, after = shard + 1, ""
        if shard == SHARDS:
            return found, None
        if len(found) >= limit:
            break
    return found, (shard, after)


async def _open(table: Holds, timers: Sequence[Timer]) -> list[Reservation]:
    """Those that are held still; one that was prolonged is found by its newest timer alone."""
    ends = {order: timer.sk.partition("#")[0] for timer in timers for order in timer.order_ids}
    known = await table.reservations(list(ends))
    return [
        each
        for order, each in known.items()
        if each.status == "reserved"
        and not each.synthetic
        and moment(each.held_until) <= ends[order]
    ]
