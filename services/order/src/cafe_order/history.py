"""Customers' own lists of orders, in DynamoDB: written by the relay, read by the endpoint.

| pk | sk | attributes |
|---|---|---|
| `CUSTOMER#<id>` | `<placedAt>#<orderId>` | order (JSON), status, ledgerPk, ledgerSk |

Each write is an order's whole state, and an order's writes come one after the other, so the last
one is right and none has to be conditional. The order is kept as one JSON text: as nested
attributes it would cost several times the CPU.
"""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError
from cafe_kit import ledger_index
from cafe_kit.aws import AwsCalls, error_code
from cafe_kit.errors import ThrottledError, UnavailableError
from cafe_kit.paging import decode_cursor, encode_cursor

from cafe_order import events
from cafe_order.destinations import Delivered, Outcome, Park, Retry, deliver_or_split
from cafe_order.models import CustomerOrder, CustomerOrders
from cafe_order.outbox import OutboxRow

WRITE_BATCH = 25

Item = dict[str, Any]


class HistoryDestination:
    """The outbox's way to the customers' lists."""

    name = events.HISTORY
    batch_size = 100
    lanes = 2
    newest_only = True

    def __init__(self, aws: AwsCalls, table: str, *, linger_seconds: float) -> None:
        self._aws = aws
        self._table = table
        self.linger_seconds = linger_seconds

    async def deliver(self, rows: Sequence[OutboxRow]) -> list[Outcome]:
        """BatchWriteItem, 25 at a time; what it leaves unprocessed is retried alone."""
        chunks = [rows[at : at + WRITE_BATCH] for at in range(0, len(rows), WRITE_BATCH)]
        outcomes = await asyncio.gather(*(self._deliver_some(chunk) for chunk in chunks))
        return [outcome for chunk in outcomes for outcome in chunk]

    async def _deliver_some(self, rows: Sequence[OutboxRow]) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        items: dict[int, Item] = {}
        for row in rows:
            try:
                items[row.id] = item_of(row.payload)
            except (ValueError, KeyError, TypeError) as error:
                outcomes[row.id] = Park(f"No history: {type(error).__name__}: {error}")

        async def send(some: Sequence[OutboxRow]) -> list[Outcome]:
            return await self._send([items[row.id] for row in some])

        sent = [row for row in rows if row.id in items]
        if sent:
            answers = await deliver_or_split(sent, send)
            outcomes |= {row.id: answer for row, answer in zip(sent, answers, strict=True)}
        return [outcomes[row.id] for row in rows]

    async def _send(self, items: Sequence[Item]) -> list[Outcome]:
        answer = await self._aws.call(
            "dynamodb",
            "batch_write_item",
            RequestItems={self._table: [{"PutRequest": {"Item": item}} for item in items]},
        )
        left = {
            request["PutRequest"]["Item"]["sk"]["S"]
            for request in answer.get("UnprocessedItems", {}).get(self._table, ())
        }
        return [
            Retry("DynamoDB left it unprocessed.") if item["sk"]["S"] in left else Delivered()
            for item in items
        ]


class CustomerHistory:
    """The lists, for reading."""

    def __init__(self, aws: AwsCalls, table: str) -> None:
        self._aws = aws
        self._table = table

    async def check(self) -> None:
        """Raise unless the table answers; being throttled is an answer."""
        try:
            await self._call("get_item", Key={"pk": {"S": "HEALTH"}, "sk": {"S": "HEALTH"}})
        except ThrottledError:
            return

    async def page(self, customer_id: str, limit: int, cursor: str | None) -> CustomerOrders:
        """A customer's orders, the newest first.

        Raises:
            ThrottledError: DynamoDB refuses for its capacity.
            UnavailableError: DynamoDB is away, or the table does not exist.
            UnprocessableError: the cursor is none of ours.
        """
        return await self.listed(f"CUSTOMER#{customer_id}", limit, cursor)

    async def listed(self, partition: str, limit: int, cursor: str | None) -> CustomerOrders:
        """A page of the orders under one partition key; raises as `page`."""
        pk = {"S": partition}
        start: Item = {}
        if cursor is not None:
            start = {
                "ExclusiveStartKey": {"pk": pk, "sk": {"S": decode_cursor(cursor, "sk")["sk"]}}
            }
        answer = await self._call(
            "query",
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": pk},
            ScanIndexForward=False,
            Limit=limit,
            **start,
        )
        last = answer.get("LastEvaluatedKey")
        return CustomerOrders(
            orders=[
                CustomerOrder.model_validate_json(item["order"]["S"]) for item in answer["Items"]
            ],
            next=encode_cursor({"sk": last["sk"]["S"]}) if last else None,
        )

    async def _call(self, operation: str, **parameters: object) -> dict[str, Any]:
        try:
            return await self._aws.call("dynamodb", operation, TableName=self._table, **parameters)
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                raise UnavailableError(
                    f"The DynamoDB table {self._table} does not exist (yet).",
                    slug="table-missing",
                    remedy="Create it, or set CAFE_ORDERS_TABLE.",
                ) from error
            raise


def item_of(payload: str) -> Item:
    """The item of a history message.

    Raises:
        ValueError: it is no JSON, or a time in it is none.
        KeyError: something is missing.
    """
    order = json.loads(payload)
    order_id, placed_at = order["orderId"], order["placedAt"]
    hour = datetime.fromisoformat(placed_at)
    values = {
        "pk": f"CUSTOMER#{order['customerId']}",
        "sk": f"{placed_at}#{order_id}",
        "ledgerPk": ledger_index.partition(hour, ledger_index.shard_of(order_id)),
        "ledgerSk": f"{placed_at}#{order_id}",
        "status": order["status"],
        "order": payload,
    }
    return {name: {"S": value} for name, value in values.items()}
