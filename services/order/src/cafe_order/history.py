"""Customers' own lists of orders, in DynamoDB: written by the relay, read by the endpoint.

| pk | sk | attributes |
|---|---|---|
| `CUSTOMER#<id>` | `<placedAt>#<orderId>` | order (JSON), status, ledgerPk, ledgerSk |

Each write is an order's whole state; one that comes late changes nothing (`lists.py`). The order is
kept as one JSON text: as nested attributes it would cost several times the CPU.
"""

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
from cafe_order.destinations import Outcome, Park
from cafe_order.lists import Found, Item, known, write
from cafe_order.models import CustomerOrder, CustomerOrders
from cafe_order.outbox import OutboxRow


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
        """Ends in batches, what still changes in calls of its own: see `lists.py`."""
        outcomes: dict[int, Outcome] = {}
        found: list[Found] = []
        for row in rows:
            try:
                found.append((row, item_of(row.payload)))
            except (ValueError, KeyError, TypeError) as error:
                outcomes[row.id] = Park(f"No history: {type(error).__name__}: {error}")
        outcomes |= await write(self._aws.call, self._table, found)
        return [outcomes[row.id] for row in rows]


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
        ValueError: it is no JSON, or a time or the status in it is none.
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
        "status": known(order["status"]),
        "order": payload,
    }
    return {name: {"S": value} for name, value in values.items()}
