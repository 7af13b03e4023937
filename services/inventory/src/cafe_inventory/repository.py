"""Stock and reservations in one DynamoDB table. Used by `service.py`; the items are in `items.py`.

Every change is one TransactWriteItems with conditions, so stock never goes below zero and a
repetition changes nothing.
"""

import asyncio
import random
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError
from cafe_kit.aws import THROTTLES, AwsCalls, error_code
from cafe_kit.errors import ThrottledError, UnavailableError

from cafe_inventory import items
from cafe_inventory.models import (
    Exists,
    Held,
    Outcome,
    OutOfStock,
    ParItem,
    Reservation,
    ReservationStatus,
    StockItem,
)

CONFLICT_ATTEMPTS = 10
CONFLICT_PAUSE_SECONDS = 0.01
BATCH = 25
SWEEP_LIMIT = 50
CONDITION_FAILED = "ConditionalCheckFailed"
CONFLICT = "TransactionConflict"


class DynamoStock:
    """The table. Raises `ThrottledError` or `UnavailableError` when DynamoDB refuses or is away."""

    def __init__(self, aws: AwsCalls, table: str) -> None:
        self._aws = aws
        self._table = table

    async def check(self) -> None:
        """Raise unless the table answers; being throttled is an answer."""
        try:
            await self._call("get_item", Key=items.key("HEALTH", "HEALTH"))
        except ThrottledError:
            return

    async def stock(self, store_id: str) -> list[StockItem]:
        """All items of a store."""
        found = await self._query(items.store_pk(store_id), items.SKU_PREFIX)
        return [items.stock_item(item) for item in found]

    async def put_par(self, store_id: str, par: Sequence[ParItem]) -> None:
        """Create what is missing; what is there stays as it is."""
        await asyncio.gather(*(self._create_stock(store_id, item) for item in par))

    async def delete_stock(self, store_id: str) -> None:
        """Forget a store's stock; fine when it is gone already."""
        found = await self._query(items.store_pk(store_id), items.SKU_PREFIX)
        for at in range(0, len(found), BATCH):
            requests = [
                {"DeleteRequest": {"Key": {"pk": item["pk"], "sk": item["sk"]}}}
                for item in found[at : at + BATCH]
            ]
            await self._write_batch(requests)

    async def reservation(self, order_id: str) -> Reservation | None:
        """An order's reservation."""
        answer = await self._call(
            "get_item", Key=items.reservation_key(order_id), ConsistentRead=True
        )
        return items.reservation(answer["Item"]) if "Item" in answer else None

    async def reserve(self, wanted: Reservation, now: datetime) -> Outcome:
        """Keep the stock of all lines or of none; a lapsed reservation may be made again."""
        writes = [
            {"Put": {"TableName": self._table, **items.put_reservation(wanted, now)}},
            *({"Put": self._write(hold)} for hold in items.put_holds(wanted)),
            *({"Update": self._write(take)} for take in items.take_stock(wanted, now)),
        ]
        reasons = await self._transact(writes)
        if not reasons:
            return Held()
        if reasons[0]["Code"] == CONDITION_FAILED:
            return Exists()
        first_line = len(writes) - len(wanted.lines)
        for line, reason in zip(wanted.lines, reasons[first_line:], strict=True):
            if reason["Code"] == CONDITION_FAILED:
                return OutOfStock(line.sku, items.available(reason.get("Item")))
        raise UnavailableError(f"DynamoDB cancelled a reservation: {reasons}.")

    async def settle(
        self, held: Reservation, status: ReservationStatus, now: datetime, *, expired: bool = False
    ) -> bool:
        """Commit or release what is held; False when it is not held (any more)."""
        base = [
            {"Update": self._write(items.close_reservation(held, status, now, expired=expired))}
        ]
        base += [{"Delete": self._write(hold)} for hold in items.delete_holds(held)]
        lines = [{"Update": self._write(move)} for move in items.return_stock(held, status)]
        while True:
            reasons = await self._transact([*base, *lines])
            if not reasons:
                return True
            if reasons[0]["Code"] == CONDITION_FAILED:
                return False
            # the store's stock was deleted meanwhile: settle what is still there
            kept = [
                line
                for line, reason in zip(lines, reasons[len(base) :], strict=True)
                if reason["Code"] != CONDITION_FAILED
            ]
            if len(kept) == len(lines):
                raise UnavailableError(f"DynamoDB cancelled a settlement: {reasons}.")
            lines = kept

    async def lapsed(self, now: datetime) -> list[str]:
        """Order ids of holds whose time is over, a bounded number of each shard."""
        found: list[str] = []
        for shard in range(items.SHARDS):
            answer = await self._call(
                "query",
                KeyConditionExpression="pk = :pk AND sk < :now",
                ExpressionAttributeValues=items.encode(
                    {":pk": items.hold_pk(shard), ":now": items.moment(now)}
                ),
                Limit=SWEEP_LIMIT,
            )
            found += [items.hold_order(item) for item in answer["Items"]]
        return found

    async def _create_stock(self, store_id: str, item: ParItem) -> None:
        try:
            await self._call(
                "put_item",
                Item=items.new_stock(store_id, item),
                ConditionExpression="attribute_not_exists(pk)",
            )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise

    async def _query(self, pk: str, prefix: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        start: dict[str, Any] = {}
        while True:
            answer = await self._call(
                "query",
                KeyConditionExpression="pk = :pk AND begins_with(sk, :prefix)",
                ExpressionAttributeValues=items.encode({":pk": pk, ":prefix": prefix}),
                ConsistentRead=True,
                **start,
            )
            found += answer["Items"]
            if not answer.get("LastEvaluatedKey"):
                return found
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    async def _write_batch(self, requests: list[dict[str, Any]]) -> None:
        pending = {self._table: requests}
        for _ in range(CONFLICT_ATTEMPTS):
            answer = await self._translated("batch_write_item", RequestItems=pending)
            pending = answer.get("UnprocessedItems") or {}
            if not pending:
                return
            await _pause()
        raise ThrottledError("DynamoDB", "DynamoDB left writes unprocessed.")

    async def _transact(self, writes: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Empty when written; else the reason for each write, with conflicts retried."""
        for _ in range(CONFLICT_ATTEMPTS):
            try:
                await self._translated("transact_write_items", TransactItems=writes)
            except ClientError as error:
                if error_code(error) != "TransactionCanceledException":
                    raise
                reasons = [dict(reason) for reason in error.response.get("CancellationReasons", [])]
                codes = {reason.get("Code") for reason in reasons}
                if {f"{code}Exception" for code in codes} & THROTTLES or "ThrottlingError" in codes:
                    raise ThrottledError("DynamoDB", "DynamoDB throttles a transaction.") from error
                if CONFLICT not in codes or CONDITION_FAILED in codes:
                    return reasons
                await _pause()
            else:
                return []
        raise UnavailableError(
            "Too many reservations of the same items at once.", slug="stock-busy"
        )

    async def _call(self, operation: str, **parameters: object) -> dict[str, Any]:
        return await self._translated(operation, TableName=self._table, **parameters)

    async def _translated(self, operation: str, **parameters: object) -> dict[str, Any]:
        try:
            return await self._aws.call("dynamodb", operation, **parameters)
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                raise UnavailableError(
                    f"The DynamoDB table {self._table} does not exist (yet).",
                    slug="table-missing",
                    remedy="Create it, or set CAFE_INVENTORY_TABLE.",
                ) from error
            raise

    def _write(self, parameters: dict[str, Any]) -> dict[str, Any]:
        return {"TableName": self._table, **parameters}


async def _pause() -> None:
    await asyncio.sleep(CONFLICT_PAUSE_SECONDS * (1 + random.random() * 4))  # noqa: S311 - jitter
