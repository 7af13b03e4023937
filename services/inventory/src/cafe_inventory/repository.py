"""Stock and reservations in one DynamoDB table: what the rules ask of it.

The items are in `items.py`, the conditional writes in `writes.py`, the calls in `dynamo.py`.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from itertools import zip_longest

from cafe_kit.errors import ThrottledError, UnavailableError
from cafe_kit.ledger_index import moment

from cafe_inventory import items, writes
from cafe_inventory.changes import (
    Busy,
    Change,
    Level,
    Refused,
    Reservation,
    Restock,
    StockKey,
    Timer,
    Verdict,
    Written,
    merge,
)
from cafe_inventory.dynamo import CONDITION_FAILED, CONFLICT, Reasons, Table, pause
from cafe_inventory.models import ParItem

CONCURRENT_WRITES = 8
RESTOCK_ATTEMPTS = 6


class DynamoStock:
    """The port that `service.py`, `desk.py`, `sweeping.py` and `telling.py` describe."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def check(self) -> None:
        """Raise unless the table answers; being throttled is an answer."""
        try:
            await self._table.get(items.key("HEALTH", "HEALTH"))
        except ThrottledError:
            return

    async def write(self, group: Sequence[Change], now: datetime) -> Verdict:
        """One transaction: one write a change, one a stock item, one timer."""
        name = self._table.name
        merged = merge(group)
        reasons = await self._table.transact(
            [
                *(writes.change_reservation(change, name, now) for change in group),
                *(writes.move_stock(key, move, name, now) for key, move in merged.items()),
                *writes.start_timer(group, name),
            ]
        )
        return _verdict(group, list(merged), reasons) if reasons else Written()

    async def reservations(self, order_ids: Sequence[str]) -> dict[str, Reservation]:
        """Those that exist."""
        keys = [items.reservation_key(order_id) for order_id in order_ids]
        found = [items.reservation(item) for item in await self._table.get_many(keys)]
        return {each.order_id: each for each in found}

    async def lapsed(self, shard: int, now: datetime, limit: int) -> list[Timer]:
        """The oldest timers of a shard whose time is over."""
        found, _ = await self._table.query(
            "pk = :pk AND sk < :now",
            items.encode({":pk": items.hold_pk(shard), ":now": moment(now)}),
            limit=limit,
        )
        return [items.timer(item) for item in found]

    async def timers(self, shard: int, *, after: str, limit: int) -> list[Timer]:
        """The timers of a shard after one of them."""
        found, _ = await self._table.query(
            "pk = :pk AND sk > :after",
            # a sort key cannot be compared with nothing
            items.encode({":pk": items.hold_pk(shard), ":after": after or " "}),
            limit=limit,
            ConsistentRead=True,
        )
        return [items.timer(item) for item in found]

    async def forget(self, timers: Sequence[Timer]) -> None:
        """These have nothing more to say."""
        await self._table.delete_many([items.key(timer.pk, timer.sk) for timer in timers])

    async def stock(
        self, store_id: str, *, after: str = "", limit: int
    ) -> tuple[list[Level], str | None]:
        """Items of a store after one of them, and the last one's name when there may be more."""
        found, last = await self._table.query(
            "pk = :pk AND sk BETWEEN :low AND :high",
            items.encode(
                {
                    ":pk": items.store_pk(store_id),
                    # no character of an item's name sorts below the blank, none above the tilde
                    ":low": f"{items.SKU_PREFIX}{after} ",
                    ":high": f"{items.SKU_PREFIX}~",
                }
            ),
            limit=limit,
            ConsistentRead=True,
        )
        levels = [items.level(item) for item in found]
        return levels, levels[-1].sku if last and levels else None

    async def levels(self, keys: Sequence[StockKey]) -> list[Level]:
        """The stock items that exist."""
        found = await self._table.get_many([items.stock_key(*key) for key in keys])
        return [items.level(item) for item in found]

    async def put_par(self, store_id: str, par: Sequence[ParItem], now: datetime) -> None:
        """Create what is missing; of what is there, set when it is low if `par` says so."""
        await self._list_store(store_id)
        known = {
            level.sku: level for level in await self.levels([(store_id, item.sku) for item in par])
        }
        room = asyncio.Semaphore(CONCURRENT_WRITES)

        async def put(item: ParItem) -> None:
            async with room:
                if item.sku not in known and await self._create(store_id, item, now):
                    return
                await self._adjust(store_id, item, known.get(item.sku))

        await asyncio.gather(*(put(item) for item in par))

    async def delete_stock(self, store_id: str) -> Level | None:
        """Forget a store's stock, or return an item that is reserved; fine when it is gone."""
        listed = await self._table.get(items.key(items.STORES, store_id))
        after: str | None = ""
        while after is not None:
            levels, after = await self.stock(store_id, after=after, limit=1000)
            held = await self._delete(levels)
            if held is not None:
                return held
        if listed:  # unless it was opened again meanwhile
            await self._table.write(
                "delete_item",
                Key=items.key(items.STORES, store_id),
                ConditionExpression="changes = :changes",
                ExpressionAttributeValues={":changes": listed["changes"]},
            )
        return None

    async def stores(self, *, after: str, limit: int) -> list[str]:
        """Stores that have stock, after one of them."""
        found, _ = await self._table.query(
            "pk = :pk AND sk > :after",
            # a sort key cannot be compared with nothing
            items.encode({":pk": items.STORES, ":after": after or " "}),
            limit=limit,
            ConsistentRead=True,
        )
        return [str(item["sk"]["S"]) for item in found]

    async def restock(self, restock: Restock) -> Restock | str:
        """Book a delivery, or find it booked; or the name of the item that the store lacks."""
        for attempt in range(RESTOCK_ATTEMPTS):
            reasons = await self._table.transact(writes.book_restock(restock, self._table.name))
            if not reasons:
                return restock
            if reasons[0]["Code"] == CONDITION_FAILED:
                return items.restock(restock.store_id, restock.key, reasons[0]["Item"])
            for (sku, _), reason in zip(restock.items, reasons[1:], strict=False):
                if reason["Code"] != CONDITION_FAILED:
                    continue
                if "Item" not in reason:
                    return sku
                await self.give_counters(items.level(reason["Item"]), restock.received_at)
            await pause(attempt)
        raise UnavailableError("Too many changes of the same items at once.", slug="stock-busy")

    async def give_counters(self, level: Level, now: datetime) -> bool:
        """Bring an item of an older version up to date; False when it moved meanwhile."""
        return await self._table.write("update_item", **writes.give_counters(level, now))

    async def mark_told(self, level: Level, *, low: bool) -> bool:
        """An event about this level was put; False when somebody else put one meanwhile."""
        return await self._table.write("update_item", **writes.mark_told(level, low=low))

    async def _delete(self, levels: Sequence[Level]) -> Level | None:
        """Delete these, none of them while it is reserved; return one that is."""
        held = next((level for level in levels if level.reserved), None)
        if held is not None:
            return held
        room = asyncio.Semaphore(CONCURRENT_WRITES)

        async def delete(level: Level) -> bool:
            async with room:
                return await self._table.write(
                    "delete_item", **writes.delete_stock(level.store_id, level.sku)
                )

        deleted = await asyncio.gather(*(delete(level) for level in levels))
        refused = [
            (level.store_id, level.sku)
            for level, done in zip(levels, deleted, strict=True)
            if not done
        ]
        return await self._delete(await self.levels(refused)) if refused else None

    async def _create(self, store_id: str, item: ParItem, now: datetime) -> bool:
        return await self._table.write(
            "put_item",
            Item=items.new_stock(store_id, item, now),
            ConditionExpression="attribute_not_exists(pk)",
        )

    async def _adjust(self, store_id: str, item: ParItem, known: Level | None) -> None:
        if item.low_at is None or (known is not None and known.low_at == item.low_at):
            return
        await self._table.write("update_item", **writes.set_low_at(store_id, item.sku, item.low_at))

    async def _list_store(self, store_id: str) -> None:
        await self._table.write(
            "update_item",
            Key=items.key(items.STORES, store_id),
            UpdateExpression="ADD changes :one",
            ExpressionAttributeValues=items.encode({":one": 1}),
        )


def _verdict(group: Sequence[Change], keys: Sequence[StockKey], reasons: Reasons) -> Verdict:
    """DynamoDB's reasons stand in the order of the writes."""
    failed = [reason["Code"] == CONDITION_FAILED for reason in reasons]
    if not any(failed):
        codes = {reason["Code"] for reason in reasons} - {"None"}
        return Busy() if CONFLICT in codes else Refused({}, {}, ", ".join(sorted(codes)))
    found: dict[str, Reservation | None] = {}
    levels: dict[StockKey, Level | None] = {}
    for subject, reason, is_failed in zip_longest([*group, *keys], reasons, failed):
        if not is_failed:
            continue
        item = reason.get("Item")
        if isinstance(subject, tuple):
            levels[subject] = items.level(item) if item else None
        elif subject is not None:
            found[subject.order_id] = items.reservation(item) if item else None
    return Refused(found, levels)
