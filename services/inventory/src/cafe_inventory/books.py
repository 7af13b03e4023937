"""The books of stock, in pages: reservations by the moment their orders were placed, and levels.

Reads through the index `ledger`, whose partitions are eighths of an hour. A page costs a bounded
number of queries: it may be short, even empty, and still have a next one.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from botocore.exceptions import ClientError
from cafe_kit.aws import error_code
from cafe_kit.errors import UnavailableError
from cafe_kit.ledger_index import INDEX, SHARDS, just_after, moment, partition

from cafe_inventory import items
from cafe_inventory.changes import Level, Reservation
from cafe_inventory.dynamo import Table

HOUR = timedelta(hours=1)
HOURS_A_PAGE = 12
STORES_A_PAGE = 50


@dataclass(frozen=True, slots=True)
class Window:
    """Which orders: placed from (inclusive) until (exclusive), of one store or of all."""

    since: datetime
    until: datetime
    store_id: str | None = None


class Levels(Protocol):
    """What a walk over all stock needs of the table."""

    async def stock(
        self, store_id: str, *, after: str = "", limit: int
    ) -> tuple[list[Level], str | None]:
        """Items of a store after one of them, and the last one's name when there may be more."""
        ...

    async def stores(self, *, after: str, limit: int) -> list[str]:
        """Stores that have stock, after one of them."""
        ...


class DynamoBooks:
    """Reservations from the index."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def page(
        self, window: Window, *, after: str, limit: int
    ) -> tuple[list[Reservation], str | None]:
        """Reservations after a position, in the order of placing, and the next position."""
        low = max(moment(window.since), just_after(after))
        high = moment(window.until)
        if low > high:
            return [], None
        hour = datetime.fromisoformat(low[:13]).replace(tzinfo=UTC)
        found: list[Reservation] = []
        for _ in range(HOURS_A_PAGE):
            if moment(hour) >= high:
                return found, None
            some, stopped = await self._hour(hour, (low, high), window.store_id, limit - len(found))
            found += some
            if stopped:
                return found, stopped
            hour += HOUR
            low = max(low, moment(hour))
        return found, moment(hour)

    async def _hour(
        self, hour: datetime, between: tuple[str, str], store_id: str | None, limit: int
    ) -> tuple[list[Reservation], str | None]:
        """What an hour has, merged from its eighths; and where to go on, if it has more.

        Each eighth is asked for its share of the limit. What lies beyond the first one that had
        more to say is left for the next page, so that the order holds.
        """
        share = -(-limit // SHARDS) + 1
        answers = await asyncio.gather(
            *(
                self._query(partition(hour, shard), between, store_id, share)
                for shard in range(SHARDS)
            )
        )
        stops = [last["ledgerSk"]["S"] for _, last in answers if last]
        merged = sorted(
            (item for found, _ in answers for item in found), key=lambda item: item["ledgerSk"]["S"]
        )
        if stops:
            merged = [item for item in merged if item["ledgerSk"]["S"] <= min(stops)]
        stopped = min(stops, default=None)
        if len(merged) > limit or (len(merged) == limit and not stops):
            merged = merged[:limit]
            stopped = merged[-1]["ledgerSk"]["S"]
        return [items.reservation(item) for item in merged], stopped

    async def _query(
        self, pk: str, between: tuple[str, str], store_id: str | None, limit: int
    ) -> tuple[list[items.Item], items.Item | None]:
        values = {":pk": pk, ":low": between[0], ":high": between[1]}
        extra: dict[str, Any] = {}
        if store_id is not None:
            values[":store"] = store_id
            extra["FilterExpression"] = "storeId = :store"
        try:
            return await self._table.query(
                "ledgerPk = :pk AND ledgerSk BETWEEN :low AND :high",
                items.encode(values),
                limit=limit,
                IndexName=INDEX,
                **extra,
            )
        except ClientError as error:
            if error_code(error) != "ValidationException":
                raise
            raise UnavailableError(
                f"The table {self._table.name} has no index {INDEX!r} (yet).",
                slug="index-missing",
                remedy="Add it; the keys are ledgerPk and ledgerSk.",
            ) from error


async def walk(
    table: Levels, after: tuple[str, str], *, limit: int, only: str | None = None
) -> tuple[Sequence[Level], tuple[str, str] | None]:
    """Stock items of all stores (or of one) after a position, and the next position.

    A position is a store and its last item seen; with no item, all of that store was seen.
    """
    store, sku = after
    if only is not None:
        levels, last = await table.stock(only, after=sku, limit=limit)
        return levels, None if last is None else (only, last)
    others = await table.stores(after=store, limit=STORES_A_PAGE)
    found: list[Level] = []
    for each in [*([store] if sku else []), *others]:
        start = sku if each == store else ""
        levels, last = await table.stock(each, after=start, limit=limit - len(found))
        found += levels
        if last is not None or len(found) == limit:
            return found, (each, last or "")
    return found, (others[-1], "") if len(others) == STORES_A_PAGE else None
