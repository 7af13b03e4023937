"""Calls to the inventory table. `repository.py` and `books.py` know what is in it."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError
from cafe_kit.aws import THROTTLES, AwsCalls, error_code
from cafe_kit.errors import ThrottledError, UnavailableError

from cafe_inventory.items import Item

LEFT_OVER_ATTEMPTS = 6
FIRST_PAUSE_SECONDS = 0.01
READ_BATCH = 100
WRITE_BATCH = 25
CONDITION_FAILED = "ConditionalCheckFailed"
CONFLICT = "TransactionConflict"
Reasons = list[dict[str, Any]]


class Table:
    """One table. Raises `ThrottledError` or `UnavailableError` when DynamoDB refuses or is away."""

    def __init__(self, aws: AwsCalls, name: str) -> None:
        self._aws = aws
        self.name = name

    async def call(self, operation: str, **parameters: object) -> dict[str, Any]:
        """One call that names the table itself or its parts."""
        try:
            return await self._aws.call("dynamodb", operation, **parameters)
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                raise UnavailableError(
                    f"The DynamoDB table {self.name} does not exist (yet).",
                    slug="table-missing",
                    remedy="Create it, or set CAFE_INVENTORY_TABLE.",
                ) from error
            raise

    async def transact(self, writes: Sequence[Item]) -> Reasons:
        """Empty when written; else DynamoDB's reason for each write."""
        try:
            await self.call("transact_write_items", TransactItems=writes)
        except ClientError as error:
            if error_code(error) != "TransactionCanceledException":
                raise
            reasons = [dict(reason) for reason in error.response.get("CancellationReasons", [])]
            codes = {reason.get("Code") for reason in reasons}
            if {f"{code}Exception" for code in codes} & THROTTLES or "ThrottlingError" in codes:
                raise ThrottledError("DynamoDB", "DynamoDB throttles a transaction.") from error
            return reasons or [{"Code": "Unknown"}]
        return []

    async def write(self, operation: str, **parameters: object) -> bool:
        """A conditional write of one item; False when the condition does not hold.

        Raises:
            UnavailableError: a transaction was at the item.
        """
        try:
            await self.call(operation, TableName=self.name, **parameters)
        except ClientError as error:
            if error_code(error) == "ConditionalCheckFailedException":
                return False
            if error_code(error) == "TransactionConflictException":
                raise UnavailableError(
                    "The stock item is being changed.", slug="stock-busy"
                ) from error
            raise
        return True

    async def get(self, key: Item) -> Item | None:
        """An item as it is now."""
        answer = await self.call("get_item", TableName=self.name, Key=key, ConsistentRead=True)
        found: Item | None = answer.get("Item")
        return found

    async def get_many(self, keys: Sequence[Item]) -> list[Item]:
        """The items that exist, as they are now, in any order."""
        found: list[Item] = []
        for at in range(0, len(keys), READ_BATCH):
            wanted = {self.name: {"Keys": keys[at : at + READ_BATCH], "ConsistentRead": True}}
            for attempt in range(LEFT_OVER_ATTEMPTS):
                answer = await self.call("batch_get_item", RequestItems=wanted)
                found += answer["Responses"].get(self.name, [])
                wanted = answer.get("UnprocessedKeys") or {}
                if not wanted:
                    break
                await pause(attempt)
            else:
                raise ThrottledError("DynamoDB", "DynamoDB left reads unprocessed.")
        return found

    async def delete_many(self, keys: Sequence[Item]) -> None:
        """Delete without conditions."""
        for at in range(0, len(keys), WRITE_BATCH):
            requests = [{"DeleteRequest": {"Key": key}} for key in keys[at : at + WRITE_BATCH]]
            pending = {self.name: requests}
            for attempt in range(LEFT_OVER_ATTEMPTS):
                answer = await self.call("batch_write_item", RequestItems=pending)
                pending = answer.get("UnprocessedItems") or {}
                if not pending:
                    break
                await pause(attempt)
            else:
                raise ThrottledError("DynamoDB", "DynamoDB left writes unprocessed.")

    async def query(
        self, condition: str, values: Item, *, limit: int, **parameters: object
    ) -> tuple[list[Item], Item | None]:
        """At most `limit` items by key, and where DynamoDB stopped, if it did."""
        answer = await self.call(
            "query",
            TableName=self.name,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            Limit=limit,
            **parameters,
        )
        return answer["Items"], answer.get("LastEvaluatedKey") or None


async def pause(attempt: int) -> None:
    """Longer after each attempt, and never the same for two of us."""
    pause_seconds = FIRST_PAUSE_SECONDS * 2**attempt
    await asyncio.sleep(pause_seconds * (0.5 + random.random()))  # noqa: S311 - jitter
