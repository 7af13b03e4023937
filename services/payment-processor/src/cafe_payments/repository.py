"""The ledger in DynamoDB. Implements the port `Ledger` of `service.py`, and its pages.

Entries that are written at the same time go in one TransactWriteItems: a call costs a millisecond
of CPU, whatever is in it. All or nothing is not wanted, so what a refused transaction refused is
taken out and the rest is written again.
"""

import asyncio
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError
from cafe_kit.aws import THROTTLES, AwsCalls, error_code
from cafe_kit.errors import ThrottledError, UnavailableError
from cafe_kit.ledger_index import INDEX, SHARDS, just_after, moment, partition
from cafe_kit.ledger_index import place as place_of

from cafe_payments import items
from cafe_payments.models import Entry, Period

MERGED = 25
"""Entries in one transaction; DynamoDB takes 100, but one conflict costs all of them a round."""
LINGER_SECONDS = 0.004
"""Batches of ten end their calls within some milliseconds, and nobody waits at a till for this."""
CONFLICT_ATTEMPTS = 8
CONFLICT_PAUSE_SECONDS = 0.01
QUERIES = 64
"""In one page: an empty month is many hours."""
CONDITION_FAILED = "ConditionalCheckFailed"


@dataclass(frozen=True, slots=True)
class _Waiting:
    entry: Entry
    stored: asyncio.Future[Entry | None]


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: after this sort key in this shard of this hour."""

    hour: datetime
    shard: int
    after: str


class DynamoLedger:
    """The table. Raises `ThrottledError` or `UnavailableError` when DynamoDB refuses or is away."""

    def __init__(
        self, aws: AwsCalls, table: str, *, linger_seconds: float = LINGER_SECONDS
    ) -> None:
        self._aws = aws
        self._table = table
        self._linger_seconds = linger_seconds
        self._waiting: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None

    async def check(self) -> None:
        """Raise unless the table answers; being throttled is an answer."""
        try:
            await self.read("health")
        except ThrottledError:
            return

    async def read(self, order_id: str) -> Entry | None:
        """An order's entry."""
        answer = await self._call(
            "get_item", TableName=self._table, Key=items.key(order_id), ConsistentRead=True
        )
        return items.decode(answer["Item"]) if "Item" in answer else None

    async def write(self, entry: Entry) -> Entry | None:
        """Store an entry if it follows the stored version, together with whoever writes now."""
        stored: asyncio.Future[Entry | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(entry, stored))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        return await stored

    async def close(self) -> None:
        """Finish what is being written."""
        if self._writer is not None:
            await asyncio.wait({self._writer})

    async def page(
        self, period: Period, position: Position | None, limit: int
    ) -> tuple[list[Entry], Position | None]:
        """Entries of a period by hour, shard and time; maybe fewer than `limit` before the end."""
        found: list[Entry] = []
        for queries, place in enumerate(_places(period, position)):
            if queries == QUERIES:
                return found, place
            entries, last = await self._query(place, period, limit - len(found))
            found += entries
            if last or len(found) == limit:
                after = last or place_of(found[-1].placed_at, found[-1].order_id)
                return found, Position(place.hour, place.shard, after)
        return found, None

    async def _query(
        self, place: Position, period: Period, limit: int
    ) -> tuple[list[Entry], str | None]:
        """Entries of one shard of one hour, and the sort key to go on after, if any."""
        values = {
            ":pk": {"S": partition(place.hour, place.shard)},
            ":low": {"S": just_after(place.after) or moment(period.since)},
            # an item's sort key is longer than the bare moment, so this end is open
            ":high": {"S": moment(period.until)},
        }
        filters: dict[str, Any] = {}
        if period.store_id is not None:
            filters = {"FilterExpression": "storeId = :store"}
            values[":store"] = {"S": period.store_id}
        answer = await self._call(
            "query",
            TableName=self._table,
            IndexName=INDEX,
            KeyConditionExpression="ledgerPk = :pk AND ledgerSk BETWEEN :low AND :high",
            ExpressionAttributeValues=values,
            Limit=limit,
            **filters,
        )
        last = answer.get("LastEvaluatedKey")
        return [items.decode(item) for item in answer["Items"]], last and last["ledgerSk"]["S"]

    async def _write_all(self) -> None:
        await asyncio.sleep(self._linger_seconds)
        while self._waiting:
            group = self._next_group()
            try:
                await self._write_group(group)
            except Exception as error:  # noqa: BLE001 - whoever waits has to hear it, whatever it is
                for one in group:
                    if not one.stored.done():
                        one.stored.set_exception(error)

    def _next_group(self) -> list[_Waiting]:
        """Some of those who wait, each order once: a transaction takes an item once."""
        group: dict[str, _Waiting] = {}
        left: list[_Waiting] = []
        for one in self._waiting:
            if one.stored.done():  # whoever asked has left; unwritten is as good as dead before
                continue
            if len(group) == MERGED or one.entry.order_id in group:
                left.append(one)
            else:
                group[one.entry.order_id] = one
        self._waiting = left
        return list(group.values())

    async def _write_group(self, group: Sequence[_Waiting]) -> None:
        """Write until each is stored or refused."""
        pending = list(group)
        for attempt in range(CONFLICT_ATTEMPTS):
            if not pending:
                return
            # those who keep meeting others are written alone, so that nobody waits for them
            alone = attempt > 1 and len(pending) > 1
            chunks = [[one] for one in pending] if alone else [pending]
            left = await asyncio.gather(*(self._transact(chunk) for chunk in chunks))
            stuck = [one for chunk in left for one in chunk]
            if len(stuck) == len(pending):
                await asyncio.sleep(CONFLICT_PAUSE_SECONDS * (1 + random.random() * 2**attempt))  # noqa: S311 - jitter
            pending = stuck
        if pending:
            raise UnavailableError("Too many write the same payments at once.", slug="ledger-busy")

    async def _transact(self, group: Sequence[_Waiting]) -> list[_Waiting]:
        """Those that have to be written again; the others know what became of them."""
        writes = [items.put(one.entry, self._table) for one in group]
        try:
            await self._call("transact_write_items", TransactItems=writes)
        except ClientError as error:
            if error_code(error) != "TransactionCanceledException":
                raise
            return await self._sort_out(group, error)
        for one in group:
            _answer(one, None)
        return []

    async def _sort_out(self, group: Sequence[_Waiting], error: ClientError) -> list[_Waiting]:
        reasons = [dict(reason) for reason in error.response.get("CancellationReasons", [])]
        codes = {reason.get("Code") for reason in reasons}
        if {f"{code}Exception" for code in codes} & THROTTLES or "ThrottlingError" in codes:
            raise ThrottledError("DynamoDB", "DynamoDB throttles a transaction.") from error
        if len(reasons) != len(group):
            raise UnavailableError(f"DynamoDB cancelled a transaction: {error}.") from error
        left: list[_Waiting] = []
        for one, reason in zip(group, reasons, strict=True):
            if reason.get("Code") != CONDITION_FAILED:
                left.append(one)
                continue
            item: Any = reason.get("Item")
            known = items.decode(item) if item else await self.read(one.entry.order_id)
            if known is None:
                raise UnavailableError(f"The entry of order {one.entry.order_id} is gone.")
            _answer(one, known)
        return left

    async def _call(self, operation: str, **parameters: object) -> dict[str, Any]:
        try:
            return await self._aws.call("dynamodb", operation, **parameters)
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                raise UnavailableError(
                    f"The DynamoDB table {self._table} does not exist (yet).",
                    slug="table-missing",
                    remedy="Create it, or set CAFE_PAYMENTS_TABLE.",
                ) from error
            raise


def _answer(waiting: _Waiting, known: Entry | None) -> None:
    if not waiting.stored.done():
        waiting.stored.set_result(known)


def _places(period: Period, position: Position | None) -> Iterator[Position]:
    """Every shard of every hour of a period, from a position on."""
    shard, after = (position.shard, position.after) if position else (0, "")
    for hour in items.hours(position.hour if position else period.since, period.until):
        while shard < SHARDS:
            yield Position(hour, shard, after)
            shard, after = shard + 1, ""
        shard = 0
